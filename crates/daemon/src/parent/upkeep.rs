//! Files that tell of the configuration: one that is there while it is read, and copies of those that were taken into use.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use config::model::ReloadFile;
use control::Severity;
use rustix::fs::Mode;

use super::Parent;
use crate::cli::Options;
use crate::compat;

/// Lets new files be made as the command line says, or else the configuration.
pub(super) fn apply_umask(options: &Options, configured: Option<u32>) {
    let mask = options.umask.or(configured).unwrap_or(UMASK);
    rustix::process::umask(Mode::from_raw_mode(mask));
}

impl Parent {
    /// Makes the file that says that the configuration is being read; gives its path.
    pub(super) fn mark_reading(&mut self) -> Option<PathBuf> {
        let path = self.reload_file()?;
        let mut options = OpenOptions::new();
        options.write(true).create(true).mode(0o644);
        // What stands there may be a pipe, which would keep us waiting.
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC);
        match options.open(&path) {
            Ok(_) => Some(path),
            Err(error) => {
                let text = format!("cannot make reload_file {}: {error}", path.display());
                self.log(Severity::Warning, &text);
                None
            }
        }
    }

    /// Removes that file: the configuration may be changed again.
    pub(super) fn unmark_reading(&mut self, path: Option<PathBuf>) {
        let Some(path) = path else { return };
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != ErrorKind::NotFound
        {
            let text = format!("cannot remove reload_file {}: {error}", path.display());
            self.log(Severity::Warning, &text);
        }
    }

    /// Where that file is, while there shall be one.
    pub(super) fn reload_file(&self) -> Option<PathBuf> {
        match &self.loaded.global.upkeep.reload_file {
            ReloadFile::None => None,
            ReloadFile::At(path) => Some(path.into()),
            ReloadFile::Beside => {
                let usual = || Path::new(compat::pid_file(None)).to_owned();
                let pid_file = self.options.pid_file.clone().unwrap_or_else(usual);
                Some(pid_file.with_extension("reload"))
            }
        }
    }

    /// Keeps a copy of the configuration that was taken into use just now.
    pub(super) fn save_configuration(&mut self) {
        let number = self.saved;
        self.saved = self.saved.saturating_add(1);
        let Some(directory) = self.loaded.global.upkeep.save_directory.clone() else { return };
        let name = format!("keepalived.conf.{}.{number}", std::process::id());
        self.save(Path::new(&directory).join(name), self.loaded.source());
    }
}

/// Writes a copy. It has the passwords of the configuration, so that it is its owner's alone.
pub(super) fn write_copy(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    let _ = std::fs::remove_file(path);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path)?.write_all(text.as_bytes())
}

const UMASK: u32 = 0o177;
