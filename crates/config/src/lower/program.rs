//! What `global_defs` says of programs: as whom they run, pipes, and those that run once.

use core::time::Duration;

use super::command;
use super::report::Reports;
use crate::model::{Fifo, Once, Scripts};
use crate::syntax::Directive;

/// Reads one directive; says whether it was one of these.
pub(super) fn read(
    programs: &mut Scripts,
    keyword: &str,
    directive: &Directive,
    reports: &Reports<'_>,
) -> bool {
    match keyword {
        "script_user" => programs.user = command::user(&directive.arguments),
        "enable_script_security" => programs.is_secured = true,
        "set_supplementary_groups" => {
            programs.all_groups = directive.flag().unwrap_or(programs.all_groups);
        }
        "fifo_write_vrrp_states_on_reload" => programs.repeats_states = true,
        "vrrp_notify_priority_changes" => {
            programs.priority_changes = directive.flag().unwrap_or(programs.priority_changes);
        }
        "notify_fifo" | "vrrp_notify_fifo" | "lvs_notify_fifo" => {
            let Some((path, user)) = directive.arguments.split_first() else { return true };
            let fifo = fifo(programs, keyword);
            fifo.path.clone_from(&path.text);
            fifo.user = command::user(user);
        }
        "notify_fifo_script" | "vrrp_notify_fifo_script" | "lvs_notify_fifo_script" => {
            let reader = command::lower(directive, reports);
            fifo(programs, keyword.trim_end_matches("_script")).reader = reader;
        }
        "startup_script" => once(&mut programs.startup, directive, reports),
        "shutdown_script" => once(&mut programs.shutdown, directive, reports),
        "startup_script_timeout" => limit(&mut programs.startup.limit, directive),
        "shutdown_script_timeout" => limit(&mut programs.shutdown.limit, directive),
        _ => return false,
    }
    true
}

fn once(once: &mut Once, directive: &Directive, reports: &Reports<'_>) {
    once.command = command::lower(directive, reports);
    once.at = once.command.as_ref().map(|_| directive.keyword.span);
}

/// Whole seconds, 1 to 1000.
fn limit(limit: &mut Duration, directive: &Directive) {
    let seconds = directive.text(0).and_then(|text| text.parse().ok());
    *limit = seconds.filter(|it| (1..=1000).contains(it)).map_or(*limit, Duration::from_secs);
}

/// The pipe of a keyword; its settings come in any order, and the last of each counts.
fn fifo<'p>(programs: &'p mut Scripts, keyword: &str) -> &'p mut Fifo {
    let fifos = &mut programs.fifos;
    let known = fifos.iter().position(|fifo| fifo.keyword == keyword);
    let index = known.unwrap_or_else(|| {
        fifos.push(Fifo { keyword: keyword.to_owned(), ..Fifo::default() });
        fifos.len() - 1
    });
    #[expect(clippy::indexing_slicing, reason = "found, or pushed just now")]
    &mut fifos[index]
}
