//! What was done to this host, so that it can be taken back exactly.
//!
//! It is kept under `/run`, which lives as long as the settings themselves: until the machine starts anew. The file
//! carries the number of the network namespace, which the kernel never gives twice.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use kernel::sysctl::Setting;
use serde::{Deserialize, Serialize};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Addresses that were not there before.
    pub(super) added: Vec<Added>,
    /// Settings of all links that were changed.
    pub(super) changed: Vec<Changed>,
}

/// An address that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Added {
    pub(super) address: IpAddr,
    /// The name of its link.
    pub(super) link: String,
}

/// A setting that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changed {
    /// By its name.
    setting: String,
    pub(super) before: i32,
    pub(super) since: i32,
}

impl Changed {
    pub(super) fn new(setting: Setting, before: i32, since: i32) -> Self {
        Self { setting: setting.name().to_owned(), before, since }
    }

    /// Which one; none where another release wrote a name that this one does not know.
    pub(super) fn setting(&self) -> Option<Setting> {
        Setting::of_name(&self.setting)
    }
}

/// Where the record of a network namespace is kept.
#[derive(Debug)]
pub(super) struct Keeper(PathBuf);

impl Keeper {
    /// For the network namespace of this number.
    pub(super) fn of(namespace: u64) -> Self {
        Self(PathBuf::from(format!("/run/steadfast-real-server.{namespace}.json")))
    }

    /// What was done so far.
    ///
    /// **Errors**: the file cannot be read, or was not written by this program.
    pub(super) fn read(&self) -> io::Result<Record> {
        match std::fs::read(&self.0) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let text = format!("{} is damaged ({error}): remove it", self.0.display());
                io::Error::new(io::ErrorKind::InvalidData, text)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Keeps this, as a whole or not at all; nothing done is no file.
    ///
    /// **Errors**: the file cannot be written.
    pub(super) fn write(&self, record: &Record) -> io::Result<()> {
        if *record == Record::default() {
            return match std::fs::remove_file(&self.0) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(self.failed("remove", &error))
                }
                _ => Ok(()),
            };
        }
        let new = self.0.with_extension("new");
        let written = std::fs::write(&new, serde_json::to_vec(record)?)
            .and_then(|()| std::fs::rename(&new, &self.0));
        written.map_err(|error| self.failed("write", &error))
    }

    fn failed(&self, verb: &str, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot {verb} {}: {error}", self.0.display()))
    }
}
