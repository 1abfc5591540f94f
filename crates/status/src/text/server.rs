//! Virtual servers: in a table with their real servers, and one with all that is known of it.

use super::columns::columns;
use super::{Look, counted, interval, span};
use crate::{
    Check, Condition, Connections, Order, Ordered, RealServer, Report, Seconds, Traffic,
    VirtualServer,
};

/// All virtual servers with their real servers, a line each; below, what is wrong.
pub(super) fn table(report: &Report, look: &Look) -> String {
    if report.virtual_servers.is_empty() {
        return String::new();
    }
    let now = report.daemon.now;
    let mut rows = Vec::new();
    for server in &report.virtual_servers {
        rows.push([
            server.name.clone(),
            (look.condition)(server.state).to_owned(),
            span(now.since(server.since)),
            format!("{} (quorum {})", server.weight, server.quorum),
            String::new(),
            String::new(),
        ]);
        rows.extend(server.real_servers.iter().map(|it| row(it, Kind::Real, now, look)));
        rows.extend(server.sorry_server.iter().map(|it| row(it, Kind::Sorry, now, look)));
    }
    let head = ["VIRTUAL AND REAL SERVERS", "STATE", "FOR", "WEIGHT", "ACTIVE", "INACTIVE"];
    let mut text = format!("\n{}", columns(head, &rows));
    for server in &report.virtual_servers {
        let problems = problems(server, look);
        if problems.is_empty() {
            continue;
        }
        let (state, since) = ((look.condition)(server.state), (look.time)(server.since));
        text.push_str(&format!("\n{} is {state} since {since}:\n", server.name));
        problems.iter().for_each(|line| text.push_str(&format!("    {line}\n")));
    }
    text
}

fn row(server: &RealServer, kind: Kind, now: Seconds, look: &Look) -> [String; 6] {
    let count = |of: fn(&Connections) -> u32| {
        server.connections.as_ref().map_or_else(|| "-".to_owned(), |it| of(it).to_string())
    };
    [
        format!("  {}{}", kind.prefix(), server.name),
        kind.state(server.state, look).to_owned(),
        span(now.since(server.since)),
        in_force(server),
        count(|it| it.active),
        count(|it| it.inactive),
    ]
}

/// Kinds of servers of a virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Real,
    Sorry,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Real => "",
            Self::Sorry => "sorry ",
        }
    }

    /// A sorry server that is not wanted now is not down.
    fn state(self, state: Condition, look: &Look) -> &'static str {
        match (self, state) {
            (Self::Sorry, Condition::Down) => "standby",
            (Self::Real | Self::Sorry, _) => (look.condition)(state),
        }
    }
}

/// What is wrong with a virtual server and its real servers.
fn problems(server: &VirtualServer, look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    if server.state == Condition::Down && !server.cause.is_empty() {
        lines.push(server.cause.clone());
    }
    lines.extend(server.problem.clone());
    for real in server.real_servers.iter().filter(|it| it.state == Condition::Down) {
        let (state, since) = ((look.condition)(real.state), (look.time)(real.since));
        lines.push(format!("{} is {state} since {since}: {}", real.name, why(real)));
    }
    lines
}

/// Why a real server is as it is: what is remembered of that, or what its checks say.
fn why(server: &RealServer) -> String {
    if !server.cause.is_empty() {
        return server.cause.clone();
    }
    let failing = server.checks.iter().filter(|check| check.state == Condition::Down);
    let failing: Vec<String> = failing
        .map(|check| {
            let result = if check.result.is_empty() { "no result yet" } else { &check.result };
            format!("{} of {}: {result}", check.kind, check.target)
        })
        .collect();
    if failing.is_empty() { "-".to_owned() } else { failing.join("; ") }
}

/// The weight in the data plane, and the one that it shall be where that is another; whether it was ordered.
fn in_force(server: &RealServer) -> String {
    let ordered = server.order.as_ref().map(|it| format!(" ({})", ordered(it)));
    let ordered = ordered.unwrap_or_default();
    let weight = |it: Option<u32>| it.map_or_else(|| "out".to_owned(), |weight| weight.to_string());
    if server.installed == server.wanted {
        format!("{}{ordered}", weight(server.installed))
    } else {
        format!("{} -> {}{ordered}", weight(server.installed), weight(server.wanted))
    }
}

