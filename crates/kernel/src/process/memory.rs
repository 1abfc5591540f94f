//! Memory of this process: what was needed once and will not be needed soon is given back.
//!
//! **Source**: proc_pid_maps(5), madvise(2), malloc_trim(3).

use std::ops::Range;

use crate::sys;

/// Gives back what only the work so far has needed: the program's code, which the kernel maps again where it is
/// executed, and what the allocator holds in reserve. Memory that is locked stays.
pub fn give_back_memory() {
    let here = give_back_memory as *const () as usize;
    // Without /proc a little more stays mapped.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    if let Some(code) = code_around(&maps, here) {
        let _ = sys::unmap_pages(&code);
    }
    sys::trim_heap();
}

/// The mapping of code around an address, where it cannot be written.
fn code_around(maps: &str, address: usize) -> Option<Range<usize>> {
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (start, end) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let range = number(start)?..number(end)?;
        (range.contains(&address) && rest.starts_with("r-xp ")).then_some(range)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
55f0c1e00000-55f0c1f00000 r--p 00000000 fe:00 131 /usr/sbin/steadfast
55f0c1f00000-55f0c2300000 r-xp 000ff000 fe:00 131 /usr/sbin/steadfast
55f0c2300000-55f0c2330000 rwxp 004fe000 fe:00 131 /usr/sbin/steadfast
nonsense
";

    #[test]
    fn code_is_what_is_executed_and_never_written() {
        assert_eq!(code_around(MAPS, 0x55f0_c1f0_0000), Some(0x55f0_c1f0_0000..0x55f0_c230_0000));
        assert_eq!(code_around(MAPS, 0x55f0_c22f_ffff), Some(0x55f0_c1f0_0000..0x55f0_c230_0000));
        for address in [0x55f0_c1e0_0000, 0x55f0_c230_0000, 0x1000] {
            assert_eq!(code_around(MAPS, address), None);
        }
    }

    /// Resident kilobytes of this process that are pages of files.
    fn resident_of_files() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    fn what_is_given_back_comes_back_when_it_is_needed() {
        let before = resident_of_files();
        give_back_memory();
        let after = resident_of_files();
        assert!(after < before, "{before} kB, then {after} kB");
        assert_eq!(code_around(MAPS, 0), None);
    }
}
