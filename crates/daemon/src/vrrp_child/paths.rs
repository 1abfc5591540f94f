//! The routes and rules that this process holds: for Active instances, and those that are static.
//!
//! They have no leases, as addresses do: what somebody takes away is put back, and what a daemon that was killed
//! left behind is cleared or taken over by the next one. [`Shell`](super::Shell) does both in `paths/keep.rs`.

mod keep;
mod wanted;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use clock::{Instant, Timers};
use intent::{IfIndex, Path, PathKey, Route};
use kernel::path::PathSocket;
use vrrp::InstanceId;

pub(super) use self::wanted::{of_host, of_instance, route};

/// Whose a path is. Several may hold the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// There from start to stop.
    Host,
    /// There while it is Active.
    Instance(InstanceId),
}

/// Why a path is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It is to be there from now on.
    Wanted,
    /// It was refused, and may not be now: what stands is left alone.
    Again,
    /// A link or an address went or came, and with it what leads through it.
    Lost,
    /// Somebody took it away, as the kernel says.
    Removed,
}

/// One path of one owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) path: Path,
    /// Without `no_track`: it is put back when somebody takes it away.
    pub(super) is_followed: bool,
    /// The `track_group` whose instances are in Fault without it.
    pub(super) group: Option<Box<str>>,
    /// The kernel has it, as far as is known.
    pub(super) stands: bool,
}

/// What is held, by owner, and what is to be looked at again.
#[derive(Debug, Default)]
pub(super) struct Paths {
    held: BTreeMap<Owner, Vec<Held>>,
    owners: BTreeMap<PathKey, BTreeSet<Owner>>,
    /// Owners of routes that name a link.
    by_link: BTreeMap<IfIndex, BTreeSet<Owner>>,
    /// Owners of routes that are sent on from an address.
    by_source: BTreeMap<IpAddr, BTreeSet<Owner>>,
    /// Owners of routes whose link the kernel finds.
    loose: BTreeSet<Owner>,
    /// Interfaces and VRFs that routes of an owner name, and that do not exist.
    missing: BTreeMap<Owner, Vec<String>>,
    /// Owners of something that the kernel refused.
    refused: BTreeSet<Owner>,
    suspects: BTreeMap<Owner, Suspicion>,
    checks: Timers<Owner>,
    /// Tells of paths that go, while there are any.
    ear: Option<PathSocket>,
    /// The protocols that it is about.
    protocols: BTreeSet<u8>,
}

/// How often the paths of an owner are looked at: somebody who takes them away for ever costs little.
#[derive(Clone, Copy, Debug)]
struct Suspicion {
    why: Why,
    checked: Instant,
    pause: Duration,
    /// Something was missing or refused then.
    troubled: Instant,
}

