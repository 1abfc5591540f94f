//! Which paths are to be there: lines of the configuration on the links of the moment.

use config::model::{Fixed, Following, Instance, RouteLine, RuleLine};
use intent::{Path, Route};
use kernel::observer::Observer;

use super::Held;

/// The paths of an instance, on the links that exist; and what is missing for others.
pub(crate) fn of_instance(instance: &Instance, observer: &Observer) -> (Vec<Held>, Vec<String>) {
    wanted(&instance.routes, &instance.rules, observer)
}

/// The static paths, on the links that exist; and what is missing for others.
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
        match route(line, observer) {
            Ok(route) => list.push(held(Path::Route(Box::new(route)), &line.following)),
            Err(what) => missing.push(what),
        }
    }
    // A rule may name an interface that is yet to come.
    let rules = rules.iter();
    list.extend(rules.map(|line| held(Path::Rule(Box::new(line.rule.clone())), &line.following)));
    (list, missing)
}

/// The route of a line, on the links that exist.
///
/// **Errors**: what is missing, for a log.
pub(crate) fn route(line: &RouteLine, observer: &Observer) -> Result<Route, String> {
    let index = |name: &String| observer.link_named(name).map(|link| link.index);
    let route = line.route.resolve(index).map_err(|device| format!("interface {device}"))?;
    let Some(name) = &line.vrf else { return Ok(route) };
    let table = observer.link_named(name).and_then(|link| link.vrf_table);
    let table = table.ok_or_else(|| format!("VRF {name}"))?;
    Ok(Route { table, ..route })
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
