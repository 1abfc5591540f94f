//! The columns of a real server. A sorry server has those of them that are about where it is and what went there.

use std::ops::RangeInclusive;

use agentx::Value;
use config::model::{Habits, RealServer};
use health::OnFailure;
use intent::service::{Back, Forwarding};

use super::super::values::{address, command, family, gauge, integer, text, truth};
use super::SeenServer;
use super::shared::{counted, forwarding, microseconds, seconds, tunnel};
use super::standing::ServerNow;

pub(super) const COLUMNS: RangeInclusive<u32> = 2..=55;

/// `alerts` is what counts where a real server does not say whether letters are written.
pub(super) fn value(seen: &SeenServer<'_>, column: u32, alerts: Option<bool>) -> Option<Value> {
    match seen {
        SeenServer::Regular(written, now) => {
            let (back, method) = (written.back, written.destination.forwarding);
            everywhere((back, method), now, column)
                .or_else(|| settings(written, column, alerts))
                .or_else(|| state(now, column))
                .or_else(|| habits(written.habits.as_deref()?, column))
        }
        SeenServer::Sorry(written, now) => {
            let (back, method) = (written.back, written.destination.forwarding);
            everywhere((back, method), now, column).or_else(|| unsaid(column))
        }
    }
}

/// Where it is, how packets get there, and what went there.
fn everywhere((back, method): (Back, Forwarding), now: &ServerNow, column: u32) -> Option<Value> {
    Some(match column {
        3 => family(back.address),
        4 => address(back.address),
        5 => gauge(back.port),
        14 => counted(&now.traffic, 0)?,
        15 => gauge(now.connections.active),
        16 => gauge(now.connections.inactive),
        17 => gauge(now.connections.persistent),
        18..=39 => counted(&now.traffic, column - 17)?,
        40 => forwarding(method)?,
        52..=54 => tunnel(method, column - 52)?,
        _ => return None,
    })
}

/// What is configured of it.
fn settings(it: &RealServer, column: u32, alerts: Option<bool>) -> Option<Value> {
    let threshold = |count: u32| (count > 0).then(|| gauge(count));
    match column {
        8 => threshold(it.destination.upper_threshold),
        9 => threshold(it.destination.lower_threshold),
        10 => Some(truth(it.on_failure == OnFailure::Remove)),
        11 => command(&it.notify_up.as_ref()?.words),
        12 => command(&it.notify_down.as_ref()?.words),
        47 => Some(truth(it.alert.or(alerts).unwrap_or(true))),
        55 => text(it.label.as_deref()?),
        _ => None,
    }
}

/// How it stands.
fn state(now: &ServerNow, column: u32) -> Option<Value> {
    match column {
        2 => Some(integer(1)),
        6 => Some(truth(now.is_up)),
        7 => Some(integer(now.weight)),
        13 => Some(gauge(now.failed_checks)),
        _ => None,
    }
}

/// What it says for its checks.
fn habits(it: &Habits, column: u32) -> Option<Value> {
    Some(match column {
        41 => text(it.host.as_deref()?)?,
        42 => truth(it.alpha),
        43 => gauge(it.retry.unwrap_or(0)),
        44 => seconds(it.delay_before_retry.unwrap_or_default()),
        45 => seconds(it.warmup.unwrap_or_default()),
        46 => seconds(it.delay_loop),
        48 => microseconds(it.delay_before_retry.unwrap_or_default()),
        49 => microseconds(it.warmup.unwrap_or_default()),
        50 => microseconds(it.delay_loop),
        51 => microseconds(it.timeout),
        _ => return None,
    })
}

/// What a sorry server has not: nobody checks it, and nobody is told of it.
fn unsaid(column: u32) -> Option<Value> {
    match column {
        2 => Some(integer(2)),
        42 | 47 => Some(truth(false)),
        43..=46 | 48..=51 => Some(gauge(0_u32)),
        _ => None,
    }
}
