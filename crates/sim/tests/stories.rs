//! Elections as timelines. The times can be checked with a pencil: at 1 s a router of priority p takes
//! over after 3 s and (256 - p)/256 s of silence, and packets take 100 us.

use clock::Instant;
use sim::{Host, Lan, at, contender, seconds};
use vrrp::Role;

fn three() -> Lan {
    Lan::new([
        Host::new("a", 1).instance(contender(150)),
        Host::new("b", 2).instance(contender(100)),
        Host::new("c", 3).instance(contender(100)),
    ])
}

// covers: RFC9568-6.4.2-5 RFC9568-6.4.3-6 RFC9568-6.4.3-9 RFC9568-6.4.3-10
#[test]
fn three_routers_elect_fail_over_preempt_and_resign() {
    let mut lan = three();
    lan.run_until(at(10.0));
    lan.unplug("a");
    lan.run_until(at(20.0));
    lan.plug("a");
    lan.run_until(at(30.0));
    lan.stop("a");
    lan.run_until_that(at(40.0), |lan| lan.role("b") == Some(Role::Active));
    assert_eq!(
        lan.timeline(),
        "   3.414062500 a: Backup -> Active
             -- a unplugged
  13.023537500 b: Backup -> Active
  13.023537500 c: Backup -> Active
  13.023637500 b: Active -> Backup
             -- a plugged
  20.023737500 c: Active -> Backup
  30.000000000 a: Active -> Initialize
  30.609475000 b: Backup -> Active
"
    );
    assert_eq!(lan.now(), Instant::from_nanos(30_609_475_000));
    lan.run_for(seconds(5.0));
    insta::assert_snapshot!(lan.story());
}
