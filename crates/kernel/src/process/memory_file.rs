//! Bytes that a child inherits and nobody can change any more.
//!
//! **Source**: memfd_create(2), fcntl(2) `F_ADD_SEALS`.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};

use super::ProcessError;

/// A sealed file in memory.
#[derive(Debug)]
pub struct MemoryFile {
    descriptor: OwnedFd,
}

impl MemoryFile {
    /// Writes `bytes` and seals them.
    ///
    /// **Errors**: the kernel refuses memory.
    pub fn seal(name: &str, bytes: &[u8]) -> Result<Self, ProcessError> {
        let failed = ProcessError::failed("write memory file");
        let descriptor =
            rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
                .map_err(&failed)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let written = rustix::io::write(&descriptor, rest).map_err(&failed)?;
            rest = rest.get(written..).unwrap_or_default();
        }
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        rustix::fs::fcntl_add_seals(&descriptor, seals).map_err(&failed)?;
        Ok(Self { descriptor })
    }

    /// Reads all bytes of a file that another process sealed.
    ///
    /// **Errors**: it is not sealed, so that it could change while it is read; or it cannot be read.
    pub fn read(descriptor: BorrowedFd<'_>) -> Result<Vec<u8>, ProcessError> {
        let failed = ProcessError::failed("read memory file");
        let seals = rustix::fs::fcntl_get_seals(descriptor).map_err(&failed)?;
        if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
            return Err(ProcessError::new("read memory file", rustix::io::Errno::PERM));
        }
        let length = rustix::fs::fstat(descriptor).map_err(&failed)?.st_size;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let offset = u64::try_from(done).unwrap_or(u64::MAX);
            let count = rustix::io::pread(descriptor, rest, offset).map_err(&failed)?;
            if count == 0 {
                break;
            }
            done += count;
        }
        bytes.truncate(done);
        Ok(bytes)
    }
}

impl AsFd for MemoryFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_come_back_and_cannot_be_changed() {
        let bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        let file = MemoryFile::seal("test", &bytes).expect("memory");
        assert_eq!(MemoryFile::read(file.as_fd()).expect("sealed"), bytes);
        let refused = Err(rustix::io::Errno::PERM);
        assert_eq!(rustix::io::pwrite(&file, b"x", 0).map(drop), refused);
        for length in [0, 200_001] {
            assert_eq!(rustix::fs::ftruncate(&file, length), refused);
        }
        let more = rustix::fs::fcntl_add_seals(&file, SealFlags::FUTURE_WRITE);
        assert_eq!(more, refused, "no seal can be added, nor taken away");
        assert_eq!(
            MemoryFile::read(MemoryFile::seal("", b"").expect("none").as_fd()).ok(),
            Some(vec![])
        );
    }

    #[test]
    fn a_file_that_may_still_change_is_refused() {
        let open = rustix::fs::memfd_create("open", MemfdFlags::CLOEXEC).expect("memory");
        assert!(MemoryFile::read(open.as_fd()).is_err());
        let sealable = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let partly = rustix::fs::memfd_create("partly", sealable).expect("memory");
        rustix::fs::fcntl_add_seals(&partly, SealFlags::SHRINK).expect("a seal");
        assert!(MemoryFile::read(partly.as_fd()).is_err(), "it may still be written");
        let (pipe, _) = std::io::pipe().expect("a pipe");
        assert!(MemoryFile::read(pipe.as_fd()).is_err(), "it is no memory");
    }
}
