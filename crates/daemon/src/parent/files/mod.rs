//! Tracked files: what they say, and who looks at them. Nothing here waits for a file system for long.

mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clock::Instant;
use config::model::{Initial, TrackFile};
use control::{Finding, Severity, Watched};
use kernel::eventloop::{Token, now};

use self::look::{Look, Order, Orders};
use super::Parent;
use super::lookout::{Lookout, News};

/// The files, by number.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// There with the first file.
    lookout: Option<Lookout<Orders, u64, Look>>,
    files: BTreeMap<u64, Tracked>,
    given: u64,
    /// When orders are given again that could not be given.
    again: Option<Instant>,
}

#[derive(Debug)]
struct Tracked {
    name: String,
    path: String,
    /// What it is to be given yet.
    initial: Option<Initial>,
    /// Whether it was looked at.
    is_known: bool,
    /// Whether a look at it hangs.
    hangs: bool,
    value: i32,
    /// What is wrong with it, for saying only what is new.
    problem: Option<String>,
}

/// What becomes of `init_file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// New files are given what it says, once their configuration is in force.
    Wanted,
    /// It was heeded: the configuration was in force before.
    Over,
}

impl Files {
    /// Whether a look hangs.
    pub(super) fn hang(&self) -> bool {
        self.lookout.as_ref().is_some_and(Lookout::has_left_one)
    }

    /// When something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let lookout = self.lookout.as_ref().and_then(Lookout::deadline);
        lookout.into_iter().chain(self.again).min()
    }

    /// Whether a file that can be looked at was not yet.
    fn await_a_look(&self) -> bool {
        self.files.values().any(|file| !file.is_known && !file.hangs)
    }
}

impl Parent {
    /// Brings the watched files in line with the configuration in force. Each has its value when this returns, where
    /// that takes no time.
    pub(super) fn arrange_files(&mut self, beginning: Beginning) {
        let wanted: BTreeMap<String, TrackFile> =
            self.loaded.files.iter().map(|file| (file.name.clone(), file.clone())).collect();
        let stays = |file: &Tracked| wanted.get(&file.name).is_some_and(|it| it.path == file.path);
        let (kept, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.files.files).into_iter().partition(|(_, file)| stays(file));
        self.files.files = kept;
        for file in gone.into_values() {
            if !wanted.contains_key(&file.name) {
                self.lose(&Watched::File(file.name));
            }
        }
        let known: BTreeSet<String> = self.files.files.values().map(|it| it.name.clone()).collect();
        for file in wanted.into_values().filter(|file| !known.contains(&file.name)) {
            let number = self.files.given;
            self.files.given += 1;
            let TrackFile { name, path, initial, .. } = file;
            let tracked = Tracked {
                name,
                path,
                initial: initial.filter(|_| beginning == Beginning::Wanted),
                is_known: false,
                hangs: false,
                value: 0,
                problem: None,
            };
            self.files.files.insert(number, tracked);
        }
        self.order_files();
        let until = now() + self.settling();
        while self.files.await_a_look() && now() < until {
            let Some(lookout) = &self.files.lookout else { return };
            lookout.wait(until);
            self.take_files();
        }
    }

    /// Has files looked at, those apart where a look hangs.
    fn order_files(&mut self) {
        self.files.again = None;
        if self.files.files.is_empty() {
            self.files.lookout.as_mut().into_iter().for_each(Lookout::dismiss);
            return;
        }
        let may_write = !self.reload.is_running();
        let looked_at = self.files.files.iter().filter(|(_, file)| !file.hangs);
        let order = |file: &Tracked| {
            let path = PathBuf::from(&file.path);
            Order { path, initial: file.initial }
        };
        let files = looked_at.map(|(number, file)| (*number, order(file))).collect();
        let orders = Orders { files, may_write };
        let (place, events) = (&mut self.files.lookout, &self.events);
        if let Err(error) = Lookout::send(place, events, FILES, "files", look::duty, orders) {
            let text = format!("tracked files cannot be read: {error}: what they said counts");
            self.log(Severity::Error, &text);
            self.files.again = Some(now() + AGAIN);
        }
    }

    /// The configuration is in force: files may be given what they shall begin with.
    pub(super) fn begin_files(&mut self) {
        if self.files.files.values().any(|file| file.initial.is_some()) {
            self.order_files();
        }
    }

    /// Leaves alone what hangs.
    pub(super) fn tend_files(&mut self) {
        let now = now();
        let late = self.files.lookout.as_mut().and_then(|lookout| lookout.late(now));
        if let Some(number) = late {
            // What was done so far is not to be done again.
            self.take_files();
            if let Some(file) = self.files.files.get_mut(&number) {
                file.hangs = true;
                // Whether it was written to will not be known.
                file.initial = None;
                let why = "reading it hangs: what it said last counts";
                self.file_problem(number, Some(why.to_owned()));
            }
            self.order_files();
        } else if self.files.again.is_some_and(|again| again <= now) {
            self.order_files();
        }
    }

    /// There is news of files.
    pub(super) fn take_files(&mut self) {
        let Some(lookout) = &mut self.files.lookout else { return };
        for news in lookout.news() {
            match news {
                News::Told(look) => self.take_look(look),
                News::Back(number) => {
                    if let Some(file) = self.files.files.get_mut(&number) {
                        file.hangs = false;
                        self.order_files();
                    }
                }
            }
        }
    }

    fn take_look(&mut self, look: Look) {
        let Look { number, value, problem, initialised } = look;
        let Some(file) = self.files.files.get_mut(&number) else { return };
        file.is_known = true;
        file.value = value.unwrap_or(file.value);
        let (name, value) = (file.name.clone(), file.value);
        if let Some(initialised) = initialised {
            file.initial = None;
            if let Err(problem) = initialised {
                let text = format!("track_file {name}: {}: {problem}", file.path);
                self.log(Severity::Warning, &text);
            }
        }
        self.file_problem(number, problem);
        if self.found(Watched::File(name.clone()), Finding::Value(value)) && self.options.detail > 0
        {
            self.log(Severity::Info, &format!("Tracked file {name} says {value}"));
        }
    }

    /// Says what is wrong with a file, where that is new.
    fn file_problem(&mut self, number: u64, problem: Option<String>) {
        let Some(file) = self.files.files.get_mut(&number) else { return };
        let news = problem.clone().filter(|_| problem != file.problem);
        file.problem = problem;
        if let Some(news) = news {
            let text = format!("track_file {}: {}: {news}", file.name, file.path);
            self.log(Severity::Warning, &text);
        }
    }
}

pub(super) const FILES: Token = Token(4);
/// After which time orders are given again that could not be.
const AGAIN: Duration = Duration::from_secs(5);
