//! One run of the measurements: what was asked for, what came out so far, and telling of it.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use super::figure::{Figure, median};
use crate::subject::Subject;

/// A run under way.
#[derive(Debug)]
pub struct Session {
    /// Few repetitions and small numbers: shows that everything works, not how fast it is.
    pub quick: bool,
    /// All rows so far.
    pub figures: Vec<Figure>,
    /// Studies that broke off, with the reason.
    pub failures: Vec<(&'static str, String)>,
    started: Instant,
}

impl Session {
    /// A run that begins now.
    #[must_use]
    pub fn new(quick: bool) -> Self {
        Self { quick, figures: Vec::new(), failures: Vec::new(), started: Instant::now() }
    }

    /// `full`, or `quick` in a quick run.
    #[must_use]
    pub fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Time since the run began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Prints a line of progress.
    pub fn say(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut out = io::stdout().lock();
        drop(writeln!(out, "[{seconds:7.1} s] {text}"));
        drop(out.flush());
    }

    /// Takes a row that is complete, and prints it.
    pub fn take(&mut self, figure: Figure) {
        let text = |samples: &[f64]| median(samples).map_or("-".to_owned(), |m| format!("{m:.3}"));
        let ratio = figure.ratio().map_or("-".to_owned(), |r| format!("{r:.2}x"));
        self.say(&format!(
            "  {}: keepalived {} ours {} {}, ratio {ratio}, wanted {}: {:?}",
            figure.name,
            text(&figure.keepalived),
            text(&figure.ours),
            figure.unit,
            figure.goal(),
            figure.verdict(),
        ));
        self.figures.push(figure);
    }

    /// Notes that a repetition broke off; the others count.
    pub fn note(&mut self, study: &'static str, subject: Subject, outcome: anyhow::Result<()>) {
        if let Err(error) = outcome {
            self.say(&format!("  {study}, {subject}: {error:#}"));
            self.failures.push((study, format!("{subject}: {error:#}")));
        }
    }

    /// Takes several rows.
    pub fn take_all(&mut self, figures: impl IntoIterator<Item = Figure>) {
        for figure in figures {
            self.take(figure);
        }
    }
}

/// The two subjects, in the order in which they take turns.
pub const TURNS: [Subject; 2] = [Subject::Keepalived, Subject::Ours];
