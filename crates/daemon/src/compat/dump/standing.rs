//! How virtual servers, their real servers and the checks of these stand, found for what the configuration says of them.

use std::collections::BTreeMap;

use config::model::{self, Balance};
use intent::service::Back;
use status::{Check, RealServer, Report, VirtualServer};

use crate::compat::balance;

/// All of a report, by name and protocol. It is empty where the checker process did not answer.
#[derive(Debug)]
pub(super) struct Standing<'r>(BTreeMap<(&'r str, &'r str), Vec<&'r VirtualServer>>);

impl<'r> Standing<'r> {
    pub(super) fn of(report: &'r Report) -> Self {
        let mut servers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for server in &report.virtual_servers {
            let name = (server.name.as_str(), server.protocol.as_str());
            servers.entry(name).or_default().push(server);
        }
        Self(servers)
    }

    /// That of the configuration. Two marks of one number, each of a family, are told apart by their servers.
    pub(super) fn find(
        &self,
        server: &model::VirtualServer,
        it: &Balance,
    ) -> Option<&'r VirtualServer> {
        let (name, protocol) = (balance::virtual_server(server), balance::protocol(server));
        let mut alike = self.0.get(&(name.as_str(), protocol))?.iter().copied();
        alike.find(|seen| {
            it.servers.first().is_none_or(|real| real_server(seen, real.back, protocol).is_some())
        })
    }
}

/// A real server of a virtual server.
pub(super) fn real_server<'r>(
    of: &'r VirtualServer,
    back: Back,
    protocol: &str,
) -> Option<&'r RealServer> {
    let name = balance::server(back, protocol);
    of.real_servers.iter().find(|real| real.name == name)
}

/// How each check of a real server stands, in the order of the configuration. What has no name of its own is one behind
/// another of its kind.
pub(super) fn checks<'r>(
    seen: Option<&'r RealServer>,
    configured: &[model::Check],
) -> Vec<Option<&'r Check>> {
    let mut left: Vec<&Check> = seen.iter().flat_map(|it| &it.checks).collect();
    let mut found = Vec::new();
    for check in configured {
        let word = balance::check_word(&check.kind);
        let place = left.iter().position(|it| {
            it.kind == word && balance::check_name(&check.kind).is_none_or(|name| name == it.target)
        });
        found.push(place.map(|place| left.remove(place)));
    }
    found
}
