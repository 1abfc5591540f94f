//! Sections of what is static, and of the groups that name it.

use std::fmt::Write as _;

use config::model::{Model, Tracker, VirtualAddress};
use vrrp::TrackerId;

use super::{address, path};
use crate::vrrp_child::view_of_line;

/// The sections; nothing where nothing is static.
pub(super) fn sections(text: &mut String, model: &Model) {
    let fixed = &model.fixed;
    let rows = |text: &mut String, head: &str, rows: Vec<String>| {
        if rows.is_empty() {
            return;
        }
        let _ = writeln!(text, "------< Static {head} >------");
        for row in rows {
            let _ = writeln!(text, "     {row}");
        }
    };
    rows(text, "Addresses", fixed.addresses.iter().map(static_address).collect());
    rows(text, "Routes", fixed.routes.iter().map(path::route).collect());
    rows(text, "Rules", fixed.rules.iter().map(path::rule).collect());
    let groups: Vec<(TrackerId, &str)> = (0..)
        .zip(&model.trackers)
        .filter_map(|(number, tracker)| match tracker {
            Tracker::Group(name) => Some((TrackerId(number), name.as_str())),
            Tracker::Interface(_)
            | Tracker::Script(_)
            | Tracker::File(_)
            | Tracker::Process(_)
            | Tracker::Bfd(_) => None,
        })
        .collect();
    if groups.is_empty() {
        return;
    }
    text.push_str("------< Static Track groups >------\n");
    for (id, name) in groups {
        let _ = writeln!(text, " Static Track Group = {name}\n   VRRP member instances :");
        for instance in &model.instances {
            if instance.parameters.tracking.iter().any(|it| it.tracker == id) {
                let _ = writeln!(text, "     {}", instance.name);
            }
        }
    }
}

/// Whether it stands is not known here.
fn static_address(line: &VirtualAddress) -> String {
    let device = line.device.as_deref().unwrap_or_default();
    let mut text = address(&view_of_line(line, device), true);
    path::followed(&mut text, &line.following);
    text
}
