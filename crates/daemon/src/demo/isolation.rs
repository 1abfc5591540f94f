//! The outer process: makes namespaces, starts this program anew as process 1 of them, and waits for it.

use std::process::ExitCode;

use kernel::eventloop::{EventLoop, Signals, Token};
use kernel::namespace;
use kernel::process::{Ended, Spawn, Stdio};
use nix::sys::signal::Signal;
use rustix::process::Signal as Send;

use crate::compat::exit;
use crate::terminal::eprint;

/// Runs the demonstration in namespaces of its own.
pub(super) fn run(json: bool) -> ExitCode {
    match attempt(json) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprint(&format!("steadfast demo: {error:#}\n"));
            ExitCode::from(exit::FATAL)
        }
    }
}

fn attempt(json: bool) -> anyhow::Result<u8> {
    // Before anything is started, so that an interrupt always finds someone who ends it in order.
    let mut signals = Signals::open(&INTERRUPTS)?;
    if let Err(error) = namespace::isolate() {
        anyhow::bail!(refused(&error.to_string(), &|path| std::fs::read_to_string(path).ok()));
    }
    let mut arguments = vec!["demo".into(), "--inside".into()];
    arguments.extend(json.then(|| "--json".into()));
    let mut child = Spawn {
        program: "/proc/self/exe".into(),
        arg0: "steadfast".into(),
        arguments,
        without: Vec::new(),
        descriptors: Vec::new(),
        stdio: Stdio::Inherited,
        namespace: None,
    }
    .start()?;
    let mut events = EventLoop::new()?;
    events.add(&signals, SIGNALS)?;
    events.add(&child, CHILD)?;
    let mut ready = Vec::new();
    loop {
        events.wait(None, &mut ready)?;
        while signals.take().is_some() {
            // Process 1 of a namespace hears it as any other; a second one changes nothing.
            child.signal(Send::TERM)?;
        }
        match child.ended()? {
            Some(Ended::Exited(code)) => return Ok(u8::try_from(code).unwrap_or(exit::FATAL)),
            Some(ended @ Ended::Signalled(_)) => anyhow::bail!("the demonstration {ended}"),
            None => {}
        }
    }
}

/// What to say when the kernel makes no namespaces, with the settings of this system that are in the way.
fn refused(error: &str, setting: &dyn Fn(&str) -> Option<String>) -> String {
    let blocking: Vec<String> = SETTINGS
        .iter()
        .filter(|(path, blocks, _)| {
            setting(path).is_some_and(|value| value.trim().eq_ignore_ascii_case(blocks))
        })
        .map(|(_, _, remedy)| format!("\n  or allow user namespaces: sysctl -w {remedy}"))
        .collect();
    let other = "\n  or allow user namespaces (in a container: start it privileged)".to_owned();
    let remedies = if blocking.is_empty() { other } else { blocking.concat() };
    format!(
        "it builds its own network in namespaces, and this system makes none for this user\n  \
         ({error})\n  \
         run it as root: sudo steadfast demo{remedies}"
    )
}

/// Settings that forbid user namespaces: where, by which value, and what allows them.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns=0",
    ),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=1000"),
];
/// Signals that end the demonstration in order.
pub(super) const INTERRUPTS: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];
const SIGNALS: Token = Token(1);
const CHILD: Token = Token(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_setting_that_is_in_the_way_is_named_with_its_remedy() {
        let ubuntu = |path: &str| {
            path.ends_with("apparmor_restrict_unprivileged_userns").then(|| "1\n".to_owned())
        };
        assert_eq!(
            refused("map users of the namespace: Operation not permitted", &ubuntu),
            "it builds its own network in namespaces, and this system makes none for this user\n  \
             (map users of the namespace: Operation not permitted)\n  \
             run it as root: sudo steadfast demo\n  \
             or allow user namespaces: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
        );
    }

    #[test]
    fn without_such_a_setting_root_and_a_privileged_container_are_the_remedies() {
        let text = refused("create user namespace: Operation not permitted", &|_| None);
        assert!(text.contains("sudo steadfast demo\n  or allow user namespaces (in a container"));
    }
}
