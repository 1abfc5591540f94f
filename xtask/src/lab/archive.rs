//! The archive of files with which a Linux kernel starts: "newc" of cpio.
//!
//! **Source**: `Documentation/driver-api/early-userspace/buffer-format.rst` of the kernel.

/// An archive that grows.
#[derive(Default)]
pub(crate) struct Archive {
    bytes: Vec<u8>,
    entries: u32,
}

impl Archive {
    /// Adds a folder; its parents come before it.
    pub(crate) fn folder(&mut self, path: &str) {
        self.entry(path, FOLDER | 0o755, &[]);
    }

    /// Adds a file that can be executed.
    pub(crate) fn file(&mut self, path: &str, content: &[u8]) {
        self.entry(path, FILE | 0o755, content);
    }

    /// Adds a symbolic link.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.entry(path, LINK | 0o777, target.as_bytes());
    }

    /// The whole archive.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    /// A header of thirteen numbers, the name, the content; each starts at a multiple of four octets.
    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) {
        self.entries += 1;
        let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let name_size = u32::try_from(path.len() + 1).unwrap_or(u32::MAX);
        // Number, mode, owner, group, links, time, size, device (twice two), size of the name, checksum.
        let numbers = [self.entries, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.bytes.extend(b"070701");
        for number in numbers {
            self.bytes.extend(format!("{number:08X}").bytes());
        }
        self.bytes.extend(path.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

const FOLDER: u32 = 0o040_000;
const FILE: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_the_bytes_that_the_kernel_expects() {
        let mut archive = Archive::default();
        archive.folder("bin");
        archive.file("bin/cat", b"hello");
        archive.link("bin/sh", "cat");
        let expected = concat!(
            "070701",
            "00000001000041ED000000000000000000000001000000000000000000000000",
            "0000000000000000000000000000000400000000",
            "bin\0\0\0",
            "070701",
            "00000002000081ED000000000000000000000001000000000000000500000000",
            "0000000000000000000000000000000800000000",
            "bin/cat\0\0\0hello\0\0\0",
            "070701",
            "000000030000A1FF000000000000000000000001000000000000000300000000",
            "0000000000000000000000000000000700000000",
            "bin/sh\0\0\0\0cat\0",
            "070701",
            "0000000400000000000000000000000000000001000000000000000000000000",
            "0000000000000000000000000000000B00000000",
            "TRAILER!!!\0\0\0\0",
        );
        let bytes = archive.finish();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        assert_eq!(bytes.len() % 4, 0);
    }
}
