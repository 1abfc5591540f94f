//! What the settings of one instance decide about each other.

use core::time::Duration;

use vrrp::{Mode, Preempt, Start};
use wire::{Family, Priority, Version};

use super::Written;
use crate::diagnostic::model as codes;
use crate::lower::global::Defaults;
use crate::lower::report::Reports;
use crate::lower::trailer;
use crate::model::{Acceptance, Trailer, VirtualAddress};
use crate::syntax::Word;

/// The family of the first address, else of the first excluded one, else of the unicast addresses.
pub(super) fn family(written: &Written<'_>) -> Family {
    written
        .addresses
        .first()
        .or_else(|| written.excluded.first())
        .map(|address| address.address)
        .or_else(|| written.unicast_source.map(|(source, _)| source))
        .or_else(|| written.unicast.first_peer())
        .map_or(Family::Ipv4, Family::of)
}

pub(super) fn drop_other_family(
    list: &mut Vec<VirtualAddress>,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) {
    list.retain(|address| {
        let same = Family::of(address.address) == family;
        if !same {
            reports
                .warning(
                    codes::OTHER_FAMILY,
                    format!(
                        "{} is left out: `{}` is an {family} instance, because its first address is",
                        address.address, name.text
                    ),
                    address.at,
                )
                .help("put it under `virtual_ipaddress_excluded`, or into an instance of its own");
        }
        same
    });
}

pub(super) fn version(
    written: &Written<'_>,
    defaults: &Defaults,
    family: Family,
    name: &Word,
    reports: &mut Reports<'_>,
) -> Version {
    match (written.version, family) {
        (Some((Version::V2, at)), Family::Ipv6) => {
            reports.warning(
                codes::VERSION_REPLACED,
                format!("VRRPv2 cannot carry IPv6: `{}` uses version 3", name.text),
                at,
            );
            Version::V3
        }
        (None, Family::Ipv6) => Version::V3,
        (Some((version, _)), _) => version,
        (None, Family::Ipv4) => defaults.version,
    }
}

pub(super) fn mode(
    written: &Written<'_>,
    strict: bool,
    name: &Word,
    reports: &mut Reports<'_>,
) -> (Mode, Start) {
    let wanted = written.state.map(|(start, _)| start);
    let priority = match (written.priority, wanted) {
        (Some((priority, _)), _) => Priority(priority),
        // keepalived takes a MASTER without a priority for the owner of its addresses.
        (None, Some(Start::Active)) => Priority::OWNER,
        (None, _) => Priority::DEFAULT,
    };
    let owner = priority == Priority::OWNER;
    let mut start = wanted.unwrap_or(if owner { Start::Active } else { Start::Backup });
    if strict && (start == Start::Active) != owner {
        start = if owner { Start::Active } else { Start::Backup };
        if let Some((_, at)) = written.state {
            reports.warning(
                codes::STRICT,
                format!(
                    "under strict mode the state must match being address owner: `{}` starts as {}",
                    name.text,
                    if owner { "MASTER" } else { "BACKUP" }
                ),
                at,
            );
        }
    }
    if owner {
        if let Some(at) = written.nopreempt {
            reports.warning(
                codes::NOPREEMPT_CLEARED,
                "`nopreempt` has no effect at priority 255: the owner of the addresses always takes them back",
                at,
            );
        }
        return (Mode::Owner, start);
    }
    (Mode::Contender { priority, preempt: preempt(written, wanted, strict, reports) }, start)
}

