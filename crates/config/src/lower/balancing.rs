//! `lvs_*` of `global_defs`, and what else it says of virtual servers.

use std::collections::{BTreeMap, BTreeSet};

use intent::service::{SyncDaemon, SyncRole};
use vrrp::Weight;

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{
    AtStop, Balancing, BfdInstance, BfdUsers, Check, CheckKind, FileWeight, Instance, Sync,
    TrackFile, VirtualServer,
};
use crate::source::Span;
use crate::syntax::Directive;

/// Reads one directive; says whether it was one of these.
pub(super) fn read(balancing: &mut Balancing, keyword: &str, directive: &Directive) -> bool {
    let flag = |old: bool| directive.flag().unwrap_or(old);
    match keyword {
        "lvs_flush" => balancing.flushes = true,
        "lvs_flush_on_stop" | "lvs_flush_onstop" => {
            // One that is told apart from what others made.
            let is_ours = directive.text(0) == Some("VS");
            balancing.at_stop = if is_ours { AtStop::Ours } else { AtStop::All };
        }
        "lvs_timeouts" => timeouts(balancing, directive),
        "lvs_sync_daemon" => balancing.sync = sync(directive).or(balancing.sync.take()),
        "smtp_alert_checker" => balancing.alerts = directive.flag().or(balancing.alerts),
        "no_checker_emails" => {
            balancing.only_moves_are_told = flag(balancing.only_moves_are_told);
        }
        "checker_log_all_failures" => balancing.logs_failures = flag(balancing.logs_failures),
        "rs_init_notifies" => balancing.tells_start = flag(balancing.tells_start),
        _ => return false,
    }
    true
}

/// One `lvs_sync_daemon_interface` of an instance.
pub(super) struct OfInstance {
    instance: String,
    interface: String,
    at: Span,
}

/// Those of an instance's block.
pub(super) fn of_instance(block: &Directive, instance: &str) -> Vec<OfInstance> {
    let lines = block.children().iter();
    let lines = lines.filter(|line| line.keyword == "lvs_sync_daemon_interface");
    let one = |line: &Directive| {
        let (instance, interface) = (instance.to_owned(), line.text(0)?.to_owned());
        Some(OfInstance { instance, interface, at: line.keyword.span })
    };
    lines.filter_map(one).collect()
}

/// Makes the first of them an `lvs_sync_daemon` that follows its instance, where there is none.
pub(super) fn take(balancing: &mut Balancing, lines: Vec<OfInstance>, reports: &mut Reports<'_>) {
    for OfInstance { instance, interface, at } in lines {
        if let Some(sync) = &balancing.sync {
            let text = format!(
                "connections are synchronised through {} already: this line has no effect",
                sync.daemon.interface
            );
            reports.warning(codes::SECOND_SYNC, text, at);
        } else {
            // As keepalived has it, which the other director may be.
            let (daemon, instance) = (receiver(&interface), Some(instance));
            balancing.sync = Some(Sync { daemon, instance, is_numbered: true });
        }
    }
}

/// What a synchronisation daemon that follows an instance has from it.
pub(super) fn follow(balancing: &mut Balancing, instances: &[Instance]) {
    let Some(sync) = &mut balancing.sync else { return };
    let followed = instances.iter().find(|it| Some(&it.name) == sync.instance.as_ref());
    if let Some(instance) = followed.filter(|_| !sync.is_numbered) {
        sync.daemon.id = instance.parameters.vrid.get();
    }
}

/// Leaves out checks of files and sessions that there are not, and gives those of files their weight.
pub(super) fn settle(
    servers: &mut [VirtualServer],
    files: &BTreeMap<String, TrackFile>,
    sessions: &BTreeMap<String, BfdInstance>,
    reports: &mut Reports<'_>,
) {
    let balanced = servers.iter_mut().filter_map(|server| server.balance.as_mut());
    for server in balanced.flat_map(|balance| &mut balance.servers) {
        server.checks.retain_mut(|check| {
            let missing = match &mut check.kind {
                CheckKind::File(name, weight) => match files.get(name) {
                    Some(file) => {
                        weight.get_or_insert_with(|| file_weight(file.weight));
                        return true;
                    }
                    None => format!("track_file `{name}`"),
                },
                CheckKind::Bfd(name) => match sessions.get(name) {
                    Some(session) if session.users != BfdUsers::Vrrp => return true,
                    Some(_) => format!("bfd_instance `{name}` for checks"),
                    None => format!("bfd_instance `{name}`"),
                },
                CheckKind::Tcp(_)
                | CheckKind::Http(..)
                | CheckKind::Https(..)
                | CheckKind::Grpc(..)
                | CheckKind::Smtp(..)
                | CheckKind::Dns(..)
                | CheckKind::Udp(..)
                | CheckKind::Ping(_)
                | CheckKind::Misc(_) => return true,
            };
            let text = format!("there is no {missing}: the check is left out");
            reports.warning(codes::UNKNOWN_TRACKER, text, check.at);
            false
        });
    }
}

