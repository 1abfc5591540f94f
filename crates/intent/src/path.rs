//! Routes and rules together: what leads packets, in the order in which it is set.

use core::fmt;

use crate::{Route, RouteKey, Rule, RuleKey};

/// A route or a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// A route.
    Route(Box<Route>),
    /// A rule.
    Rule(Box<Rule>),
}

/// What a path is looked for by; several may share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKey {
    /// Of a route.
    Route(RouteKey),
    /// Of a rule.
    Rule(RuleKey),
}

impl Path {
    /// What it is looked for by.
    #[must_use]
    pub const fn key(&self) -> PathKey {
        match self {
            Self::Route(route) => PathKey::Route(route.key()),
            Self::Rule(rule) => PathKey::Rule(rule.key()),
        }
    }

    /// Who set it.
    #[must_use]
    pub const fn protocol(&self) -> u8 {
        match self {
            Self::Route(route) => route.protocol,
            Self::Rule(rule) => rule.protocol,
        }
    }

    /// Whether what the kernel shows is this one.
    #[must_use]
    pub fn is_seen_as(&self, seen: &Self) -> bool {
        match (self, seen) {
            (Self::Route(own), Self::Route(seen)) => own.is_seen_as(seen),
            (Self::Rule(own), Self::Rule(seen)) => own == seen,
            (Self::Route(_), Self::Rule(_)) | (Self::Rule(_), Self::Route(_)) => false,
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Route(route) => write!(f, "route {route}"),
            Self::Rule(rule) => write!(f, "rule {rule}"),
        }
    }
}

/// The steps from one list of paths to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSteps {
    /// To take away, the last first.
    pub surplus: Vec<Path>,
    /// To set, in the order of the list.
    pub missing: Vec<Path>,
}

/// The steps from `observed` to `desired`. What stands as wanted is not touched.
///
/// Both lists are in the order in which they are set: routes before rules, and a route behind those that it
/// leans on. Removals go before additions, in the reverse order.
#[must_use]
pub fn path_steps(desired: &[Path], observed: &[Path]) -> PathSteps {
    use std::collections::BTreeMap;
    let mut standing: BTreeMap<PathKey, Vec<&Path>> = BTreeMap::new();
    for path in observed {
        standing.entry(path.key()).or_default().push(path);
    }
    let mut missing = Vec::new();
    for path in desired {
        let seen = standing.get_mut(&path.key());
        let found = seen.and_then(|seen| {
            let place = seen.iter().position(|seen| path.is_seen_as(seen))?;
            Some(seen.swap_remove(place))
        });
        if found.is_none() {
            missing.push(path.clone());
        }
    }
    let mut surplus: Vec<Path> = Vec::new();
    for path in observed.iter().rev() {
        let left = standing.get_mut(&path.key());
        let place = left.as_ref().and_then(|left| left.iter().position(|it| *it == path));
        if let (Some(left), Some(place)) = (left, place) {
            left.swap_remove(place);
            surplus.push(path.clone());
        }
    }
    PathSteps { surplus, missing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IfIndex, NextHop, Prefix, RuleAction};
    use wire::Family;

    fn route(third: u8, gateway: u8) -> Path {
        let hop = NextHop {
            gateway: Some([10, 0, 0, gateway].into()),
            device: None,
            weight: 1,
            on_link: false,
            realms: 0,
            encap: None,
        };
        let destination = Prefix { address: [10, 1, third, 0].into(), length: 24 };
        Path::Route(Box::new(Route { protocol: 18, ..Route::new(destination, vec![hop]) }))
    }

    /// As the kernel shows it.
    fn seen(path: &Path) -> Path {
        let Path::Route(route) = path else { return path.clone() };
        let mut route = route.clone();
        route.hops[0].device = Some(IfIndex(3));
        Path::Route(route)
    }

    fn rule(priority: u32, table: u32) -> Path {
        let action = RuleAction::Table(table);
        Path::Rule(Box::new(Rule { protocol: 18, ..Rule::new(Family::Ipv4, priority, action) }))
    }

    #[test]
    fn what_stands_as_wanted_is_not_touched() {
        let wanted = [route(1, 1), route(2, 1), rule(5, 7)];
        let standing: Vec<Path> = wanted.iter().rev().map(seen).collect();
        assert_eq!(path_steps(&wanted, &standing), PathSteps::default());
    }

    #[test]
    fn surplus_goes_from_the_last_to_the_first_and_what_is_missing_comes_in_its_order() {
        let standing = [route(1, 1), route(2, 1), rule(5, 7)];
        let wanted = [route(9, 1), route(1, 1), route(3, 1), rule(4, 7)];
        let steps = path_steps(&wanted, &standing);
        assert_eq!(steps.surplus, [rule(5, 7), route(2, 1)]);
        assert_eq!(steps.missing, [route(9, 1), route(3, 1), rule(4, 7)]);
    }

    #[test]
    fn another_gateway_is_another_route_of_the_same_key() {
        let steps = path_steps(&[route(1, 2)], &[seen(&route(1, 1))]);
        assert_eq!(steps.surplus, [seen(&route(1, 1))]);
        assert_eq!(steps.missing, [route(1, 2)]);
        // Two that share a key are told apart.
        let both = [seen(&route(1, 1)), seen(&route(1, 2))];
        let steps = path_steps(&[route(1, 2)], &both);
        assert_eq!((steps.surplus, steps.missing), (vec![seen(&route(1, 1))], vec![]));
    }

    #[test]
    fn what_is_becomes_what_should_be_in_the_fewest_steps() {
        let all = [route(1, 1), route(1, 2), route(2, 1), rule(5, 7), rule(5, 8)];
        let subset = |bits: usize| -> Vec<Path> {
            (0..5).filter(|bit| bits >> bit & 1 == 1).map(|bit| all[bit].clone()).collect()
        };
        for (desired, observed) in (0..32).flat_map(|d| (0..32).map(move |o| (d, o))) {
            let steps = path_steps(&subset(desired), &subset(observed));
            assert_eq!(steps.missing, subset(desired & !observed));
            let mut surplus = steps.surplus;
            surplus.reverse();
            assert_eq!(surplus, subset(observed & !desired));
        }
    }
}
