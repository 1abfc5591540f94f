//! Loss against priority and interval: how often a healthy Active router is taken over falsely in 500
//! intervals. A change of behaviour is a readable difference of this one table.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

use std::fmt::Write as _;

use sim::{Host, Lan, contender, seconds};
use vrrp::Parameters;

#[test]
fn false_takeovers_by_loss_priority_and_interval() {
    let mut table = String::from("interval  backup   loss 0%   10%   30%   50%\n");
    for interval in [0.01, 0.1, 1.0] {
        for priority in [50, 100, 199] {
            write!(table, "{interval:>7} s {priority:>7} ").unwrap();
            for (column, per_mille) in [0, 100, 300, 500].into_iter().enumerate() {
                let width = if column == 0 { 9 } else { 5 };
                write!(table, " {:>width$}", takeovers(interval, priority, per_mille)).unwrap();
            }
            table.push('\n');
        }
    }
    insta::assert_snapshot!(table);
}

/// Times that the backup became Active while the Active router was well.
fn takeovers(interval: f64, priority: u8, per_mille: u64) -> u64 {
    let of =
        |priority| Parameters { advertisement_interval: seconds(interval), ..contender(priority) };
    let mut lan =
        Lan::new([Host::new("a", 1).instance(of(200)), Host::new("b", 2).instance(of(priority))]);
    lan.run_for(seconds(interval * 10.0));
    let before = became_active(&lan);
    lan.lose(per_mille, 1);
    lan.run_for(seconds(interval * 500.0));
    became_active(&lan) - before
}

fn became_active(lan: &Lan) -> u64 {
    let snapshot = lan.election("b").unwrap().snapshot();
    snapshot.instances.values().map(|instance| instance.counters.became_active).sum()
}
