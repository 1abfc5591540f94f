//! What somebody has asked for by its name.

use super::table::head;
use super::{Look, events, instance, server};
use crate::Report;

/// The instances and virtual servers of a report with all that is known of them, and what happened to them lately.
#[must_use]
pub fn named(report: &Report, look: &Look) -> String {
    let mut text = head(report, look);
    for one in &report.instances {
        text.push('\n');
        text.push_str(&instance::whole(report, one, look));
    }
    for one in &report.virtual_servers {
        text.push('\n');
        text.push_str(&server::whole(report, one, look));
    }
    if !report.events.is_empty() {
        text.push('\n');
        text.push_str(&events::history(&report.events, look));
    }
    text
}
