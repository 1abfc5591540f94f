//! Which paths are to be there: lines of the configuration on the links of the moment.

use config::model::{Fixed, Following, Instance, RouteLine, RuleLine};
use intent::Path;
use kernel::observer::Observer;

use super::Held;

/// The paths of an instance, on the links that exist; and the names of those that do not.
pub(crate) fn of_instance(instance: &Instance, observer: &Observer) -> (Vec<Held>, Vec<String>) {
    wanted(&instance.routes, &instance.rules, observer)
}

/// The static paths, on the links that exist; and the names of those that do not.
pub(crate) fn of_host(fixed: &Fixed, observer: &Observer) -> (Vec<Held>, Vec<String>) {
    wanted(&fixed.routes, &fixed.rules, observer)
}

fn wanted(
    routes: &[RouteLine],
    rules: &[RuleLine],
    observer: &Observer,
) -> (Vec<Held>, Vec<String>) {
    let mut missing = Vec::new();
    let mut list = Vec::with_capacity(routes.len().saturating_add(rules.len()));
    for line in routes {
        match line.route.resolve(|name| observer.link_named(name).map(|link| link.index)) {
            Ok(route) => list.push(held(Path::Route(Box::new(route)), &line.following)),
            Err(device) => missing.push(device.clone()),
        }
    }
    // A rule may name an interface that is yet to come.
    let rules = rules.iter();
    list.extend(rules.map(|line| held(Path::Rule(Box::new(line.rule.clone())), &line.following)));
    (list, missing)
}

fn held(path: Path, following: &Following) -> Held {
    // One that is to end by itself is not put back when it does.
    let ends = matches!(&path, Path::Route(route) if route.expires.is_some());
    Held {
        path,
        is_followed: *following != Following::Nobody && !ends,
        group: following.group().map(Into::into),
        stands: false,
    }
}
