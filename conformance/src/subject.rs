//! Which daemon plays a router: the packaged keepalived or ours, and what is missing to run it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fmt, io};

/// A daemon under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The packaged keepalived, the measure of what operators expect.
    Keepalived,
    /// steadfast, started by its own name.
    Ours,
}

impl Subject {
    /// Its program, or why there is none here.
    ///
    /// keepalived is `$KEEPALIVED` or the packaged one. Ours is `$STEADFAST`, else the binary beside the test
    /// program, where `cargo build` of the same profile leaves it.
    ///
    /// # Errors
    /// The reason, fit for a `SKIPPED:` line.
    pub fn program(self) -> Result<PathBuf, String> {
        match self {
            Self::Keepalived => {
                let path = from_environment("KEEPALIVED")
                    .unwrap_or_else(|| PathBuf::from("/usr/sbin/keepalived"));
                existing(&path, "the package keepalived is not installed")
            }
            Self::Ours => {
                let path = match from_environment("STEADFAST") {
                    Some(path) => path,
                    None => beside_test("steadfast").ok_or("no program directory")?,
                };
                let path =
                    existing(&path, "our daemon is not built (cargo build --package steadfast)")?;
                pinned(&path).map_err(|e| format!("copy {}: {e}", path.display()))
            }
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keepalived => "keepalived",
            Self::Ours => "ours",
        })
    }
}

/// The daemons of the two routers that most scenarios have, `a` then `b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// On node `a`, the one with the lower address.
    pub a: Subject,
    /// On node `b` and any further router.
    pub b: Subject,
}

impl Pair {
    /// Both routers run `subject`.
    #[must_use]
    pub const fn both(subject: Subject) -> Self {
        Self { a: subject, b: subject }
    }
}

impl Pair {
    /// The casts that `SUBJECT=wanted` asks for, if it is one of its words.
    #[must_use]
    pub fn wanted(wanted: &str) -> Option<Vec<Self>> {
        let keepalived = [Self::both(Subject::Keepalived)];
        let ours = [Self::both(Subject::Ours)];
        let mixed = [
            Self { a: Subject::Ours, b: Subject::Keepalived },
            Self { a: Subject::Keepalived, b: Subject::Ours },
        ];
        match wanted {
            "keepalived" => Some(keepalived.to_vec()),
            "ours" => Some(ours.to_vec()),
            "mixed" => Some(mixed.to_vec()),
            "all" => Some([&keepalived[..], &ours[..], &mixed[..]].concat()),
            _ => None,
        }
    }

    /// Whether ours plays one of them.
    #[must_use]
    pub fn needs_ours(self) -> bool {
        self.a == Subject::Ours || self.b == Subject::Ours
    }

    /// Whether each plays one of them.
    #[must_use]
    pub fn is_mixed(self) -> bool {
        self.a != self.b
    }

    /// What it lacks here. Fit for a `SKIPPED:` line.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        [self.a, self.b].into_iter().find_map(|subject| subject.program().err())
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.a == self.b { self.a.fmt(f) } else { write!(f, "{}_{}", self.a, self.b) }
    }
}

/// The directory where cargo puts the binaries of the profile that this program was built with.
#[must_use]
pub fn beside_test(name: &str) -> Option<PathBuf> {
    let this = std::env::current_exe().ok()?;
    let directory = this.parent()?;
    let directory = if directory.ends_with("deps") { directory.parent()? } else { directory };
    Some(directory.join(name))
}

/// A copy of `program` that stays as it is while this process runs: a build that goes on beside a run replaces the
/// original. The copy lies where labs have their files.
///
/// # Errors
/// When it cannot be copied.
pub fn pinned(program: &Path) -> io::Result<PathBuf> {
    static COPIES: Mutex<BTreeMap<PathBuf, PathBuf>> = Mutex::new(BTreeMap::new());
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(copy) = copies.get(program) {
        return Ok(copy.clone());
    }
    let missing = || io::Error::from(io::ErrorKind::NotFound);
    let directory = copies_directory().ok_or_else(missing)?;
    std::fs::create_dir_all(&directory)?;
    let copy = directory.join(program.file_name().ok_or_else(missing)?);
    std::fs::copy(program, &copy)?;
    copies.insert(program.to_owned(), copy.clone());
    Ok(copy)
}

/// Removes what [`pinned`] made.
pub fn unpin() {
    if let Some(directory) = copies_directory() {
        std::fs::remove_dir_all(directory).ok();
    }
}

fn copies_directory() -> Option<PathBuf> {
    Some(beside_test("lab-runs")?.join(format!("{}-programs", std::process::id())))
}

fn from_environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).map(PathBuf::from)
}

fn existing(path: &Path, otherwise: &str) -> Result<PathBuf, String> {
    if path.is_file() {
        std::path::absolute(path).map_err(|e| e.to_string())
    } else {
        Err(format!("{otherwise}: no {}", path.display()))
    }
}