impl Paths {
    /// What an owner holds, in the order of setting.
    pub(super) fn of(&self, owner: Owner) -> &[Held] {
        self.held.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// Whether an owner holds this path.
    pub(super) fn holds(&self, owner: Owner, path: &Path) -> bool {
        self.of(owner).iter().any(|held| held.path == *path)
    }

    /// Whether this path of an owner is held, by him or somebody else. Where it was to go among others makes no other path
    /// of it for somebody else; he sets it anew where that has changed.
    pub(super) fn is_held(&self, owner: Owner, path: &Path) -> bool {
        let placeless = |path: &Path| match path {
            Path::Route(route) => {
                Path::Route(Box::new(Route { insertion: None, ..(**route).clone() }))
            }
            Path::Rule(_) => path.clone(),
        };
        let others = self.owners.get(&path.key()).into_iter().flatten().filter(|it| **it != owner);
        let mut held = others.flat_map(|other| self.of(*other));
        self.holds(owner, path) || held.any(|held| placeless(&held.path) == placeless(path))
    }

    /// Who holds paths of this key.
    fn owners(&self, key: PathKey) -> Vec<Owner> {
        self.owners.get(&key).into_iter().flatten().copied().collect()
    }

    /// Every owner of something.
    fn everybody(&self) -> Vec<Owner> {
        self.held.keys().copied().collect()
    }

    /// Notes what an owner holds from now on; of what it held before, whether it stands is still known.
    pub(super) fn take(&mut self, owner: Owner, mut wanted: Vec<Held>) {
        let missing = self.missing.remove(&owner);
        let before = self.leave(owner);
        self.missing.extend(missing.map(|missing| (owner, missing)));
        if wanted.is_empty() {
            return;
        }
        for held in &mut wanted {
            held.stands |= before.iter().any(|it| it.stands && it.path == held.path);
            self.owners.entry(held.path.key()).or_default().insert(owner);
            let Path::Route(route) = &held.path else { continue };
            for device in route.devices() {
                self.by_link.entry(*device).or_default().insert(owner);
            }
            if let Some(source) = route.source {
                self.by_source.entry(source).or_default().insert(owner);
            }
            if route.hops.iter().any(|hop| hop.device.is_none()) {
                self.loose.insert(owner);
            }
        }
        self.held.insert(owner, wanted);
    }

    /// Notes that an owner holds nothing any more; returns what it held.
    pub(super) fn leave(&mut self, owner: Owner) -> Vec<Held> {
        let held = self.held.remove(&owner).unwrap_or_default();
        for one in &held {
            forget(&mut self.owners, &one.path.key(), owner);
            let Path::Route(route) = &one.path else { continue };
            for device in route.devices() {
                forget(&mut self.by_link, device, owner);
            }
            if let Some(source) = route.source {
                forget(&mut self.by_source, &source, owner);
            }
        }
        self.loose.remove(&owner);
        self.refused.remove(&owner);
        self.missing.remove(&owner);
        self.suspects.remove(&owner);
        self.checks.cancel(&owner);
        held
    }

    /// Notes what is missing for an owner's routes; says what of it is new.
    fn note_missing(&mut self, owner: Owner, missing: &[String]) -> Vec<String> {
        let before = self.missing.remove(&owner).unwrap_or_default();
        let new = missing.iter().filter(|what| !before.contains(what)).cloned().collect();
        if !missing.is_empty() {
            self.missing.insert(owner, missing.to_vec());
        }
        new
    }

    /// Notes whether a path stands; says whether that is new.
    fn note(&mut self, owner: Owner, path: &Path, stands: bool) -> bool {
        let held = self.held.get_mut(&owner).into_iter().flatten();
        let mut changed = false;
        for one in held.filter(|one| one.path == *path) {
            changed |= one.stands != stands;
            one.stands = stands;
        }
        changed
    }

    /// Notes that followed routes through a link do not stand any more.
    fn doubt(&mut self, owner: Owner, link: IfIndex) {
        for held in self.held.get_mut(&owner).into_iter().flatten().filter(|it| it.is_followed) {
            if let Path::Route(route) = &held.path
                && route.devices().any(|device| *device == link)
            {
                held.stands = false;
            }
        }
    }

    /// Notes of owners that the kernel has been told of whether it refused something of theirs.
    fn note_refusals(&mut self, owners: &BTreeSet<Owner>) {
        for owner in owners {
            if self.of(*owner).iter().all(|held| held.stands) {
                self.refused.remove(owner);
            } else {
                self.refused.insert(*owner);
            }
        }
    }

    /// Wants the paths of an owner to be looked at: now, or as soon as that is not too often.
    fn suspect(&mut self, now: Instant, owner: Owner, why: Why) {
        if !self.held.contains_key(&owner) {
            return;
        }
        let known = self.suspects.get_mut(&owner);
        let due = match known {
            Some(suspicion) => {
                if why == Why::Removed || suspicion.why == Why::Again {
                    suspicion.why = why;
                }
                now.max(suspicion.checked + suspicion.pause)
            }
            None => {
                let (checked, troubled) = (Instant::ZERO, Instant::ZERO);
                let suspicion = Suspicion { why, checked, pause: PAUSE, troubled };
                self.suspects.insert(owner, suspicion);
                now
            }
        };
        if self.checks.deadline_of(&owner).is_none_or(|set| due < set) {
            self.checks.set(owner, due);
        }
    }

    /// The next owner whose paths are to be looked at now, and why.
    fn next_check(&mut self, now: Instant) -> Option<(Owner, Why)> {
        let owner = self.checks.pop_due(now)?;
        let suspicion = self.suspects.get_mut(&owner)?;
        let why = std::mem::replace(&mut suspicion.why, Why::Again);
        suspicion.checked = now;
        if now.since(suspicion.troubled) > suspicion.pause * CALM {
            suspicion.pause = PAUSE;
        }
        Some((owner, why))
    }

    /// Something was missing or refused: the next look comes later, and without being asked for if `again`.
    fn trouble(&mut self, now: Instant, owner: Owner, again: bool) {
        if !self.held.contains_key(&owner) {
            return;
        }
        let suspicion = self.suspects.entry(owner).or_insert(Suspicion {
            why: Why::Again,
            checked: now,
            pause: PAUSE,
            troubled: Instant::ZERO,
        });
        // Several paths of one look are one trouble.
        if suspicion.troubled != now {
            suspicion.pause = (suspicion.pause * 2).min(LONGEST_PAUSE);
            suspicion.troubled = now;
        }
        if again {
            self.checks.set(owner, now + suspicion.pause.max(RETRY));
        }
    }

    /// When paths are to be looked at next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.checks.next()
    }
}

fn forget<K: Ord>(owners: &mut BTreeMap<K, BTreeSet<Owner>>, key: &K, owner: Owner) {
    if let Some(set) = owners.get_mut(key) {
        set.remove(&owner);
        if set.is_empty() {
            owners.remove(key);
        }
    }
}

