//! What leads from one configuration to another, for those who want to know before or after.

use std::collections::{BTreeMap, BTreeSet};

use config::model::{
    Command, Instance, Model, Notify, Script, SyncGroup, TrackFile, TrackProcess, VirtualAddress,
};
use status::{Planned, Step, Thing};
use vrrp::{Change, FaultSet, InstanceId, Mode, Parameters, Plan};
use wire::Version;

use super::roster::{Roster, Settled, plan};

/// What a reload from `old` to `new` would do, instances first.
pub(crate) fn compare(old: Model, new: Model) -> Vec<Planned> {
    let mut beside = beside(&old, &new);
    let mut roster = Roster::default();
    let (old, new) = (roster.settle(old), roster.settle(new));
    let plan = plan(&old, &new, |_| (None, FaultSet::new()));
    let mut steps = instances(&plan, &old, &new);
    steps.append(&mut beside);
    steps
}

/// What a plan does to each instance.
pub(super) fn instances(plan: &Plan, old: &Settled, new: &Settled) -> Vec<Planned> {
    let mut steps: Vec<Planned> = Vec::new();
    let mut removed: Vec<(&str, InstanceId)> = Vec::new();
    for (id, change) in &plan.instances {
        let (before, after) = (old.instances.get(id), new.instances.get(id));
        let Some(name) = after.or(before).map(|instance| instance.name.as_str()) else { continue };
        let details = || match (before, after) {
            (Some(before), Some(after)) => details(before, after),
            (None | Some(_), _) => Vec::new(),
        };
        let (step, details) = match change {
            Change::Keep | Change::Adjust(_) => {
                let details = details();
                (if details.is_empty() { Step::Keep } else { Step::Adjust }, details)
            }
            Change::Restart(_) => (Step::Restart, details()),
            Change::Add(_) => (Step::Add, Vec::new()),
            Change::Remove => {
                removed.push((name, *id));
                continue;
            }
        };
        steps.push(Planned { name: name.to_owned(), thing: Thing::Instance, step, details });
    }
    let gone: BTreeMap<&str, InstanceId> = removed.iter().copied().collect();
    let after: BTreeMap<&str, &Instance> =
        new.instances.values().map(|it| (it.name.as_str(), it)).collect();
    let mut restarted = BTreeSet::new();
    for added in steps.iter_mut().filter(|it| it.step == Step::Add) {
        // Another virtual router under the same name is a restart to those who wrote it.
        let before = gone.get(added.name.as_str()).and_then(|id| old.instances.get(id));
        if let (Some(before), Some(after)) = (before, after.get(added.name.as_str())) {
            restarted.insert(before.name.as_str());
            added.step = Step::Restart;
            added.details = details(before, after);
        }
    }
    let left = removed.iter().filter(|(name, _)| !restarted.contains(name));
    steps.extend(left.map(|(name, _)| Planned {
        name: (*name).to_owned(),
        thing: Thing::Instance,
        step: Step::Remove,
        details: Vec::new(),
    }));
    steps
}

/// Settings that differ, with their values where these are short.
fn details(old: &Instance, new: &Instance) -> Vec<String> {
    let (old, new) = (&old.unplaced(), &new.unplaced());
    if old == new {
        return Vec::new();
    }
    let mut details = Vec::new();
    let mut values = |name: &str, one: String, other: String| {
        if one != other {
            details.push(format!("{name} {one} -> {other}"));
        }
    };
    let (before, after) = (&old.parameters, &new.parameters);
    values("name", old.name.clone(), new.name.clone());
    values("interface", old.interface.clone(), new.interface.clone());
    values("virtual_router_id", before.vrid.get().to_string(), after.vrid.get().to_string());
    values("version", version(before), version(after));
    values("priority", priority(old).to_string(), priority(new).to_string());
    let seconds = |it: &Instance| it.parameters.advertisement_interval.as_secs_f64().to_string();
    values("advert_int", seconds(old), seconds(new));
    for (name, one, other) in [
        ("virtual_ipaddress", &old.addresses, &new.addresses),
        ("virtual_ipaddress_excluded", &old.excluded, &new.excluded),
    ] {
        details.extend(addresses(name, one, other));
    }
    let others = [
        ("preemption", preempt(old) != preempt(new)),
        ("virtual_routes", old.routes != new.routes),
        ("virtual_rules", old.rules != new.rules),
        ("trackers", before.tracking != after.tracking),
        ("announcements", before.announce != after.announce),
        ("authentication", old.authentication != new.authentication),
        ("destination", old.destination != new.destination),
        ("source", old.source != new.source),
        ("notify programs", old.notify != new.notify),
    ];
    details.extend(others.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()));
    if details.is_empty() {
        details.push("other settings".to_owned());
    }
    details
}