fn ordered(ordered: &Ordered) -> &'static str {
    match ordered.order {
        Order::Weight(0) => "drained",
        Order::Weight(_) => "ordered",
        Order::Disable => "disabled",
        Order::Enable => "enabled",
    }
}

/// One virtual server with all that is known of it.
pub(super) fn whole(report: &Report, server: &VirtualServer, look: &Look) -> String {
    let now = report.daemon.now;
    let mut text = heading(&server.name, (look.condition)(server.state), server.since, now, look);
    let mut row = |name: &str, value: &str| text.push_str(&format!("  {name:<15}{value}\n"));
    row("why", &server.cause);
    if let Some(problem) = &server.problem {
        row("wrong", problem);
    }
    for (number, front) in server.fronts.iter().enumerate() {
        row(if number == 0 { "serves" } else { "" }, front);
    }
    let plane = server.data_plane.as_ref().map_or("nothing", String::as_str);
    let returns =
        server.persistence.map(|it| format!(", a client returns to its server for {it} s"));
    row("spreads", &format!("{} by {plane}{}", server.scheduler, returns.unwrap_or_default()));
    let margin = if server.hysteresis == 0 {
        String::new()
    } else {
        format!(" (hysteresis {})", server.hysteresis)
    };
    row(
        "quorum",
        &format!("{}{margin}, servers with weight {} are up", server.quorum, server.weight),
    );
    if server.suspended {
        row("checks", "pause: its address is on another host");
    }
    if let Some(traffic) = &server.traffic {
        row("traffic", &told(traffic));
    }
    for real in &server.real_servers {
        text.push('\n');
        text.push_str(&whole_real(real, Kind::Real, now, look));
    }
    if let Some(real) = &server.sorry_server {
        text.push('\n');
        text.push_str(&whole_real(real, Kind::Sorry, now, look));
    }
    text
}

fn whole_real(server: &RealServer, kind: Kind, now: Seconds, look: &Look) -> String {
    let name = format!("  {}{}", kind.prefix(), server.name);
    let mut text = heading(&name, kind.state(server.state, look), server.since, now, look);
    let mut row = |name: &str, value: &str| text.push_str(&format!("    {name:<13}{value}\n"));
    if !server.cause.is_empty() || (kind, server.state) == (Kind::Real, Condition::Down) {
        row("why", &why(server));
    }
    let base = if server.weight == server.base_weight {
        String::new()
    } else {
        format!(" (configured {})", server.base_weight)
    };
    row("weight", &format!("{}{base}, by {}", in_force(server), server.forwarding));
    if let Some(order) = &server.order {
        let (at, by) = ((look.time)(order.at), &order.by);
        row("order", &format!("{} by {by} on {at}, until the next reload", ordered(order)));
    }
    if let Some(Connections { active, inactive, persistent }) = server.connections {
        row(
            "connections",
            &format!(
                "{active} active, {inactive} inactive, {} remembered",
                counted(persistent, "client")
            ),
        );
    }
    if let Some(traffic) = &server.traffic {
        row("traffic", &told(traffic));
    }
    for check in &server.checks {
        row(&check.kind, &told_check(check, now, look));
    }
    text
}

fn heading(name: &str, state: &str, since: Seconds, now: Seconds, look: &Look) -> String {
    format!("{name} is {state} since {}, for {}\n", (look.time)(since), span(now.since(since)))
}

fn told_check(check: &Check, now: Seconds, look: &Look) -> String {
    let state = (look.condition)(check.state);
    let since = check.since.map_or_else(
        || format!("taken for {state}"),
        |since| format!("{state} for {}", span(now.since(since))),
    );
    let last = check.last.map_or_else(
        || "no result yet".to_owned(),
        |last| format!("{}, {} ago", check.result, span(now.since(last))),
    );
    let retried = match check.failures {
        0 => String::new(),
        1 => ", a failure is tolerated so far".to_owned(),
        many => format!(", {many} failures are tolerated so far"),
    };
    let due = check.due.map(|due| format!(", again in {}", interval(due))).unwrap_or_default();
    format!("of {}: {since}, {last}{retried}{due}", check.target)
}

fn told(traffic: &Traffic) -> String {
    let Traffic { connections, packets_in, packets_out, bytes_in, bytes_out, .. } = traffic;
    format!(
        "{}, {} ({}) in, {packets_out} ({bytes_out}) out",
        counted(*connections, "connection"),
        counted(*packets_in, "packet"),
        counted(*bytes_in, "byte")
    )
}
