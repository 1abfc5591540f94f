//! The first lines of the log: what runs here, where, and with which configuration.

use control::Severity;

use super::{Parent, VERSION};
use crate::compat;

impl Parent {
    /// Says who we are.
    pub(super) fn greet(&mut self) {
        let program = compat::program(&self.options.invoked_name).to_owned();
        let uname = rustix::system::uname();
        let lines = [
            format!("Starting {program} v{VERSION}"),
            format!(
                "Running on {} {}",
                uname.sysname().to_string_lossy(),
                uname.release().to_string_lossy()
            ),
            format!("Command line: '{}'", self.options.command_line),
            format!("Configuration file {}", self.loaded.path),
        ];
        for line in lines {
            self.log(Severity::Info, &line);
        }
        for line in self.loaded.lines.clone() {
            self.log(Severity::Warning, &line);
        }
        for line in self.options.warnings.clone() {
            self.log(Severity::Warning, &line);
        }
    }
}