fn version(parameters: &Parameters) -> String {
    let version = if parameters.version == Version::V2 { 2 } else { 3 };
    version.to_string()
}

fn priority(instance: &Instance) -> u8 {
    match instance.parameters.mode {
        Mode::Owner => 255,
        Mode::Contender { priority, .. } => priority.0,
    }
}

fn preempt(instance: &Instance) -> Option<vrrp::Preempt> {
    match instance.parameters.mode {
        Mode::Owner => None,
        Mode::Contender { preempt, .. } => Some(preempt),
    }
}

fn addresses(name: &str, old: &[VirtualAddress], new: &[VirtualAddress]) -> Vec<String> {
    let missing = |from: &[VirtualAddress], among: &[VirtualAddress], sign: char| {
        let gone = from.iter().filter(|it| !among.contains(it));
        let texts: Vec<String> =
            gone.map(|it| format!("{sign}{}/{}", it.address, it.prefix)).collect();
        texts
    };
    let mut texts = missing(old, new, '-');
    texts.append(&mut missing(new, old, '+'));
    if !texts.is_empty() {
        return vec![format!("{name} {}", texts.join(" "))];
    }
    if old == new { Vec::new() } else { vec![format!("{name} in another order")] }
}

/// What changes beside instances.
fn beside(old: &Model, new: &Model) -> Vec<Planned> {
    let mut steps = Vec::new();
    let mut global = |name: &str, is_same: bool| {
        if !is_same {
            let (thing, step, details) = (Thing::Other, Step::Adjust, Vec::new());
            steps.push(Planned { name: name.to_owned(), thing, step, details });
        }
    };
    let plain = |model: &Model| {
        let mut global = model.global.clone();
        for fifo in &mut global.programs.fifos {
            fifo.reader = fifo.reader.as_ref().map(Command::unplaced);
        }
        global
    };
    global("global_defs", plain(old) == plain(new));
    global("static addresses, routes and rules", old.fixed.unplaced() == new.fixed.unplaced());
    let scripts = |model: &Model| -> Vec<(String, Script)> {
        let scripts = model.scripts.iter();
        scripts.map(|it| (format!("vrrp_script {}", it.name), it.unplaced())).collect()
    };
    named(&mut steps, &scripts(old), &scripts(new));
    let files = |model: &Model| -> Vec<(String, TrackFile)> {
        let files = model.files.iter();
        files.map(|it| (format!("track_file {}", it.name), it.unplaced())).collect()
    };
    named(&mut steps, &files(old), &files(new));
    let processes = |model: &Model| -> Vec<(String, TrackProcess)> {
        let processes = model.processes.iter();
        processes.map(|it| (format!("vrrp_track_process {}", it.name), it.unplaced())).collect()
    };
    named(&mut steps, &processes(old), &processes(new));
    named(&mut steps, &sync_groups(old), &sync_groups(new));
    steps
}

/// Members by name, and programs that are told.
type Group = (Vec<String>, Option<Box<Notify>>);

fn sync_groups(model: &Model) -> Vec<(String, Group)> {
    let instance = |id: &InstanceId| model.instances.get(usize::try_from(id.0).ok()?);
    let group = |group: &SyncGroup| {
        let members = group.parameters.members.iter();
        let members = members.filter_map(|id| Some(instance(id)?.name.clone())).collect();
        (format!("vrrp_sync_group {}", group.name), (members, group.unplaced().notify))
    };
    model.groups.iter().map(group).collect()
}

