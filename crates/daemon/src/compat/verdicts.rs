//! What the checker process tells administrators, in the words that they search their logs for.
//!
//! A failure carries its reason behind those words. The roster gives values, this file gives sentences; it decides nothing.

use std::fmt::Write as _;
use std::net::SocketAddr;

use config::model::CheckKind;
use control::{Order, Severity};
use health::{
    Cause, CheckId, DestinationId, Failure, FailureKind, Notice, ServiceId, Tolerance, Verdict,
};

use super::narration::Line;

/// The names that stand behind the numbers of a roster.
pub(crate) trait Names {
    /// Name of a virtual server.
    fn service(&self, service: ServiceId) -> &str;
    /// Its quorum and hysteresis.
    fn quorum(&self, service: ServiceId) -> (u32, u32);
    /// Name of a real server or sorry server.
    fn server(&self, server: DestinationId) -> String;
    /// Whether it stays in the pool while it gets nothing.
    fn is_inhibited(&self, server: DestinationId) -> bool;
    /// A check.
    fn check(&self, check: CheckId) -> Option<Asked<'_>>;
}

/// A check, as far as lines tell it.
pub(crate) struct Asked<'a> {
    pub(crate) kind: &'a CheckKind,
    /// Name of whom it is about.
    pub(crate) target: String,
    /// Where it asks, if that is not where the server is.
    pub(crate) elsewhere: Option<SocketAddr>,
    /// Failures in a row that it tolerates.
    pub(crate) retry: u32,
    /// `log_all_failures`.
    pub(crate) tells_failures: bool,
}

/// The line for a notice; none for what nobody wants to read.
pub(crate) fn line(service: ServiceId, notice: &Notice, names: &dyn Names) -> Option<Line> {
    let name = names.service(service);
    let (severity, text) = match notice {
        Notice::CheckPassed { check, .. } => {
            let asked = names.check(*check)?;
            (Severity::Info, success(&asked))
        }
        Notice::CheckFailed { check, failure, tolerance, .. } => {
            return failed(&names.check(*check)?, failure, *tolerance);
        }
        Notice::ServerMoved { destination, to, cause } => {
            let text = moved(*destination, *to, *cause, name, names)?;
            (severity(*to), text)
        }
        Notice::WeightChanged { destination, from, to, verdict } => {
            let server = names.server(*destination);
            let state = if *verdict == Verdict::Up { "active" } else { "inactive" };
            let text = format!(
                "Changing weight from {from} to {to} for {state} service {server} of VS {name}"
            );
            (Severity::Info, text)
        }
        Notice::QuorumMoved { to, threshold, weight, at_start } => {
            let what = match (to, at_start) {
                (Verdict::Up, _) => "Gained quorum",
                (Verdict::Down, false) => "Lost quorum",
                (Verdict::Down, true) => "Starting with quorum down",
            };
            let sum = sum(names.quorum(service), *to, *threshold, *weight);
            (severity(*to), format!("{what} {sum} for VS {name}"))
        }
        Notice::SorryServer { destination, is_used } => {
            let server = names.server(*destination);
            let (doing, way) = doing(*is_used, names.is_inhibited(*destination), "to", "from");
            (Severity::Info, format!("{doing} sorry server {server} {way} VS {name}"))
        }
        Notice::ServersMoved { came } => {
            let what =
                if *came { "Adding alive servers to" } else { "Removing alive servers from" };
            (Severity::Info, format!("{what} the pool for VS {name}"))
        }
        Notice::Suspended { is_suspended } => {
            let what = if *is_suspended { "Suspending" } else { "Activating" };
            (Severity::Info, format!("{what} healthcheckers for VS {name}"))
        }
    };
    Some(Line { severity, detail: false, text })
}

/// The letter about a quorum that moved: at the start it has words of its own for one that is there.
pub(crate) fn letter(service: ServiceId, notice: &Notice, names: &dyn Names) -> Option<String> {
    let Notice::QuorumMoved { to, threshold, weight, at_start } = notice else { return None };
    let what = match (to, at_start) {
        (Verdict::Up, false) => "Gained quorum",
        (Verdict::Up, true) => "Starting with quorum up",
        (Verdict::Down, false) => "Lost quorum",
        (Verdict::Down, true) => "Starting with quorum down",
    };
    Some(format!("{what} {}", sum(names.quorum(service), *to, *threshold, *weight)))
}