/// The files that checks follow.
pub(super) fn followed_files(servers: &[VirtualServer]) -> BTreeSet<String> {
    let balanced = servers.iter().filter_map(|server| server.balance.as_ref());
    let checks = balanced.flat_map(|balance| &balance.servers).flat_map(|server| &server.checks);
    let name = |check: &Check| {
        if let CheckKind::File(name, _) = &check.kind { Some(name.clone()) } else { None }
    };
    checks.filter_map(name).collect()
}

fn file_weight(weight: Weight) -> FileWeight {
    match weight {
        Weight::Fault { reverse } => FileWeight { weight: 0, reverse },
        Weight::Priority { weight, reverse } => FileWeight { weight: weight.into(), reverse },
    }
}

/// `tcp|tcpfin|udp SECONDS`, as often as there is something to say.
fn timeouts(balancing: &mut Balancing, directive: &Directive) {
    let (pairs, _) = directive.arguments.as_chunks::<2>();
    for [name, seconds] in pairs {
        let seconds = seconds.text.parse().ok();
        let slot = match name.text.as_str() {
            "tcp" => &mut balancing.timeouts.tcp,
            "tcpfin" => &mut balancing.timeouts.tcp_fin,
            "udp" => &mut balancing.timeouts.udp,
            _ => continue,
        };
        *slot = seconds.or(*slot);
    }
}

/// `INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]`.
fn sync(directive: &Directive) -> Option<Sync> {
    let mut words = directive.arguments.iter().map(|word| word.text.as_str());
    let mut daemon = receiver(words.next()?);
    let (mut instance, mut is_numbered) = (None, false);
    while let Some(word) = words.next() {
        match word {
            "inst" => instance = words.next().map(str::to_owned),
            "id" => {
                daemon.id = words.next()?.parse().ok()?;
                is_numbered = true;
            }
            "maxlen" => daemon.max_length = words.next()?.parse().ok(),
            "port" => daemon.port = words.next()?.parse().ok(),
            "ttl" => daemon.ttl = words.next()?.parse().ok(),
            "group" => daemon.group = words.next()?.parse().ok(),
            name => instance = Some(name.to_owned()),
        }
    }
    Some(Sync { daemon, instance, is_numbered })
}

/// A synchronisation daemon of which nothing else is said.
fn receiver(interface: &str) -> SyncDaemon {
    SyncDaemon {
        role: SyncRole::Receiver,
        interface: interface.to_owned(),
        id: 0,
        max_length: None,
        group: None,
        port: None,
        ttl: None,
    }
}

#[cfg(test)]
mod tests {
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    /// Interface, number and instance.
    type Synchronised = Option<(String, u8, Option<String>)>;

    /// What is synchronised, and what was said but for the keyword's being old.
    fn synchronised(text: &str) -> (Synchronised, Vec<String>) {
        let checked =
            crate::check(&SourceSet::single("x.conf", text), &Environment::of_host("host"));
        let sync = checked.model.global.balancing.sync;
        let sync = sync.map(|sync| (sync.daemon.interface, sync.daemon.id, sync.instance));
        let said = checked.diagnostics.iter().map(|it| it.message.clone());
        (sync, said.filter(|line| !line.ends_with("is an old form")).collect())
    }

    fn instance(name: &str, vrid: u8, line: &str) -> String {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n {line}\n \
             virtual_ipaddress {{\n 192.0.2.{vrid}\n }}\n}}\n"
        )
    }

    #[test]
    fn the_interface_of_an_instance_is_a_synchronisation_that_follows_it() {
        let first = instance("A", 51, "lvs_sync_daemon_interface eth1");
        let of_first = Some(("eth1".to_owned(), 0, Some("A".to_owned())));
        assert_eq!(synchronised(&first), (of_first.clone(), vec![]));
        let both = first.clone() + &instance("B", 52, "lvs_sync_daemon_interface eth2");
        let said = |interface: &str| {
            vec![format!(
                "connections are synchronised through {interface} already: this line has no effect"
            )]
        };
        assert_eq!(synchronised(&both), (of_first, said("eth1")));
        // What is global counts wherever it stands.
        let global = first + "global_defs {\n lvs_sync_daemon eth3 A id 7\n}\n";
        let of_all = Some(("eth3".to_owned(), 7, Some("A".to_owned())));
        assert_eq!(synchronised(&global), (of_all, said("eth3")));
        // An instance that is left out is followed by nobody.
        let lost = "vrrp_instance A {\n lvs_sync_daemon_interface eth1\n}\n";
        assert_eq!(synchronised(lost).0, None);
    }
}
