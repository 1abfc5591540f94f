//! `reload_time_file`: a file that says when the configuration is to be read again. Nothing here waits for a file system.

mod look;

use std::path::PathBuf;
use std::time::Duration;

use clock::Instant;
use control::{Appointment, Severity};
use kernel::eventloop::{Token, now, wall_clock};

use self::look::{Look, Orders};
use super::Parent;
use super::lookout::{Lookout, News};

/// The reload that is to come.
#[derive(Debug, Default)]
pub(super) struct Appointments {
    /// There with the first file.
    lookout: Option<Lookout<Orders, PathBuf, Look>>,
    path: Option<PathBuf>,
    /// What the file says.
    content: Option<Vec<u8>>,
    due: Option<Due>,
    /// What was said to be the matter with the file.
    problem: Option<String>,
    /// When orders are given again that could not be given.
    again: Option<Instant>,
}

/// A moment, in seconds since 1970.
#[derive(Clone, Copy, Debug)]
struct Due {
    at: i64,
    appointment: Appointment,
}

impl Appointments {
    /// When something is due. Clocks may be set: a moment that is far away is looked at again before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let lookout = self.lookout.as_ref().and_then(Lookout::deadline);
        let due = self.due.map(|due| {
            let at = Duration::from_secs(u64::try_from(due.at).unwrap_or(0));
            now() + at.saturating_sub(wall_clock()).min(AT_MOST)
        });
        [lookout, due, self.again].into_iter().flatten().min()
    }
}

impl Parent {
    /// Follows the file that the configuration in force names.
    pub(super) fn arrange_appointment(&mut self) {
        let path = self.loaded.global.upkeep.reload_time_file.as_ref().map(PathBuf::from);
        if path == self.appointments.path {
            return;
        }
        self.appointments.path = path;
        self.forget_appointment();
        self.order_appointment(None);
    }

    /// There is news of the file.
    pub(super) fn take_appointment(&mut self) {
        let Some(lookout) = &mut self.appointments.lookout else { return };
        for news in lookout.news() {
            let (path, content) = match news {
                News::Told(Look::Says(path, content)) => (path, Ok(content)),
                News::Told(Look::Problem(path, problem)) => (path, Err(problem)),
                News::Back(_) => {
                    self.order_appointment(None);
                    continue;
                }
            };
            if self.appointments.path.as_ref() != Some(&path) {
                continue;
            }
            match content {
                Ok(content) => self.make_appointment(content),
                Err(problem) => self.appointment_problem(problem),
            }
        }
    }

    /// Reloads when it is time, and leaves alone what hangs.
    pub(super) fn tend_appointment(&mut self) {
        let now = now();
        let late = self.appointments.lookout.as_mut().and_then(|lookout| lookout.late(now));
        if late.is_some() {
            self.appointment_problem("it hangs: it is not looked at before it answers".to_owned());
        } else if self.appointments.again.is_some_and(|again| again <= now) {
            self.order_appointment(None);
        }
        let Some(due) = self.appointments.due.filter(|due| due.at <= seconds()) else { return };
        self.appointments.due = None;
        if self.loaded.global.upkeep.reload_repeats {
            if due.appointment.is_daily() {
                self.schedule(due.appointment);
            }
        } else if let (Some(path), Some(said)) =
            (self.appointments.path.clone(), self.appointments.content.clone())
        {
            self.order_appointment(Some((path, said)));
        }
        self.reload();
    }

    /// Takes over what the file says.
    fn make_appointment(&mut self, content: Option<Vec<u8>>) {
        self.appointments.problem = None;
        if content == self.appointments.content {
            return;
        }
        self.forget_appointment();
        self.appointments.content.clone_from(&content);
        let Some(content) = content else { return };
        match Appointment::parse(&content) {
            Some(appointment) => self.schedule(appointment),
            None => {
                let text = String::from_utf8_lossy(&content);
                let text = text.trim_end().escape_debug();
                let text = format!(
                    "Invalid reload time '{text}' specified - ignoring: write HH:MM:SS or YYYY-MM-DD HH:MM:SS, with a Z behind \
                     it for UTC"
                );
                self.log(Severity::Warning, &text);
            }
        }
    }

    fn schedule(&mut self, appointment: Appointment) {
        let east = |at| kernel::local_time(at).east_of_utc;
        match appointment.next(seconds(), east) {
            Some(at) => {
                self.appointments.due = Some(Due { at, appointment });
                self.log(Severity::Info, &format!("Scheduling reload for {}", shown(at)));
            }
            None => self.log(Severity::Warning, "Reload time is in the past - ignoring"),
        }
    }

    fn forget_appointment(&mut self) {
        self.appointments.content = None;
        if let Some(due) = self.appointments.due.take() {
            let text = format!("Cancelling reload scheduled for {}", shown(due.at));
            self.log(Severity::Info, &text);
        }
    }

    fn order_appointment(&mut self, remove: Option<(PathBuf, Vec<u8>)>) {
        self.appointments.again = None;
        let path = self.appointments.path.clone();
        if path.is_none() && remove.is_none() && self.appointments.lookout.is_none() {
            return;
        }
        let orders = Orders { path, remove };
        let (place, events) = (&mut self.appointments.lookout, &self.events);
        let sent = Lookout::send(place, events, APPOINTMENT, "reload time", look::duty, orders);
        if let Err(error) = sent {
            self.appointment_problem(format!("it cannot be looked at: {error}"));
            self.appointments.again = Some(now() + AGAIN);
        }
    }

    /// Says what is the matter with the file, where that is new.
    fn appointment_problem(&mut self, problem: String) {
        if self.appointments.problem.as_ref() == Some(&problem) {
            return;
        }
        let path = self.appointments.path.as_ref().map(|path| path.display().to_string());
        let text = format!("reload_time_file {}: {problem}", path.unwrap_or_default());
        self.log(Severity::Warning, &text);
        self.appointments.problem = Some(problem);
    }
}

/// The time of the host, in seconds since 1970.
fn seconds() -> i64 {
    i64::try_from(wall_clock().as_secs()).unwrap_or(i64::MAX)
}

/// A moment as the clocks of the host show it.
fn shown(at: i64) -> String {
    let time = kernel::local_time(at);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        time.year,
        time.month + 1,
        time.day,
        time.hour,
        time.minute,
        time.second
    )
}

pub(super) const APPOINTMENT: Token = Token(6);
/// After which time a moment that is far away is looked at again.
const AT_MOST: Duration = Duration::from_secs(30);
/// After which time orders are given again that could not be.
const AGAIN: Duration = Duration::from_secs(5);