/// The sum that decided about a quorum.
fn sum((quorum, margin): (u32, u32), to: Verdict, threshold: u64, weight: u64) -> String {
    match to {
        Verdict::Up => format!("{quorum}+{margin}={threshold} <= {weight}"),
        Verdict::Down => format!("{quorum}-{margin}={threshold} > {weight}"),
    }
}

/// Why something came up or went down of which nothing else was said.
pub(crate) const fn because(to: Verdict, is_final: bool) -> &'static str {
    match (to, is_final) {
        (Verdict::Up, _) => "startup",
        (Verdict::Down, true) => "shutdown",
        (Verdict::Down, false) => "no longer configured",
    }
}

/// An operator has ordered something of a real server, or taken it back.
pub(crate) fn ordered(order: Option<Order>, server: &str, service: &str, by: &str) -> String {
    match order {
        Some(Order::Weight(0)) => {
            format!("Draining service {server} of VS {service}: ordered by {by}")
        }
        Some(Order::Weight(weight)) => {
            format!("Weight {weight} for service {server} of VS {service}: ordered by {by}")
        }
        Some(Order::Disabled) => {
            format!("Service {server} of VS {service} is taken for down: ordered by {by}")
        }
        None => format!("Service {server} of VS {service} follows its checks: ordered by {by}"),
    }
}

/// A check runs from now on.
pub(crate) fn activating(server: &str, service: &str) -> String {
    format!("Activating healthchecker for service {server} for VS {service}")
}

/// The daemon ends, and a server is taken out with it.
pub(crate) fn shutting_down(server: &str, is_inhibited: bool, service: &str) -> String {
    let inhibited = if is_inhibited { "(inhibited) " } else { "" };
    format!("Shutting down {inhibited}service {server} from VS {service}")
}

/// The group of this process may ask for echoes from now on; the range as it was.
pub(crate) fn echoes_allowed((first, last): (u32, u32)) -> String {
    format!(
        "Warning: /proc/sys/net/ipv4/ping_group_range being expanded from {first} {last} for PING_CHECK"
    )
}

const fn severity(to: Verdict) -> Severity {
    match to {
        Verdict::Up => Severity::Info,
        Verdict::Down => Severity::Warning,
    }
}

fn moved(
    server: DestinationId,
    to: Verdict,
    cause: Cause,
    service: &str,
    names: &dyn Names,
) -> Option<String> {
    let name = names.server(server);
    match cause {
        Cause::Check(_) | Cause::Reload | Cause::Order => {
            let is_inhibited = names.is_inhibited(server);
            let way = if is_inhibited { ("of", "of") } else { ("to", "from") };
            let (doing, way) = doing(to == Verdict::Up, is_inhibited, way.0, way.1);
            Some(format!("{doing} service {name} {way} VS {service}"))
        }
        Cause::Removed => Some(format!("Removing service {name} from VS {service}")),
        // Said of each server, whether it was up or not.
        Cause::Shutdown => None,
    }
}

/// What becomes of a server that comes or goes, and the word behind its name.
const fn doing<'a>(
    comes: bool,
    is_inhibited: bool,
    to: &'a str,
    from: &'a str,
) -> (&'static str, &'a str) {
    match (comes, is_inhibited) {
        (true, true) => ("Enabling", to),
        (true, false) => ("Adding", to),
        (false, true) => ("Disabling", from),
        (false, false) => ("Removing", from),
    }
}

fn success(asked: &Asked<'_>) -> String {
    let Asked { kind, target, .. } = asked;
    match kind {
        CheckKind::Tcp(_) => format!("TCP connection to {target} success."),
        CheckKind::Http(..) | CheckKind::Https(..) => {
            format!("Remote Web server {target} succeed on service.")
        }
        CheckKind::Grpc(..) => format!("gRPC server {target} succeed on service."),
        CheckKind::Smtp(..) => format!("Remote SMTP server {target} succeed on service."),
        CheckKind::Dns(..) => format!("DNS_CHECK ({target}) success."),
        CheckKind::Udp(..) => format!("UDP connection to {target} success."),
        CheckKind::Ping(_) => format!("ICMP connection to {target} success."),
        CheckKind::Misc(_) => format!("Misc check for {target} succeeded."),
        CheckKind::File(name, _) => format!("File check of [{name}] RS({target}) succeeded."),
        CheckKind::Bfd(name) => format!("BFD check of [{name}] RS({target}) is UP"),
    }
}

