//! Processor time and memory of daemons at rest: with instances all Active, and all Backup.
//!
//! The links are cables straight to the client, so that no bridge and no capture is charged to the daemon. Adverts
//! that Backups hear come from the neutral sender, at the same pace for both.

use std::time::Duration;

use anyhow::Result;

use crate::bench::agent::Job;
use crate::bench::figure::{Figure, Wanted};
use crate::bench::gauge;
use crate::bench::ground::{Ground, Wiring, start, wait_for_lines};
use crate::bench::layout::Herd;
use crate::bench::session::{Session, TURNS};
use crate::subject::Subject;

const NAME: &str = "cost";

pub(super) fn run(session: &mut Session) -> Result<()> {
    let counts: &[usize] = session.pick(&[1, 255, 1000, 4000], &[1000]);
    for count in counts {
        for role in ROLES {
            if *count != 1000 && role != Role::Active {
                continue;
            }
            if role == Role::BackupInBursts && session.quick {
                continue;
            }
            one(session, *count, role);
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Active,
    Backup,
    BackupInBursts,
}

const ROLES: [Role; 3] = [Role::Active, Role::Backup, Role::BackupInBursts];

fn one(session: &mut Session, count: usize, role: Role) {
    let (word, wanted) = match (role, count) {
        (Role::Active, 1000) => ("Active", Wanted::Ratio(0.25)),
        (Role::Active, _) => ("Active", Wanted::Nothing),
        (Role::Backup, 1000) => ("Backup, adverts spread evenly", Wanted::Ratio(0.5)),
        (Role::Backup, _) => ("Backup, adverts spread evenly", Wanted::Nothing),
        (Role::BackupInBursts, _) => ("Backup, adverts in bursts", Wanted::Ratio(0.5)),
    };
    let named = |what: &str| format!("{count} {word}: {what}");
    let mut time = Figure::new(NAME, &named("processor time"), "ms/s", wanted);
    let wanted = match count {
        1 | 1000 | 4000 => Wanted::Ratio(0.5),
        _ => Wanted::Nothing,
    };
    let mut memory = Figure::new(NAME, &named("memory of all processes"), "MB", wanted);
    let windows = session.pick(3, 1);
    for subject in TURNS {
        let outcome = measure(subject, count, role, windows).map(|(loads, size)| {
            for load in loads {
                time.push(subject, load);
            }
            memory.push(subject, size);
        });
        session.note(NAME, subject, outcome);
    }
    session.take(time);
    if role != Role::BackupInBursts {
        session.take(memory);
    }
}

fn measure(subject: Subject, count: usize, role: Role, windows: usize) -> Result<(Vec<f64>, f64)> {
    let mut ground = Ground::build(&["a"], count, Wiring::Direct)?;
    let herd = Herd::new(count);
    let text = count.to_string();
    let pacing = match role {
        Role::Active => None,
        Role::Backup => Some("even"),
        Role::BackupInBursts => Some("burst"),
    };
    let flock = match pacing {
        None => {
            ground.start_active(subject, herd, Duration::from_secs(10))?;
            None
        }
        Some(pacing) => {
            let job = Job::start(ground.lab.client(), &["flock", &text, "200", pacing, "0"])?;
            let node = ground.first()?;
            let since = node.log_mark();
            start(node, subject, &herd.render(&[]))?;
            wait_for_lines(node, "Entering BACKUP STATE", count, since, Duration::from_secs(5))?;
            Some(job)
        }
    };
    let node = ground.first()?;
    let since = node.log_mark();
    // The second round of announcements comes a second after the first.
    std::thread::sleep(Duration::from_millis(2500));
    let loads = gauge::load(node, windows, WINDOW)?;
    let size = gauge::memory(&node.processes()?)?;
    node.expect_no_log("Entering", since)?;
    drop(flock);
    Ok((loads, size))
}

/// Longer than the pace of any periodic work, such as the renewal of leases at a third of ten seconds.
const WINDOW: Duration = Duration::from_millis(3500);
