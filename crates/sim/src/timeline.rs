//! What happened, as text that a reader can check with a pencil.

use std::fmt::Write as _;

use clock::Instant;
use vrrp::Role;

/// Lines in the order of what happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeline(Vec<Line>);

#[derive(Clone, Debug)]
enum Line {
    Moved { at: Instant, who: String, from: Role, to: Role, why: String },
    Remarked { at: Instant, who: String, text: String },
    Intervened(String),
}

/// How much a rendering says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Roles only.
    Roles,
    /// Roles and their causes.
    Causes,
    /// Everything that was said.
    Everything,
}

impl Timeline {
    /// A role changed.
    pub(crate) fn moved(&mut self, at: Instant, who: String, from: Role, to: Role, why: String) {
        self.0.push(Line::Moved { at, who, from, to, why });
    }

    /// Something else was said.
    pub(crate) fn remarked(&mut self, at: Instant, who: String, text: String) {
        self.0.push(Line::Remarked { at, who, text });
    }

    /// The story did something to the LAN.
    pub(crate) fn intervened(&mut self, what: String) {
        self.0.push(Line::Intervened(what));
    }

    /// The start of a router as Backup is left out: each one starts so.
    pub(crate) fn render(&self, detail: Detail) -> String {
        let mut text = String::new();
        for line in &self.0 {
            let written = match line {
                Line::Moved { from: Role::Initialize, to: Role::Backup, .. }
                    if detail != Detail::Everything =>
                {
                    Ok(())
                }
                Line::Moved { at, who, from, to, .. } if detail == Detail::Roles => {
                    writeln!(text, "{:>14} {who}: {from} -> {to}", at.to_string())
                }
                Line::Moved { at, who, from, to, why } => {
                    let moved = format!("{who}: {from} -> {to}");
                    let line = format!("{:>14} {moved:<28} {why}", at.to_string());
                    writeln!(text, "{}", line.trim_end())
                }
                Line::Remarked { at, who, text: remark } if detail == Detail::Everything => {
                    writeln!(text, "{:>14} {who}: {remark}", at.to_string())
                }
                Line::Remarked { .. } => Ok(()),
                Line::Intervened(what) => writeln!(text, "{:>15} {what}", "--"),
            };
            debug_assert!(written.is_ok(), "a String takes everything");
        }
        text
    }
}
