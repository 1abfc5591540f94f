//! `keepalived.json`: one line, with slashes escaped, members in keepalived's order.

use std::collections::BTreeMap;
use std::fmt::Display;

use config::model::Model;
use status::{Authentication, Instance, Preemption, Programs, Report, Seconds, State, Tracker};

use super::{address, command, counters, number, path};

/// The file. Version 1 is a list, version 2 an object around it.
pub(super) fn whole(report: &Report, model: &Model) -> String {
    let version = model.global.dumps.json_version;
    let lines: BTreeMap<&str, &config::model::Instance> =
        model.instances.iter().map(|it| (it.name.as_str(), it)).collect();
    let one = |it: &Instance| one(it, lines.get(it.name.as_str()).copied(), report);
    let instances: Vec<String> = report.instances.iter().map(one).collect();
    let list = format!("[{}]", instances.join(","));
    if version == 2 { format!("{{\"vrrp\":{list}}}") } else { list }
}

/// One instance, with the `lines` that the configuration has of it.
fn one(instance: &Instance, lines: Option<&config::model::Instance>, report: &Report) -> String {
    let mut stats = Object::default();
    for (name, count) in counters(instance) {
        stats.value(name, count);
    }
    format!("{{\"data\":{},\"stats\":{}}}", data(instance, lines, report).end(), stats.end())
}

fn data(instance: &Instance, lines: Option<&config::model::Instance>, report: &Report) -> Object {
    let mut data = Object::default();
    head(&mut data, instance);
    let active = instance.state == State::Active;
    data.value("vrid", instance.vrid);
    data.value("base_priority", instance.base_priority);
    data.value("effective_priority", instance.priority);
    data.value("vipset", active);
    data.value("promote_secondaries", instance.settings.promotes_secondaries);
    data.value("adver_int", short(instance.advertisement_interval));
    data.value("master_adver_int", short(instance.active_advertisement_interval));
    data.value("accept", u8::from(instance.settings.accepts));
    let (never, delay) = match instance.settings.preemption {
        Preemption::Immediately => (false, 0),
        Preemption::After(delay) => (false, delay.0.as_secs()),
        Preemption::Never => (true, 0),
    };
    data.value("nopreempt", never);
    data.value("preempt_delay", delay);
    data.value("state", number(instance.state));
    data.value("wantstate", number(instance.state));
    data.value("version", instance.vrrp);
    data.value("smtp_alert", instance.settings.programs.mailed);
    tail(&mut data, instance, lines, report);
    data
}

fn head(data: &mut Object, instance: &Instance) {
    let settings = &instance.settings;
    let announce = &settings.announcements;
    let seconds = |span: Option<Seconds>| span.unwrap_or_default();
    data.text("iname", &instance.name);
    data.value("dont_track_primary", u8::from(!settings.tracks_interface));
    data.value("skip_check_adv_addr", u8::from(settings.trusts_known_sender));
    data.value("strict_mode", u8::from(settings.strict));
    // Where it has a virtual link, the incumbent takes that for its interface.
    let link = instance.virtual_link.as_ref().map(|link| link.name.as_str());
    data.text("vmac_ifname", link.unwrap_or_default());
    data.text("ifp_ifname", link.unwrap_or(&instance.interface));
    data.value("master_priority", instance.active_router.map_or(0, |peer| peer.priority));
    let since = instance.since.0;
    data.value("last_transition", format_args!("{}.{:06}", since.as_secs(), since.subsec_micros()));
    data.value("garp_delay", short(seconds(announce.again_after)));
    data.value("garp_refresh", seconds(announce.refresh).0.as_secs());
    data.value("garp_rep", announce.repeat);
    data.value("garp_refresh_rep", announce.refresh_repeat);
    let lower = seconds(announce.lower_priority_again_after);
    data.value("garp_lower_prio_delay", lower.0.as_secs());
    data.value("garp_lower_prio_rep", announce.lower_priority_repeat);
    data.value("lower_prio_no_advert", u8::from(!settings.answers_lower_priority));
    data.value("higher_prio_send_advert", u8::from(settings.answers_higher_priority));
}

