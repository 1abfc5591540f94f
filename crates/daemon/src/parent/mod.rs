//! The parent: loads the configuration, starts and watches the children, owns the log, answers signals.
//!
//! It takes no part in elections, and waits for nothing but its event loop: what may hang is a thread's or another
//! process's. Its own configuration it reads itself, and for the first look at what is tracked it waits a moment.

mod agent;
mod appointment;
mod children;
mod control_socket;
mod dispatch;
mod errands;
mod files;
mod findings;
mod greeting;
mod inquiry;
mod launch;
mod loaded;
mod local_groups;
mod lookout;
mod mail;
mod notify;
mod pid_file;
mod place;
mod processes;
mod programs;
mod reload;
mod signals;
mod spawning;
mod steering;
mod succession;
mod tallies;
mod upkeep;
mod view;

use std::os::fd::OwnedFd;
use std::time::Duration;

use clock::Instant;
use control::{Handover, Role, Severity, ToChild};
use kernel::eventloop::{EventLoop, Signals, Token, now};
use kernel::namespace::Namespace;

use self::children::Managed;
use self::files::Beginning;
use self::launch::{identity, sinks_options};
use self::loaded::Loaded;
use self::notify::Systemd;
use self::pid_file::PidFiles;
use self::signals::RealTime;
use self::succession::{Departure, Origin};
use crate::cli::Options;
use crate::compat::{self, exit};
use crate::log::{Identity, Sinks};
use crate::presence::Presence;

pub(crate) use self::control_socket::path as control_socket;
pub(crate) use self::launch::run;
pub(crate) use self::succession::rehearsal;

/// The parent and everything that it keeps.
struct Parent {
    options: Options,
    identity: Identity,
    sinks: Sinks,
    events: EventLoop,
    signals: Signals,
    real_time: RealTime,
    systemd: Systemd,
    loaded: Loaded,
    pid_files: PidFiles,
    /// The network namespace of the checker process, where it is not that of the others.
    checker_place: Option<Namespace>,
    children: Vec<Managed>,
    programs: programs::Programs,
    files: files::Files,
    appointments: appointment::Appointments,
    processes: processes::Processes,
    findings: findings::Findings,
    post: mail::Post,
    agent: agent::Agent,
    handover: Handover,
    reload: reload::Progress,
    /// How many configurations were taken into use.
    saved: u64,
    /// How the last reload ended.
    last_reload: Option<status::Reload>,
    inquiries: inquiry::Inquiries,
    steering: steering::Steering,
    errands: errands::Errands,
    control: control_socket::ControlSocket,
    history: status::History,
    tallies: tallies::Tallies,
    /// When the daemon started.
    since: status::Seconds,
    presence: Presence,
    local_groups: local_groups::LocalGroups,
    /// The exit code, once the daemon is stopping.
    stopping: Option<u8>,
    announced: bool,
    /// An upgrade, on either side of it.
    departure: Departure,
    /// Where a daemon in the background was started: names on its command line are relative to it.
    directory: Option<OwnedFd>,
}

impl Parent {
    fn new(options: Options, loaded: Loaded, pid_files: PidFiles) -> anyhow::Result<Self> {
        let (sinks, problem) = Sinks::open(&sinks_options(&options));
        let events = EventLoop::new()?;
        let signals = Signals::open(&signals::WATCHED)?;
        events.add(&signals, SIGNALS)?;
        let real_time = RealTime::open()?;
        events.add(&real_time, REAL_TIME)?;
        let errands = errands::Errands::new()?;
        events.add(&errands, ERRANDS)?;
        let mut parent = Self {
            identity: identity(&options),
            options,
            sinks,
            events,
            signals,
            real_time,
            systemd: Systemd::find(),
            loaded,
            pid_files,
            checker_place: None,
            children: Vec::new(),
            programs: programs::Programs::default(),
            files: files::Files::default(),
            appointments: appointment::Appointments::default(),
            processes: processes::Processes::default(),
            findings: findings::Findings::default(),
            post: mail::Post::default(),
            agent: agent::Agent::default(),
            handover: Handover::default(),
            reload: reload::Progress::Idle,
            saved: 0,
            last_reload: None,
            inquiries: inquiry::Inquiries::default(),
            steering: steering::Steering::default(),
            errands,
            control: control_socket::ControlSocket::default(),
            history: status::History::default(),
            tallies: tallies::Tallies::default(),
            since: view::today(),
            presence: Presence::begin(),
            local_groups: local_groups::LocalGroups::default(),
            stopping: None,
            announced: false,
            departure: Departure::default(),
            directory: None,
        };
        if let Some(problem) = problem {
            parent.log(Severity::Warning, &problem);
        }
        parent.loaded.introduce(&parent.presence);
        if let Some(problem) = parent.presence.problem() {
            let text = "other daemons in this network namespace cannot know that this one lives";
            parent.log(Severity::Warning, &format!("{text}: {problem}"));
        }
        Ok(parent)
    }

