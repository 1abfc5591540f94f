//! The checker process. It starts where the configuration has virtual servers; what it does with them comes with
//! load balancing, and until then it says so.

use std::process::ExitCode;

use control::{Severity, Summary, ToParent};
use kernel::eventloop::{EventLoop, Token, now};
use kernel::process::Privilege;

use crate::child::{self, Needs, Orphaned, Request};
use crate::compat::exit;

/// Runs until the parent says otherwise.
pub(crate) fn run() -> ExitCode {
    let mut startup = match child::take_over() {
        Ok(startup) => startup,
        Err(code) => return code,
    };
    let needs = Needs {
        realtime_priority: None,
        lock_memory: false,
        privileges: &[Privilege::NetAdmin, Privilege::NetRaw],
    };
    let options = &startup.options;
    child::settle(&options.invoked_name, &startup.model.global.checker, needs, &mut startup.log);
    startup.log.push(
        Severity::Warning,
        format!(
            "{} virtual_server block(s) are configured, and load balancing is not executed by this release",
            startup.model.virtual_servers.len()
        ),
    );
    match serve(&mut startup) {
        Ok(()) | Err(Failure::Orphaned(Orphaned)) => ExitCode::SUCCESS,
        Err(Failure::Loop) => ExitCode::from(exit::FATAL),
    }
}

enum Failure {
    Orphaned(Orphaned),
    Loop,
}

impl From<Orphaned> for Failure {
    fn from(orphaned: Orphaned) -> Self {
        Self::Orphaned(orphaned)
    }
}

fn serve(startup: &mut child::Startup) -> Result<(), Failure> {
    let mut events = EventLoop::new().map_err(|_| Failure::Loop)?;
    events.add(startup.parent.channel(), PARENT).map_err(|_| Failure::Loop)?;
    let mut ready = Vec::new();
    startup.parent.say(&ToParent::Ready)?;
    loop {
        startup.parent.end_turn(now(), &mut startup.log, Summary::default)?;
        events.wait(Some(startup.parent.beat_due()), &mut ready).map_err(|_| Failure::Loop)?;
        while let Some(request) = startup.parent.request(&mut startup.log)? {
            match request {
                Request::Stop => return Ok(()),
                // Nobody here tracks anything, and only the VRRP process is asked how things stand.
                Request::Found(_) | Request::Report { .. } => {}
                Request::Reload(memory) => {
                    let answer = match child::read(&memory) {
                        Ok((_, model)) => {
                            startup.model = model;
                            ToParent::Reloaded { changes: String::new() }
                        }
                        Err(error) => ToParent::ReloadFailed { reason: error.to_string() },
                    };
                    startup.parent.say(&answer)?;
                }
            }
        }
    }
}

const PARENT: Token = Token(1);