/// Least time between two looks at the paths of one owner.
const PAUSE: Duration = Duration::from_millis(50);
/// The same, for one that is in trouble again and again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// When a path that the kernel refuses is tried again at the earliest.
const RETRY: Duration = Duration::from_millis(500);
/// Without trouble for so many pauses, an owner is looked at as soon as ever.
const CALM: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use intent::{Insertion, NextHop, Prefix};

    const OWNER: Owner = Owner::Instance(InstanceId(1));
    const OTHER: Owner = Owner::Instance(InstanceId(2));

    fn held(third: u8) -> Held {
        let hop = NextHop {
            gateway: None,
            device: Some(IfIndex(7)),
            weight: 1,
            on_link: false,
            realms: 0,
            encap: None,
        };
        let destination = Prefix { address: [10, 1, third, 0].into(), length: 24 };
        let route = Route { scope: 253, protocol: 18, ..Route::new(destination, vec![hop]) };
        let path = Path::Route(Box::new(route));
        Held { path, is_followed: true, group: None, stands: false }
    }

    fn at(milliseconds: u64) -> Instant {
        Instant::from_nanos(10_000_000_000 + milliseconds * 1_000_000)
    }

    #[test]
    fn a_path_of_two_owners_is_held_until_both_have_left() {
        let mut paths = Paths::default();
        paths.take(OWNER, vec![held(1), held(2)]);
        paths.take(OTHER, vec![held(1)]);
        assert_eq!(paths.owners(held(1).path.key()), [OWNER, OTHER]);
        assert_eq!(paths.leave(OWNER).len(), 2);
        assert!(paths.is_held(OWNER, &held(1).path) && !paths.is_held(OWNER, &held(2).path));
        paths.leave(OTHER);
        assert!(!paths.is_held(OWNER, &held(1).path));
        assert!(paths.owners.is_empty() && paths.by_link.is_empty() && paths.held.is_empty());
        assert!(paths.by_source.is_empty() && paths.loose.is_empty());
    }

    #[test]
    fn where_a_route_was_to_go_makes_another_one_of_it_for_its_owner_alone() {
        let mut paths = Paths::default();
        paths.take(OWNER, vec![held(1)]);
        let Path::Route(route) = held(1).path else { return };
        let insertion = Some(Insertion::Append);
        let appended = Path::Route(Box::new(Route { insertion, ..*route }));
        assert!(paths.is_held(OTHER, &appended), "the kernel has one");
        assert!(!paths.is_held(OWNER, &appended), "he sets it anew");
    }

    #[test]
    fn what_stood_before_stands_still() {
        let mut paths = Paths::default();
        paths.take(OWNER, vec![held(1), held(2)]);
        assert!(paths.note(OWNER, &held(1).path, true) && !paths.note(OWNER, &held(1).path, true));
        paths.take(OWNER, vec![held(3), held(1)]);
        assert_eq!(paths.of(OWNER).iter().map(|it| it.stands).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn the_first_loss_is_looked_at_at_once_and_a_fight_ever_more_rarely() {
        let mut paths = Paths::default();
        paths.take(OWNER, vec![held(1)]);
        let mut looks = Vec::new();
        // Somebody takes the path away every millisecond for a minute.
        for milliseconds in 0..60_000 {
            let now = at(milliseconds);
            paths.suspect(now, OWNER, Why::Removed);
            while let Some((owner, why)) = paths.next_check(now) {
                assert_eq!((owner, why), (OWNER, Why::Removed));
                looks.push(milliseconds);
                paths.trouble(now, owner, false);
            }
        }
        assert_eq!(looks[..5], [0, 100, 300, 700, 1500]);
        assert!(looks.len() <= 15, "{looks:?}");
        // After some peace it is as quick as at first.
        let now = at(200_000);
        paths.suspect(now, OWNER, Why::Removed);
        assert!(paths.next_check(now).is_some());
        paths.suspect(now, OWNER, Why::Lost);
        assert_eq!(paths.deadline(), Some(now + PAUSE));
    }

    #[test]
    fn what_is_refused_is_tried_again_without_being_asked() {
        let mut paths = Paths::default();
        paths.take(OWNER, vec![held(1)]);
        paths.trouble(at(0), OWNER, true);
        assert_eq!(paths.deadline(), Some(at(500)));
        assert_eq!(paths.next_check(at(499)), None);
        assert_eq!(paths.next_check(at(500)), Some((OWNER, Why::Again)));
        assert_eq!(paths.next_check(at(500)), None);
        // Of one that left, nothing is looked at.
        paths.trouble(at(500), OWNER, true);
        paths.leave(OWNER);
        assert_eq!(paths.deadline(), None);
        paths.trouble(at(600), OWNER, true);
        assert_eq!(paths.deadline(), None);
    }
}