fn failed(asked: &Asked<'_>, failure: &Failure, tolerance: Tolerance) -> Option<Line> {
    let Asked { kind, target, tells_failures, .. } = asked;
    let (text, severity, detail) = match tolerance {
        Tolerance::Down { retries } => {
            let mut text = match kind {
                CheckKind::Tcp(_) => format!("TCP_CHECK on service {target} failed"),
                CheckKind::Http(..) => format!("HTTP_CHECK on service {target} failed"),
                CheckKind::Https(..) => format!("SSL_CHECK on service {target} failed"),
                CheckKind::Grpc(..) => format!("GRPC_CHECK on service {target} failed"),
                CheckKind::Smtp(..) => format!("SMTP_CHECK on service {target} failed"),
                CheckKind::Dns(..) => format!("DNS_CHECK ({target}) failed"),
                CheckKind::Udp(..) => format!("UDP_CHECK on service {target} failed"),
                CheckKind::Ping(_) => format!("ICMP CHECK on service {target} failed"),
                CheckKind::Misc(_) => of_program(asked, failure, &after(asked, retries)),
                CheckKind::File(name, _) => format!("File check of [{name}] RS({target}) failed"),
                CheckKind::Bfd(name) => format!("BFD check of [{name}] RS({target}) is DOWN"),
            };
            if retries > 0 && !matches!(kind, CheckKind::Misc(_)) {
                let _ = write!(text, " after {retries} retries");
            }
            (text, Severity::Warning, false)
        }
        Tolerance::Tolerated { .. } | Tolerance::StillDown => {
            let text = match kind {
                CheckKind::Tcp(_) => format!("TCP connection to {target} failed"),
                CheckKind::Ping(_) => format!("ICMP connection to {target} failed"),
                CheckKind::Dns(..) => format!("DNS_CHECK ({target}) failed"),
                CheckKind::Misc(_) => of_program(asked, failure, &before(tolerance)),
                CheckKind::Http(..)
                | CheckKind::Https(..)
                | CheckKind::Grpc(..)
                | CheckKind::Smtp(..)
                | CheckKind::Udp(..)
                | CheckKind::File(..)
                | CheckKind::Bfd(_) => format!("check of {target} failed"),
            };
            // A server that stays down says nothing new.
            if tolerance == Tolerance::StillDown && !tells_failures {
                return None;
            }
            (text, Severity::Info, !tells_failures)
        }
    };
    let text = match (kind, asked.elsewhere) {
        (CheckKind::Misc(_), _) => text,
        (_, None) => format!("{text}. ({failure})"),
        (_, Some(other)) => format!("{text}. (at {other}: {failure})"),
    };
    Some(Line { severity, detail, text })
}

/// How the program of a check ended.
fn of_program(asked: &Asked<'_>, failure: &Failure, after: &str) -> String {
    let target = &asked.target;
    if failure.kind == FailureKind::TimedOut {
        format!("Misc check for {target} timed out{after}.")
    } else {
        format!("Misc check for {target} failed{after} ({failure}).")
    }
}

/// How often the program of a check was run again before its failure counted.
fn after(asked: &Asked<'_>, done: u32) -> String {
    match (asked.retry, done) {
        (0, _) => " with retry disabled".to_owned(),
        (_, 0) => String::new(),
        (_, done) => format!(" after {}", retries(done)),
    }
}

/// How often it is run again before its failure counts.
fn before(tolerance: Tolerance) -> String {
    match tolerance {
        Tolerance::Tolerated { left } => format!(", will do {}", retries(left.saturating_add(1))),
        Tolerance::Down { .. } | Tolerance::StillDown => String::new(),
    }
}

fn retries(number: u32) -> String {
    format!("{number} {}", if number == 1 { "retry" } else { "retries" })
}