fn preempt(
    written: &Written<'_>,
    wanted: Option<Start>,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Preempt {
    let master = wanted == Some(Start::Active);
    if let Some(at) = written.nopreempt {
        if !master {
            if let Some((_, delay_at)) = written.preempt_delay {
                reports.warning(
                    codes::PREEMPT_DELAY_DROPPED,
                    "`preempt_delay` has no effect beside `nopreempt`",
                    delay_at,
                );
            }
            return Preempt::Never;
        }
        reports
            .warning(
                codes::NOPREEMPT_CLEARED,
                "`nopreempt` does not work with `state MASTER`: this router preempts",
                at,
            )
            .help("write `state BACKUP` on both nodes and let the priority decide");
    }
    match written.preempt_delay {
        Some((_, at)) if master || strict => {
            let why = if master { "with `state MASTER`" } else { "under strict mode" };
            reports.warning(
                codes::PREEMPT_DELAY_DROPPED,
                format!("`preempt_delay` has no effect {why}"),
                at,
            );
            Preempt::Immediately
        }
        Some((delay, _)) if !delay.is_zero() => Preempt::After(delay),
        _ => Preempt::Immediately,
    }
}

pub(super) fn interval(
    written: &Written<'_>,
    version: Version,
    reports: &mut Reports<'_>,
) -> Duration {
    let Some((interval, at)) = written.interval else { return Duration::from_secs(1) };
    match version {
        Version::V2 => {
            let rounded = (interval + Duration::from_millis(500)).as_secs();
            let whole = Duration::from_secs(rounded).max(Duration::from_secs(1));
            let whole = whole.min(Duration::from_secs(255));
            if whole != interval {
                reports
                    .warning(
                        codes::INTERVAL_ROUNDED,
                        format!(
                            "VRRPv2 carries whole seconds: `advert_int` {} becomes {}",
                            interval.as_secs_f64(),
                            whole.as_secs()
                        ),
                        at,
                    )
                    .help("`version 3` carries hundredths of a second, on all nodes of this VRID");
            }
            whole
        }
        Version::V3 => {
            let longest = Duration::from_millis(40_950);
            let cut = interval.clamp(Duration::from_millis(10), longest);
            if cut != interval {
                reports.warning(
                    codes::INTERVAL_ROUNDED,
                    format!(
                        "VRRPv3 carries 0.01 to 40.95 seconds: `advert_int` {} becomes {}",
                        interval.as_secs_f64(),
                        cut.as_secs_f64()
                    ),
                    at,
                );
            }
            cut
        }
    }
}

/// Whoever owns its addresses accepts packets to them. Strict mode refuses them unless `accept` is written, which
/// VRRPv2 does not know.
pub(super) fn acceptance(
    written: &Written<'_>,
    version: Version,
    mode: Mode,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Acceptance {
    let default = if strict { Acceptance::Refuse } else { Acceptance::Accept };
    match (mode, written.acceptance) {
        (Mode::Owner, Some((Acceptance::Refuse, at))) => {
            reports.warning(
                codes::ACCEPTANCE,
                "`no_accept` has no effect at priority 255: the owner of addresses accepts packets to them",
                at,
            );
            Acceptance::Accept
        }
        (Mode::Owner, _) => Acceptance::Accept,
        (Mode::Contender { .. }, Some((Acceptance::Accept, at)))
            if strict && version == Version::V2 =>
        {
            reports
                .warning(
                    codes::ACCEPTANCE,
                    "`accept` has no effect under strict mode with VRRPv2, which does not know it",
                    at,
                )
                .help("`version 3` on all nodes of this VRID, or remove `vrrp_strict`");
            Acceptance::Refuse
        }
        (Mode::Contender { .. }, wanted) => wanted.map_or(default, |(wanted, _)| wanted),
    }
}

/// `auth_hmac`, which excludes `authentication`.
pub(super) fn hmac(
    written: &mut Written<'_>,
    interval: Duration,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Option<Trailer> {
    let block = written.hmac?;
    if let Some(other) = written.authentication.take() {
        reports
            .warning(
                codes::AUTHENTICATION_IGNORED,
                "beside `auth_hmac` this block is ignored",
                other.keyword.span,
            )
            .help("remove one of the two, on every node of this VRID");
    }
    Some(trailer::lower(block, interval, strict, reports))
}

/// An advertisement counts its addresses in eight bits; what does not fit is held but not advertised.
pub(super) fn move_surplus(written: &mut Written<'_>, name: &Word, reports: &mut Reports<'_>) {
    if written.addresses.len() <= ADVERTISED_MAX {
        return;
    }
    let surplus = written.addresses.split_off(ADVERTISED_MAX);
    if let Some(first) = surplus.first() {
        reports.warning(
            codes::TOO_MANY_ADDRESSES,
            format!(
                "an advertisement carries at most {ADVERTISED_MAX} addresses: {} of `{}`, from this one on, are held \
                 but not advertised",
                surplus.len(),
                name.text
            ),
            first.at,
        );
    }
    written.excluded.extend(surplus);
}

/// Most addresses in one advertisement: the count has eight bits (RFC 9568 §5.2.5).
const ADVERTISED_MAX: usize = 255;