fn tail(
    data: &mut Object,
    instance: &Instance,
    lines: Option<&config::model::Instance>,
    report: &Report,
) {
    let settings = &instance.settings;
    let Programs { active, backup, fault, stop, deleted, any, lower_priority, .. } =
        &settings.programs;
    data.value("notify_deleted", settings.programs.tells_deletion);
    let scripts = [
        ("script_backup", backup),
        ("script_master", active),
        ("script_fault", fault),
        ("script_stop", stop),
        ("script_deleted", deleted),
        ("script", any),
        ("script_master_rx_lower_pri", lower_priority),
    ];
    for (name, words) in scripts.iter().filter(|(_, words)| !words.is_empty()) {
        data.text(name, &command(words));
    }
    let addresses = |advertised| {
        let wanted = instance.addresses.iter().filter(move |it| it.advertised == advertised);
        wanted.map(|it| address(it, settings.accepts)).collect::<Vec<String>>()
    };
    data.list("vips", &addresses(true));
    data.list("evips", &addresses(false));
    let routes = lines.into_iter().flat_map(|lines| &lines.routes).map(path::route);
    data.list("vroutes", &routes.collect::<Vec<String>>());
    let rules = lines.into_iter().flat_map(|lines| &lines.rules).map(path::rule);
    data.list("vrules", &rules.collect::<Vec<String>>());
    let tracked = |kind| {
        let of_kind = instance.trackers.iter().filter(move |it| it.kind == kind);
        of_kind.map(|it| it.name.clone()).collect::<Vec<String>>()
    };
    data.list("track_ifp", &tracked(Tracker::Interface));
    let script = |name: &String| {
        let script = report.scripts.iter().find(|script| script.name == *name);
        script.map_or_else(String::new, |script| command(&script.command))
    };
    let scripts: Vec<String> = tracked(Tracker::Script).iter().map(script).collect();
    data.list("track_script", &scripts);
    data.list("track_process", &tracked(Tracker::Process));
    let kind = match settings.authentication {
        Authentication::None | Authentication::Trailer => 0,
        Authentication::Password => 1,
        Authentication::Header => 2,
    };
    data.value("auth_type", kind);
    if kind != 0 {
        data.text("auth_data", HIDDEN);
    }
}

/// A number as C's `%g` prints it: six digits at most, no needless zeros.
fn short(seconds: Seconds) -> String {
    let value = seconds.0.as_secs_f64();
    let whole = seconds.0.as_secs().checked_ilog10().map_or(1, |digits| digits + 1);
    let decimals = usize::try_from(6_u32.saturating_sub(whole)).unwrap_or(0);
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// An object whose members stay in the order in which they came.
#[derive(Debug, Default)]
struct Object {
    text: String,
}

impl Object {
    fn value(&mut self, name: &str, value: impl Display) {
        let comma = if self.text.is_empty() { "" } else { "," };
        self.text.push_str(&format!("{comma}\"{name}\":{value}"));
    }

    fn text(&mut self, name: &str, text: &str) {
        self.value(name, quoted(text));
    }

    /// Left out where it is empty.
    fn list(&mut self, name: &str, texts: &[String]) {
        if !texts.is_empty() {
            let quoted: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            self.value(name, format_args!("[{}]", quoted.join(",")));
        }
    }

    fn end(self) -> String {
        format!("{{{}}}", self.text)
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default().replace('/', "\\/")
}

/// keepalived 2.2.7 shows the password here, later releases this.
pub(super) const HIDDEN: &str = "********";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn numbers_have_six_digits_at_most_and_no_needless_zeros() {
        let of = |microseconds| short(Seconds(Duration::from_micros(microseconds)));
        assert_eq!([of(0), of(1_000_000), of(2_250_000), of(10_000)], ["0", "1", "2.25", "0.01"]);
        assert_eq!([of(100_000_000), of(12_345_678_900)], ["100", "12345.7"]);
    }
}
