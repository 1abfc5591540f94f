//! `keepalived_bfd.data`: the sessions.
//!
//! It says what the configuration does and whether a session is up, as far as somebody tracks it. Descriptors, threads,
//! discriminators and what the other end last said are left out.

use std::fmt::Write as _;
use std::net::IpAddr;

use config::model::{BfdInstance, BfdUsers, Model};
use status::{Report, TrackedState, Tracker};

use super::{globals, tracked};

/// The file.
pub(super) fn whole(report: &Report, model: &Model) -> String {
    let mut text = globals::section(&model.global);
    text.push_str("------< BFD Topology >------\n");
    for session in &model.sessions {
        let state = tracked::state(report, Tracker::Bfd, &session.name);
        one(&mut text, session, state);
    }
    text
}

fn one(text: &mut String, session: &BfdInstance, state: Option<TrackedState>) {
    let _ = writeln!(text, " BFD Instance = {}", session.name);
    let _ = writeln!(text, "   Neighbor IP = {}", session.neighbor);
    if let Some(source) = session.source {
        let _ = writeln!(text, "   Source IP = {source}");
    }
    let parameters = &session.parameters;
    for (name, span) in [
        ("Required min RX interval", parameters.min_rx),
        ("Desired min TX interval", parameters.min_tx),
        ("Desired idle TX interval", parameters.idle_tx),
    ] {
        let _ = writeln!(text, "   {name} = {} us", span.as_micros());
    }
    let _ = writeln!(text, "   Detection multiplier = {}", parameters.multiplier);
    let ttl = session.ttl.unwrap_or(u8::MAX);
    let name = if matches!(session.neighbor, IpAddr::V4(_)) { "TTL" } else { "hoplimit" };
    // Any number of routers is as many as a packet can pass.
    let max_hops = session.max_hops.unwrap_or(ttl);
    let is_passive = parameters.part == bfd::Part::Passive;
    let _ =
        writeln!(text, "   {name} = {ttl}\n   max_hops = {max_hops}\n   passive = {is_passive}");
    for (who, others) in [("VRRP", BfdUsers::Checkers), ("checker", BfdUsers::Vrrp)] {
        let word = if session.users == others { "No" } else { "Yes" };
        let _ = writeln!(text, "   send event to {who} process = {word}");
    }
    let word = match state {
        Some(TrackedState::Up) => "Up",
        Some(TrackedState::Down | TrackedState::Unknown | TrackedState::Value(_)) => "Down",
        None => return,
    };
    let _ = writeln!(text, "   local state = {word}");
}
