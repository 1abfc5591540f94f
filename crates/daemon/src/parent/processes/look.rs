//! The lookout for processes: passes through `/proc`, which may hang at a process that holds its memory.
//!
//! A look takes some ten microseconds a process. It is made in slices with pauses twenty-five times as long, so that no
//! number of processes costs more than 4 % of one processor; and only when something was started since the last one, or
//! two seconds have passed, because a process that is there already can take another name (see
//! `docs/decisions/0005-process-tracking.md`).

use std::collections::BTreeSet;
use std::time::Duration;

use clock::Instant;
use control::Sought;
use kernel::eventloop::now;
use kernel::process::processor_time;
use kernel::process::table::{self, Pass, Seen};

use super::super::lookout::{self, Dismissed};

/// Its orders, places and news.
pub(super) type Hand = lookout::Hand<Orders, Who, Look>;

/// A process: its number and when it was started.
pub(super) type Who = (u32, u64);

/// What is looked for.
#[derive(Debug)]
pub(super) struct Orders {
    /// By which what is told of it is known.
    pub(super) serial: u64,
    /// What is told of is told by its place here.
    pub(super) sought: Vec<Sought>,
    /// Processes that count so far.
    pub(super) members: BTreeSet<u32>,
    /// Those whose command lines are left alone, since reading them hangs.
    pub(super) left_alone: BTreeSet<Who>,
}

/// News of a pass.
#[derive(Debug)]
pub(super) struct Look {
    /// That of the orders.
    pub(super) serial: u64,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A pass begins; why it does not see all, if so.
    Begun(Option<&'static str>),
    /// Who was met among those that count or counted.
    Met(Vec<Met>),
    /// All were met.
    Ended,
    /// Not all could be looked at.
    Failed(std::io::Error),
}

/// A process that was met.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) seen: Seen,
    /// What it is.
    pub(super) is: BTreeSet<usize>,
    /// What it may be: that could not be told.
    pub(super) may_be: BTreeSet<usize>,
}

/// Looks through processes until it is dismissed.
pub(super) fn duty(hand: &Hand) -> Result<(), Dismissed> {
    let mut lookout = Lookout::default();
    let mut next = None;
    loop {
        if let Some(orders) = hand.wait(None, next)? {
            lookout = Lookout { orders: Some(orders), ..Lookout::default() };
        } else if next.is_some_and(|next| next > now()) {
            continue;
        }
        let Some(orders) = lookout.orders.take() else { continue };
        let done = lookout.look_on(hand, &orders);
        lookout.orders = Some(orders);
        next = Some(done?);
    }
}

#[derive(Debug, Default)]
struct Lookout {
    orders: Option<Orders>,
    pass: Option<Pass>,
    /// Those that counted at the last pass, and at this one.
    counted: BTreeSet<u32>,
    counting: BTreeSet<u32>,
    /// When the last pass began; none before the first, which is made without pauses.
    began: Option<Instant>,
    has_ended: bool,
    /// The number that a process was given last, and since when that is known.
    last: Option<(u32, Instant)>,
}

impl Lookout {
    /// Looks at some more processes where that is worth it; says when to look on.
    fn look_on(&mut self, hand: &Hand, orders: &Orders) -> Result<Instant, Dismissed> {
        let (begin, busy) = (now(), processor_time());
        let tell = |what| hand.tell(Look { serial: orders.serial, what });
        if self.pass.is_none() {
            if !self.is_worth_a_look(begin) {
                return Ok(begin + BEAT);
            }
            if self.began.is_none() {
                self.counted.clone_from(&orders.members);
            }
            self.began = Some(begin);
            match Pass::begin() {
                Ok(pass) => self.pass = Some(pass),
                Err(error) => {
                    self.has_ended = false;
                    tell(What::Failed(error));
                    return Ok(begin + BEAT);
                }
            }
            tell(What::Begun(table::blindness()));
        }
        let mut met = Vec::new();
        let end = self.slice(hand, orders, &mut met)?;
        if !met.is_empty() {
            tell(What::Met(met));
        }
        let is_first = !self.has_ended;
        if let Some(end) = end {
            self.pass = None;
            self.has_ended = matches!(end, What::Ended);
            if self.has_ended {
                self.counted.clear();
            }
            self.counted.append(&mut self.counting);
            tell(end);
        } else if is_first {
            return Ok(now());
        }
        let next = now() + processor_time().saturating_sub(busy).saturating_mul(SHARE);
        let earliest = self.began.map_or(begin, |began| began + BEAT);
        Ok(if self.pass.is_some() { next } else { next.max(earliest) })
    }

