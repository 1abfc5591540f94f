//! One row for each instance.

use agentx::VarBind;
use config::model::Acceptance;
use status::{Authentication, Preemption, Programs, State};
use vrrp::{Mode, Start};

use super::values::{address, command, family, gauge, integer, state, text, truth};
use super::{Facts, Seen, Table};

pub(super) fn tell(binds: &mut Vec<VarBind>, facts: &Facts<'_>, instances: &[Seen<'_>]) {
    let mut table = Table::of_vrrp(binds, 3);
    let sync = facts.model.global.balancing.sync.as_ref();
    for seen in instances {
        row(&mut table, seen);
        // The daemon that synchronises connections follows one of them.
        let follows = sync.filter(|sync| sync.instance.as_ref() == Some(&seen.now.name));
        table.put(&[seen.row], 16, truth(follows.is_some()));
        table.put(&[seen.row], 17, follows.and_then(|sync| text(&sync.daemon.interface)));
    }
}

/// The state that it is to start in.
pub(super) fn initial(lines: &config::model::Instance) -> State {
    match (lines.parameters.mode, lines.parameters.start) {
        (Mode::Owner, _) | (Mode::Contender { .. }, Start::Active) => State::Active,
        (Mode::Contender { .. }, Start::Backup) => State::Backup,
    }
}

fn row(table: &mut Table<'_>, seen: &Seen<'_>) {
    let Seen { row, now, lines } = seen;
    let row = [*row];
    let settings = &now.settings;
    let mut put = |column, value| table.put(&row, column, value);
    put(2, text(&now.name));
    put(3, Some(gauge(now.vrid)));
    put(4, Some(state(now.state)));
    put(5, Some(state(initial(lines))));
    // What it wants to be, it is.
    put(6, Some(state(now.state)));
    put(7, Some(integer(now.base_priority)));
    put(8, Some(integer(now.priority)));
    let holds = now.state == State::Active && now.addresses.iter().all(|it| it.installed);
    put(9, Some(truth(holds)));
    let link = now.virtual_link.as_ref().map_or(&now.interface, |link| &link.name);
    put(10, text(link));
    put(11, Some(truth(settings.tracks_interface)));
    let interval = now.advertisement_interval.0;
    let units =
        if now.vrrp == 2 { u128::from(interval.as_secs()) } else { interval.as_millis() / 10 };
    put(12, Some(gauge(units)));
    let (preempts, delay) = match settings.preemption {
        Preemption::Immediately => (true, 0),
        Preemption::After(delay) => (true, delay.0.as_secs()),
        Preemption::Never => (false, 0),
    };
    put(13, Some(truth(preempts)));
    put(14, Some(gauge(delay)));
    put(
        15,
        Some(integer(match settings.authentication {
            Authentication::None | Authentication::Trailer => 0,
            Authentication::Password => 1,
            Authentication::Header => 2,
        })),
    );
    put(18, text(now.group.as_deref().unwrap_or_default()));
    let delay = settings.announcements.again_after.unwrap_or_default();
    put(19, Some(gauge(delay.0.as_secs())));
    // RFC 3768 has no such mode, and the incumbent says neither of both then.
    let accepts = if lines.acceptance == Acceptance::Accept { 1 } else { 2 };
    put(27, Some(integer(if now.vrrp == 2 { 0 } else { accepts })));
    put(28, Some(truth(settings.promotes_secondaries)));
    put(29, Some(truth(false)));
    put(30, Some(integer(now.vrrp)));
    put(34, settings.multicast.map(family));
    put(35, settings.multicast.map(address));
    told(table, &row, &settings.programs);
}

/// Who is told of its changes.
fn told(table: &mut Table<'_>, row: &[u32], programs: &Programs) {
    let mut put = |column, value| table.put(row, column, value);
    put(20, Some(truth(programs.mailed)));
    let columns = [
        (22, &programs.active),
        (23, &programs.backup),
        (24, &programs.fault),
        (25, &programs.stop),
        (26, &programs.any),
        (31, &programs.lower_priority),
        (32, &programs.deleted),
    ];
    put(21, Some(truth(columns.iter().any(|(_, words)| !words.is_empty()))));
    for (column, words) in columns {
        put(column, command(words));
    }
    put(33, Some(truth(programs.tells_deletion)));
}
