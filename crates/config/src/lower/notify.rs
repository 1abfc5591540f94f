//! `notify*` of instances and groups.

use super::command;
use super::report::Reports;
use crate::model::{Deleted, Notify};
use crate::syntax::Directive;

/// Reads one directive; says whether it was one of these.
pub(super) fn read(notify: &mut Notify, directive: &Directive, reports: &Reports<'_>) -> bool {
    let slot = match directive.keyword.as_str() {
        "notify_master" => &mut notify.active,
        "notify_backup" => &mut notify.backup,
        "notify_fault" => &mut notify.fault,
        "notify_stop" => &mut notify.stop,
        "notify" => &mut notify.any,
        "notify_master_rx_lower_pri" => &mut notify.lower_priority,
        "notify_deleted" => {
            notify.deleted = Deleted::AsDeleted(command::lower(directive, reports));
            return true;
        }
        "notify_priority_changes" => {
            notify.priority_changes = directive.flag().or(notify.priority_changes);
            return true;
        }
        _ => return false,
    };
    *slot = command::lower(directive, reports);
    true
}
