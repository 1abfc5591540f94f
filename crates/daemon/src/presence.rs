//! Who a daemon is, to others that share its network namespace, and whether it lives.
//!
//! What a daemon leaves in the kernel bears its name. Whoever finds such a thing must know whether its owner is at work:
//! in another container on the network of the host, perhaps, where both are process 1 and neither sees the other. So the
//! owner holds a word in the network namespace, which the kernel lets go when its parent process ends. A name is made of
//! what stays when a daemon is replaced in place: the same process, with another program.

use kernel::process::table;
use kernel::socket::Claim;
use rustix::io::Errno;

/// This daemon, for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Presence {
    name: String,
    claim: Result<Claim, Errno>,
}

impl Presence {
    /// Makes this process known in its network namespace.
    pub(crate) fn begin() -> Self {
        let name = name();
        let claim = Claim::hold(&word(&name));
        Self { name, claim }
    }

    /// Why nobody else can know that it lives.
    pub(crate) fn problem(&self) -> Option<Errno> {
        self.claim.as_ref().err().copied()
    }

    /// What others know it by: three numbers between hyphens.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Whether the daemon of this name lives in this network namespace.
pub(crate) fn is_alive(name: &str) -> bool {
    Claim::is_held(&word(name))
}

/// Whether a text can be the name of a daemon.
pub(crate) fn is_name(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('-').collect();
    let is_number = |number: &&str| number.parse::<u64>().is_ok();
    numbers.len() == 3 && numbers.iter().all(is_number)
}

/// The namespace of process numbers, the number there, and when the process was started; no two of one boot are equal.
fn name() -> String {
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok();
    let namespace = namespace.as_ref().and_then(|link| link.to_str());
    let number = namespace.and_then(|link| link.strip_prefix("pid:[")?.strip_suffix(']'));
    // `/proc` may count otherwise than we do.
    let own = std::fs::read_link("/proc/self").ok();
    let own = own.as_ref().and_then(|link| link.to_str()?.parse().ok());
    let own = own.and_then(|pid| table::look_at(pid).ok()?);
    let started = own.map_or(0, |seen| seen.started);
    format!("{}-{}-{started}", number.unwrap_or("0"), std::process::id())
}

fn word(name: &str) -> String {
    format!("steadfast/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_name_and_others_have_others() {
        let own = name();
        assert!(is_name(&own) && own == name(), "{own}");
        assert!(own.contains(&format!("-{}-", std::process::id())), "{own}");
        assert!(!own.starts_with("0-") && !own.ends_with("-0"), "{own}");
        for text in ["", "4711", "1-2", "1-2-x", "1-2-3-4", "1--3", "-1-2-3"] {
            assert!(!is_name(text), "{text}");
        }
    }
}