    fn serve(&mut self, origin: Origin) -> u8 {
        self.greet();
        self.pid_files.write(None, std::process::id(), &mut |line| {
            self.sinks.write(&self.identity, Severity::Warning, line);
        });
        let goes_on = origin.is_daemon();
        self.arrive(origin);
        // One that was killed while it read has left it.
        self.unmark_reading(self.reload_file());
        if !goes_on {
            self.save_configuration();
            self.start_up();
        }
        self.want_children();
        if goes_on {
            // Others wait for the adverts of these.
            self.tend_children();
        }
        self.arrange_watched(if goes_on { Beginning::Over } else { Beginning::Wanted });
        self.arrange_agent();
        let mut ready = Vec::new();
        let mut woken = now();
        loop {
            if now().since(woken) > STALL {
                // Busy or stopped, this process did not listen: children get their time anew.
                self.children.iter_mut().for_each(Managed::excuse);
            }
            self.tend_children();
            self.tend_programs();
            self.tend_files();
            self.tend_appointment();
            self.tend_processes();
            self.tell_findings();
            self.tend_inquiries();
            self.tend_steering();
            self.control.tend();
            self.tend_mail();
            self.tend_agent();
            self.tend_departure();
            self.sinks.tend();
            if self.wind_up() {
                break;
            }
            self.announce();
            let deadline = self.deadline();
            if let Err(error) = self.events.wait(deadline, &mut ready) {
                self.log(Severity::Error, &format!("cannot wait for events: {error}"));
                self.stop(exit::FATAL);
                break;
            }
            woken = now();
            if deadline.is_some_and(|deadline| woken.since(deadline) > STALL) {
                // Whoever stopped us has stopped the children too.
                self.children.iter_mut().for_each(Managed::excuse);
            }
            for token in &ready {
                self.take(*token);
            }
            self.children.iter_mut().for_each(Managed::listen);
            let healthy = self.children.iter().all(Managed::is_healthy);
            self.systemd.pet(now(), healthy && self.stopping.is_none());
        }
        self.end_programs();
        self.close_post();
        self.end_agent();
        self.release_local_groups();
        // Its file stands beside those of the processes.
        self.control = control_socket::ControlSocket::default();
        self.pid_files.remove_all();
        self.log(
            Severity::Info,
            &format!("Stopped {} v{VERSION}", compat::program(&self.options.invoked_name)),
        );
        self.sinks.finish();
        self.stopping.unwrap_or(0)
    }

    /// The earliest time at which something is to be done.
    fn deadline(&self) -> Option<Instant> {
        let others = [
            self.systemd.deadline(),
            self.programs.deadline(),
            self.files.deadline(),
            self.appointments.deadline(),
            self.processes.deadline(),
            self.findings.deadline(),
            self.inquiries.deadline(),
            self.steering.deadline(),
            self.control.deadline(),
            self.post.deadline(),
            self.agent.deadline(),
            self.departure.deadline(),
            self.sinks.deadline(),
        ];
        self.children.iter().filter_map(Managed::deadline).chain(others.into_iter().flatten()).min()
    }

