//! systemd: readiness, status, and its watchdog.
//!
//! **Source**: sd_notify(3), sd_watchdog_enabled(3).

use std::time::Duration;

use clock::Instant;
use control::Summary;
use kernel::eventloop::now;
use sd_notify::NotifyState;

use super::Parent;
use super::children::Managed;
use crate::compat::narration;

/// The manager that started us, if it is one.
#[derive(Debug)]
pub(super) struct Systemd {
    /// Half of the time within which it wants to hear of us.
    period: Option<Duration>,
    next: Instant,
    status: String,
}

impl Systemd {
    /// Looks into the environment.
    pub(super) fn find() -> Self {
        Self {
            period: sd_notify::watchdog_enabled().map(|time| time / 2),
            next: now(),
            status: String::new(),
        }
    }

    /// When it wants to hear of us.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.period.map(|_| self.next)
    }

    /// The daemon does its work.
    pub(super) fn ready(&mut self, status: &str) {
        status.clone_into(&mut self.status);
        tell(&[
            NotifyState::Ready,
            NotifyState::MainPid(std::process::id()),
            NotifyState::Status(status),
        ]);
    }

    /// What `systemctl status` shows.
    pub(super) fn status(&mut self, status: &str) {
        if self.status != status {
            status.clone_into(&mut self.status);
            tell(&[NotifyState::Status(status)]);
        }
    }

    /// Something takes this long at most, and is no reason to give us up.
    pub(super) fn patience(&mut self, time: Duration, status: &str) {
        status.clone_into(&mut self.status);
        let time = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        tell(&[NotifyState::ExtendTimeoutUsec(time), NotifyState::Status(status)]);
    }

    /// A reload has begun.
    pub(super) fn reloading(&mut self) {
        "Reloading".clone_into(&mut self.status);
        self.tell_of_reload();
    }

    fn tell_of_reload(&self) {
        let reloading = NotifyState::monotonic_usec_now();
        match reloading {
            Ok(time) => tell(&[NotifyState::Reloading, time, NotifyState::Status(&self.status)]),
            Err(_) => tell(&[NotifyState::Reloading, NotifyState::Status(&self.status)]),
        }
    }

    /// Another program takes over: it says when it is ready.
    pub(super) fn upgrading(&mut self) {
        "Upgrading".clone_into(&mut self.status);
        self.tell_of_reload();
    }

    /// The daemon ends.
    pub(super) fn stopping(&mut self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
    }

    /// Says that all is well, if it is, and if it is time to.
    pub(super) fn pet(&mut self, now: Instant, healthy: bool) {
        let Some(period) = self.period else { return };
        if now >= self.next {
            self.next = now + period;
            if healthy {
                tell(&[NotifyState::Watchdog]);
            }
        }
    }
}

impl Parent {
    /// Tells systemd that the daemon is ready, once all children are.
    pub(super) fn announce(&mut self) {
        if self.stopping.is_some() || self.reload.is_running() || self.programs.hold_back() {
            return;
        }
        let ready = self.children.iter().all(Managed::is_ready);
        let status = self.status();
        if ready && !self.announced {
            self.announced = true;
            self.systemd.ready(&status);
            self.end_departure();
            // Reading a configuration needs more than the rest of the work.
            kernel::process::give_back_memory();
        } else if self.announced {
            self.systemd.status(&status);
        }
    }

    /// How many instances are in which state.
    pub(super) fn status(&self) -> String {
        let reload_failed = self.last_reload.as_ref().is_some_and(|reload| !reload.succeeded);
        let summary =
            self.children.iter().map(|child| child.summary).fold(Summary::default(), |sum, one| {
                Summary {
                    active: sum.active + one.active,
                    backup: sum.backup + one.backup,
                    fault: sum.fault + one.fault,
                }
            });
        format!(
            "{}{} {}, {} {}, {} {}",
            if reload_failed { "Reload failed; " } else { "" },
            summary.active,
            narration::role(vrrp::Role::Active),
            summary.backup,
            narration::role(vrrp::Role::Backup),
            summary.fault,
            narration::role(vrrp::Role::Fault),
        )
    }
}

/// Without a manager there is no one to tell; one that does not listen is no reason to fail.
fn tell(states: &[NotifyState<'_>]) {
    let _ = sd_notify::notify(states);
}