    /// Looks at some more processes; says how the pass ended, if it did.
    fn slice(
        &mut self,
        hand: &Hand,
        orders: &Orders,
        met: &mut Vec<Met>,
    ) -> Result<Option<What>, Dismissed> {
        for _ in 0..SLICE {
            let seen = match self.pass.as_mut().and_then(Iterator::next) {
                Some(Ok(seen)) => seen,
                Some(Err(error)) => return Ok(Some(What::Failed(error))),
                None => return Ok(Some(What::Ended)),
            };
            let (is, may_be) = tell_what(hand, orders, &seen)?;
            let counts = !is.is_empty() || !may_be.is_empty();
            if counts {
                self.counting.insert(seen.pid);
            }
            if counts || self.counted.contains(&seen.pid) {
                met.push(Met { seen, is, may_be });
            }
        }
        Ok(None)
    }

    /// Whether something may have changed since the last pass that no end told.
    fn is_worth_a_look(&mut self, now: Instant) -> bool {
        let Some(pid) = table::last_pid() else { return true };
        let since = match self.last {
            Some((last, since)) if last == pid => since,
            _ => now,
        };
        self.last = Some((pid, since));
        // What was started a moment ago may take its name only now.
        let is_young = now.since(since) < YOUNG;
        is_young || !self.has_ended || self.began.is_none_or(|began| now.since(began) >= LONGEST)
    }
}

/// What a process is of what is sought, and what it may be.
fn tell_what(
    hand: &Hand,
    orders: &Orders,
    seen: &Seen,
) -> Result<(BTreeSet<usize>, BTreeSet<usize>), Dismissed> {
    let (mut is, mut may_be) = (BTreeSet::new(), BTreeSet::new());
    let mut command = None;
    for (place, sought) in orders.sought.iter().enumerate() {
        if seen.is_zombie || !sought.may_be(&seen.name) {
            continue;
        }
        if !sought.needs_command() {
            is.insert(place);
            continue;
        }
        let who = (seen.pid, seen.started);
        if command.is_none() {
            command = Some(if orders.left_alone.contains(&who) {
                None
            } else {
                hand.at(who, || table::command_line(seen.pid))?.ok()
            });
        }
        match command.as_ref().and_then(Option::as_ref) {
            Some(command) if sought.is(command) => is.insert(place),
            Some(_) => false,
            None => may_be.insert(place),
        };
    }
    Ok((is, may_be))
}

/// Processes that are looked at before there is a pause.
const SLICE: usize = 128;
/// A slice takes one part of as many of the time.
const SHARE: u32 = 25;
/// Least time from one look to the next.
const BEAT: Duration = Duration::from_millis(250);
/// How long a process that was started may take to become what it shall be.
const YOUNG: Duration = Duration::from_secs(1);
/// Longest time from one look to the next.
const LONGEST: Duration = Duration::from_secs(2);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use std::collections::BTreeMap;

    use control::Comparison;
    use kernel::eventloop::{EventLoop, Token};

    use super::super::super::lookout::{Lookout, News};
    use super::*;

    /// What one pass says of this process, which is sought by its command line.
    fn pass(members: BTreeSet<u32>, left_alone: BTreeSet<Who>) -> BTreeMap<u32, (usize, usize)> {
        let (name, parameters) = (std::env::args().next().unwrap(), Vec::new());
        let own = Sought { name, full_command: true, parameters, comparison: Comparison::Any };
        let orders = Orders { serial: 3, sought: vec![own], members, left_alone };
        let (events, mut lookout) = (EventLoop::new().unwrap(), None);
        Lookout::send(&mut lookout, &events, Token(9), "test", duty, orders).unwrap();
        let mut lookout = lookout.unwrap();
        let mut all = BTreeMap::new();
        loop {
            lookout.wait(now() + Duration::from_secs(20));
            for news in lookout.news() {
                let News::Told(Look { serial: 3, what }) = news else { panic!("{news:?}") };
                match what {
                    What::Begun(_) => {}
                    What::Met(met) => all.extend(
                        met.iter().map(|met| (met.seen.pid, (met.is.len(), met.may_be.len()))),
                    ),
                    What::Ended => {
                        lookout.dismiss();
                        return all;
                    }
                    What::Failed(error) => panic!("{error}"),
                }
            }
        }
    }

    #[test]
    fn a_pass_meets_who_is_sought() {
        let own = std::process::id();
        assert_eq!(pass(BTreeSet::new(), BTreeSet::new()).get(&own), Some(&(1, 0)));
    }

    #[test]
    fn who_counted_is_told_of_whatever_he_is_now() {
        let mut other = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let told = pass(BTreeSet::from([other.id()]), BTreeSet::new());
        assert_eq!(told.get(&other.id()), Some(&(0, 0)));
        assert_eq!(pass(BTreeSet::new(), BTreeSet::new()).get(&other.id()), None);
        other.kill().unwrap();
        other.wait().unwrap();
    }

    #[test]
    fn what_cannot_be_read_may_be_anything() {
        let own = table::look_at(std::process::id()).unwrap().unwrap();
        let left_alone = BTreeSet::from([(own.pid, own.started)]);
        assert_eq!(pass(BTreeSet::new(), left_alone).get(&own.pid), Some(&(0, 1)));
    }
}