    /// Writes a line of the parent itself.
    fn log(&mut self, severity: Severity, text: &str) {
        self.sinks.write(&self.identity, severity, text);
    }

    /// Starts managing children that the configuration needs and has not, and stops those that it needs no more.
    fn want_children(&mut self) {
        if self.programs.hold_back() {
            return;
        }
        for role in [Role::Vrrp, Role::Checker] {
            let wanted = self.loaded.wants(role, &self.options);
            let position = self.children.iter().position(|child| child.role == role);
            match (wanted, position) {
                (true, None) => self.children.push(Managed::new(role, self.options.respawn)),
                (false, Some(index)) => {
                    if let Some(child) = self.children.get_mut(index) {
                        child.stop(
                            self.loaded.global.child_wait_time,
                            &mut self.sinks,
                            &self.identity,
                        );
                    }
                }
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    /// Brings what this process runs and watches in line with the configuration in force.
    fn arrange_watched(&mut self, beginning: Beginning) {
        self.arrange_local_groups();
        self.arrange_appointment();
        if self.programs.hold_back() {
            return;
        }
        self.arrange_programs();
        self.arrange_files(beginning);
        self.arrange_processes();
    }

    /// How long the first look at something is waited for, so that nobody is in fault for what is not known yet.
    fn settling(&self) -> Duration {
        if self.children.iter().any(Managed::is_ready) { SETTLING } else { STARTING }
    }

    /// Hands every child what it may need of its parent.
    fn each_child(&mut self, mut act: impl FnMut(&mut Managed, &mut children::Context<'_>)) {
        let mut context = children::Context {
            sinks: &mut self.sinks,
            identity: &self.identity,
            events: &self.events,
            loaded: &self.loaded,
            options: &self.options,
            pid_files: &mut self.pid_files,
            handover: &self.handover,
            checker_place: self.checker_place.as_ref(),
        };
        self.children.iter_mut().for_each(|child| act(child, &mut context));
    }

    /// Does what the watchdogs ask for.
    fn tend_children(&mut self) {
        let mut give_up = None;
        self.each_child(|child, context| give_up = child.tend(context).or(give_up));
        let count = self.children.len();
        let Self { children, pid_files, .. } = self;
        children.retain(|child| {
            if child.has_ended() {
                pid_files.remove(child.role);
            }
            !child.has_ended()
        });
        if let Some(code) = give_up {
            self.stop(code);
        }
        // One that was ending while a reload asked for it again.
        if self.children.len() < count && self.stopping.is_none() {
            self.want_children();
        }
    }

    /// Ends the daemon with this exit code; the first one counts.
    fn stop(&mut self, code: u8) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some(code);
        self.log(Severity::Info, "Stopping");
        self.systemd.stopping();
        self.give_start_up();
        let patience = self.loaded.global.child_wait_time;
        for child in &mut self.children {
            child.stop(patience, &mut self.sinks, &self.identity);
        }
    }

    /// Takes the last steps of a daemon whose children have ended; says whether nothing is left to be done.
    fn wind_up(&mut self) -> bool {
        if self.stopping.is_none() || !self.children.iter().all(Managed::has_ended) {
            return false;
        }
        self.leave_post();
        self.leave_agent();
        self.shut_down();
        self.post.has_left() && self.agent.has_left() && self.programs.are_shut_down()
    }

    /// Hands a message to every running child.
    fn tell(&mut self, message: &ToChild, memory: Option<&kernel::process::MemoryFile>) {
        for child in &mut self.children {
            child.tell(message, memory, &mut self.sinks, &self.identity);
        }
    }
}

/// A turn longer, or a wake-up later than this says that this process did not listen.
const STALL: Duration = Duration::from_millis(500);
/// How long the first look at something is waited for while children work: less than a stall.
const SETTLING: Duration = Duration::from_millis(400);
/// The same while none does.
const STARTING: Duration = Duration::from_secs(2);
const SIGNALS: Token = Token(1);
const REAL_TIME: Token = Token(2);
const ERRANDS: Token = Token(3);
const VERSION: &str = env!("CARGO_PKG_VERSION");
