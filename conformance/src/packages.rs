//! Programs of Debian packages that are fetched and unpacked below `target/lab`, never installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::subject::beside_test;

/// Some packages, and what of them is run.
#[derive(Debug)]
pub struct Unpacked {
    /// Name of the directory.
    pub name: &'static str,
    /// The packages.
    pub packages: &'static [&'static str],
    /// A program that is there when all is, as a path below the directory.
    pub program: &'static str,
}

impl Unpacked {
    /// Where they are unpacked, fetched if need be.
    ///
    /// # Errors
    /// The reason why there is none, fit for a `SKIPPED:` line.
    pub fn provide(&self) -> Result<PathBuf, String> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let place = beside_test(&format!("../lab/{}", self.name)).ok_or("no place to unpack")?;
        if !place.join(self.program).is_file() {
            self.fetch(&place)
                .map_err(|error| format!("{} cannot be fetched: {error:#}", self.name))?;
        }
        place.canonicalize().map_err(|error| error.to_string())
    }

    /// Unpacks them at `place`, which gets its name when it is complete.
    fn fetch(&self, place: &Path) -> Result<()> {
        let fetching = place.with_extension(std::process::id().to_string());
        fs::create_dir_all(&fetching)?;
        let fetched = self.fetch_into(&fetching);
        if fetched.is_ok() {
            fs::rename(&fetching, place)?;
        } else {
            drop(fs::remove_dir_all(&fetching));
        }
        fetched
    }

    fn fetch_into(&self, folder: &Path) -> Result<()> {
        // The user that apt changes to for downloads cannot write here.
        let words = ["60", "apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"];
        run(Command::new("timeout").args(words).args(self.packages), folder)?;
        for entry in fs::read_dir(folder)?.flatten() {
            let package = entry.path();
            if package.extension().is_some_and(|it| it == "deb") {
                run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg("."), folder)?;
                fs::remove_file(package)?;
            }
        }
        let program = self.program;
        ensure!(folder.join(program).is_file(), "the packages have no {program}");
        Ok(())
    }
}

fn run(command: &mut Command, folder: &Path) -> Result<()> {
    let output = command.current_dir(folder).output().with_context(|| format!("{command:?}"))?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = told.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{last}; apt-get update may help");
    Ok(())
}
