//! Address, route and rule lines of the configuration as an observer may see them.

use config::model::{Broadcast, Following, Instance, PreferredLifetime, VirtualAddress};
use intent::Path;
use vrrp::InstanceId;

use super::super::Shell;
use super::super::holdings;
use super::super::paths::{self, Owner};

impl Shell {
    pub(super) fn routes(&self, id: InstanceId, instance: &Instance) -> Vec<status::Path> {
        let lines = instance.routes.iter();
        lines
            .map(|line| {
                let route = paths::route(line, &self.observer).ok();
                let path = route.map(|route| Path::Route(Box::new(route)));
                self.path(id, line.route.to_string(), path.as_ref(), &line.following)
            })
            .collect()
    }

    pub(super) fn rules(&self, id: InstanceId, instance: &Instance) -> Vec<status::Path> {
        let lines = instance.rules.iter();
        lines
            .map(|line| {
                let path = Path::Rule(Box::new(line.rule.clone()));
                self.path(id, line.rule.to_string(), Some(&path), &line.following)
            })
            .collect()
    }

    fn path(
        &self,
        id: InstanceId,
        text: String,
        path: Option<&Path>,
        following: &Following,
    ) -> status::Path {
        let held = self.paths.of(Owner::Instance(id)).iter();
        let installed = held.filter(|held| Some(&held.path) == path).any(|held| held.stands);
        status::Path { text, installed, tracked: *following != Following::Nobody }
    }
}

/// An address line; whether it stands and is advertised is not seen by it.
pub(crate) fn address(line: &VirtualAddress, device: &str) -> status::Address {
    let flags = [
        (line.home, "home"),
        (line.no_prefix_route, "noprefixroute"),
        (line.manage_temporary, "mngtmpaddr"),
        (line.auto_join, "autojoin"),
    ];
    let flags = flags.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned());
    status::Address {
        address: line.address,
        prefix: line.prefix,
        interface: device.to_owned(),
        below: None,
        installed: false,
        advertised: false,
        scope: line.scope,
        label: line.label.clone(),
        broadcast: match line.broadcast {
            Broadcast::None => None,
            Broadcast::HostOnes | Broadcast::HostZeros | Broadcast::Address(_) => {
                holdings::broadcast(line)
            }
        },
        peer: line.peer,
        preferred: match line.preferred {
            None if line.address.is_ipv6() && line.prefix == 128 => Some(0),
            None | Some(PreferredLifetime::Forever) => None,
            Some(PreferredLifetime::Seconds(seconds)) => Some(seconds),
        },
        flags: flags.collect(),
    }
}
