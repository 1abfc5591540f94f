//! Scheduling, processors and memory, each in a thread that ends with its test; where a test needs a right that
//! this user lacks it says `SKIPPED`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a panic fails the test, as it should"
)]

use std::time::Duration;

use kernel::process::{Heirs, keep_realtime, set_affinity, set_name, set_nice, set_realtime};
use kernel::process::{ProcessError, Spawn, Stdio, drop_to, lock_memory, prefault};
use rustix::io::Errno;

/// Runs a test in a thread of its own: these settings are a thread's, and cannot all be taken back.
fn alone(test: impl FnOnce() + Send + 'static) {
    std::thread::spawn(test).join().unwrap();
}

/// Whether something is permitted here; any other failure fails.
fn permitted(what: &str, outcome: Result<(), ProcessError>) -> bool {
    match outcome {
        Ok(()) => true,
        Err(error) if error.source == Errno::PERM => {
            println!("SKIPPED: {what}: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A field of proc(5)'s stat file, counted from 1 as the manual does.
fn stat(path: &str, field: usize) -> i64 {
    let text = std::fs::read_to_string(path).unwrap();
    let rest = text.rsplit_once(')').unwrap().1;
    rest.split_whitespace().nth(field - 3).unwrap().parse().unwrap()
}

/// Held by tests of real time: its limit is the process's.
static REAL_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
const OWN: &str = "/proc/thread-self/stat";
const RT_PRIORITY: usize = 40;
const POLICY: usize = 41;

#[test]
fn real_time_is_ours_and_not_our_children_s() {
    alone(|| {
        let _held = REAL_TIME.lock().unwrap();
        let limit = Duration::from_millis(500);
        if !permitted("real time", set_realtime(42, limit, Heirs::Nobody)) {
            return;
        }
        let round_robin = 2;
        assert_eq!((stat(OWN, RT_PRIORITY), stat(OWN, POLICY)), (42, round_robin));
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max realtime timeout")).unwrap();
        assert!(line.contains(" 500000 "), "{line}");
        // The same again, and less, as on a reload.
        set_realtime(42, limit, Heirs::Nobody).unwrap();
        set_realtime(7, Duration::from_millis(100), Heirs::Nobody).unwrap();
        assert_eq!(stat(OWN, RT_PRIORITY), 7);

        let mut child = Spawn {
            program: "/bin/sleep".into(),
            arg0: "sleep".into(),
            arguments: vec!["60".into()],
            without: vec![],
            descriptors: vec![],
            stdio: Stdio::Inherited,
            namespace: None,
        }
        .start()
        .unwrap();
        let path = format!("/proc/{}/stat", child.pid());
        assert_eq!((stat(&path, RT_PRIORITY), stat(&path, POLICY)), (0, 0));
        child.signal(rustix::process::Signal::KILL).unwrap();
        while child.ended().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn a_thread_that_is_started_before_real_time_is_kept_has_it_too() {
    alone(|| {
        let _held = REAL_TIME.lock().unwrap();
        keep_realtime().unwrap();
        assert_eq!(stat(OWN, RT_PRIORITY), 0);
        let limit = Duration::from_millis(500);
        if !permitted("real time", set_realtime(11, limit, Heirs::UntilKept)) {
            return;
        }
        alone(|| {
            assert_eq!(stat(OWN, RT_PRIORITY), 11);
            keep_realtime().unwrap();
            assert_eq!(stat(OWN, RT_PRIORITY), 11);
            alone(|| assert_eq!(stat(OWN, RT_PRIORITY), 0));
        });
        keep_realtime().unwrap();
        alone(|| assert_eq!(stat(OWN, RT_PRIORITY), 0));
    });
}

#[test]
fn real_time_outside_its_range_is_refused() {
    alone(|| {
        let _held = REAL_TIME.lock().unwrap();
        for priority in [0, 100, u32::MAX] {
            let error = set_realtime(priority, Duration::from_secs(1), Heirs::Nobody).unwrap_err();
            assert!([Errno::INVAL, Errno::PERM].contains(&error.source), "{priority}: {error}");
        }
    });
}

#[test]
fn affinity_is_as_given_or_an_error() {
    alone(|| {
        set_affinity(&[0, 100_000]).unwrap();
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(status.contains("Cpus_allowed_list:\t0\n"), "{status}");
        for none in [[].as_slice(), &[100_000], &[1000]] {
            let error = set_affinity(none).unwrap_err();
            assert_eq!((error.operation, error.source), ("set CPU affinity", Errno::INVAL));
        }
    });
}

#[test]
fn locked_memory_does_not_limit_what_can_be_allocated_later() {
    alone(|| {
        if lock_memory().is_err() {
            // Where the limit may not be lifted, nothing is locked at all.
            let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
            assert!(status.contains("VmLck:\t       0 kB"), "{status}");
        }
        prefault();
        drop_to(&[]).unwrap();
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(64 << 20).expect("memory beyond the ordinary limit");
        bytes.resize(1 << 20, 1);
        assert_eq!(bytes.len(), 1 << 20);
    });
}

#[test]
fn names_are_cut_and_never_refused() {
    alone(|| {
        let comm = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
        set_name("a name of more than fifteen bytes");
        assert_eq!(comm(), "a name of more \n");
        set_name("nul\0inside");
        assert_eq!(comm(), "nulinside\n");
        set_name("");
        assert_eq!(comm(), "\n");
    });
}

#[test]
fn a_nice_value_may_always_rise() {
    alone(|| {
        set_nice(5).unwrap();
        assert_eq!(stat(OWN, 19), 5);
    });
}