/// Things that are known by their names.
fn named<T: PartialEq>(steps: &mut Vec<Planned>, old: &[(String, T)], new: &[(String, T)]) {
    let mut step = |name: &str, step| {
        let (thing, details) = (Thing::Other, Vec::new());
        steps.push(Planned { name: name.to_owned(), thing, step, details });
    };
    for (name, value) in new {
        match old.iter().find(|(other, _)| other == name) {
            None => step(name, Step::Add),
            Some((_, before)) if before != value => step(name, Step::Adjust),
            Some(_) => {}
        }
    }
    for (name, _) in old.iter().filter(|(name, _)| !new.iter().any(|(other, _)| other == name)) {
        step(name, Step::Remove);
    }
}

#[cfg(test)]
mod tests {
    use config::source::SourceSet;
    use config::syntax::Environment;

    use super::*;

    fn model(text: &str) -> Model {
        let sources = SourceSet::single("x.conf", text);
        config::check(&sources, &Environment::of_host("x")).model
    }

    /// `name step details`, without what is kept.
    fn steps(old: &str, new: &str) -> Vec<String> {
        let steps = compare(model(old), model(new));
        let changed = steps.iter().filter(|planned| planned.step != Step::Keep);
        changed
            .map(|it| format!("{} {} {}", it.name, it.step.word(), it.details.join("; ")))
            .collect()
    }

    fn instance(name: &str, vrid: u8, more: &str) -> String {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n priority 150\n{more}\
             virtual_ipaddress {{\n 10.0.0.{vrid}/24\n }}\n}}\n"
        )
    }

    #[test]
    fn what_says_the_same_elsewhere_is_kept() {
        let more = "notify /bin/true\n track_interface {\n eth1\n }\n";
        let text = instance("A", 1, more);
        let moved = format!("# A remark.\n\n{}{text}", instance("B", 2, ""));
        assert_eq!(steps(&text, &moved), ["B add "]);
        assert_eq!(steps(&moved, &text), ["B remove "]);
        assert!(steps(&text, &text).is_empty());
        assert_eq!(compare(model(&text), model(&text)).len(), 1, "what is kept is told too");
    }

    #[test]
    fn an_adjustment_is_told_with_old_and_new_values() {
        let old = instance("A", 1, "");
        let new = old.replace("priority 150", "priority 120\n advert_int 2\n nopreempt");
        let new = new.replace("10.0.0.1/24", "10.0.0.1/24\n 10.0.0.9/24");
        assert_eq!(
            steps(&old, &new),
            [
                "A adjust priority 150 -> 120; advert_int 1 -> 2; virtual_ipaddress +10.0.0.9/24; preemption"
            ]
        );
        assert_eq!(steps(&old, &old.replace("A {", "B {")), ["B adjust name A -> B"]);
        let notified = instance("A", 1, " notify /bin/true\n");
        assert_eq!(steps(&old, &notified), ["A adjust notify programs"]);
        let other = instance("A", 1, " garp_master_repeat 9\n");
        assert_eq!(steps(&old, &other), ["A adjust announcements"]);
    }

    #[test]
    fn another_router_under_the_same_name_is_a_restart() {
        let old = instance("A", 1, "");
        let new = old.replace("virtual_router_id 1", "virtual_router_id 7");
        assert_eq!(steps(&old, &new), ["A restart virtual_router_id 1 -> 7"]);
        let new = instance("A", 1, " version 3\n");
        assert_eq!(steps(&old, &new), ["A restart version 2 -> 3"]);
    }

    #[test]
    fn what_is_no_instance_is_told_behind_them() {
        let old = instance("A", 1, "");
        let script = "vrrp_script s {\n script /bin/true\n}\n";
        let tracked = instance("A", 1, " track_script {\n s\n }\n");
        let group = "vrrp_sync_group G {\n group {\n A\n }\n}\n";
        let global = "global_defs {\n router_id x\n}\n";
        assert_eq!(
            steps(&old, &format!("{global}{script}{tracked}{group}")),
            [
                "A adjust trackers",
                "global_defs adjust ",
                "vrrp_script s add ",
                "vrrp_sync_group G add "
            ]
        );
        let other = script.replace("true", "false");
        assert_eq!(
            steps(&format!("{script}{tracked}"), &format!("{other}{tracked}")),
            ["vrrp_script s adjust "]
        );
    }
}
