//! A private directory for configurations and pid files.
//!
//! It lies in a file system in memory that only this mount namespace has, so that the kernel removes it with the
//! last process, however that ends. Where the kernel refuses such a mount, it is an ordinary temporary directory
//! and removed at the end.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rustix::mount::{MountFlags, MountPropagationFlags};

/// The directory; removed when dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Makes it.
    ///
    /// **Errors**: nothing can be written there.
    pub(super) fn create() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        // A mount that is still shared would show in the outer namespace.
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        if rustix::mount::mount_change("/", private).is_ok() {
            let flags = MountFlags::NOSUID | MountFlags::NODEV;
            let _ = rustix::mount::mount("tmpfs", &parent, "tmpfs", flags, c"mode=0700,size=1m");
        }
        let seed = kernel::eventloop::now().as_nanos();
        let path = parent.join(format!("steadfast-demo-{seed:x}"));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("directory {}", path.display()))?;
        Ok(Self { path })
    }

    /// Where a file of this name belongs.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file and says where.
    ///
    /// **Errors**: it cannot be written.
    pub(super) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.file(name);
        fs::write(&path, text).with_context(|| format!("file {}", path.display()))?;
        Ok(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// The process id in a file; none where there is no such file.
pub(super) fn read_pid(path: &Path) -> Option<rustix::process::Pid> {
    let number = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    rustix::process::Pid::from_raw(number)
}
