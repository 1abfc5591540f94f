//! Any bytes as BFD packets of the other end of a session, at any times: refused or understood, what is understood is
//! written again as it was, and the session always has its next deadline ahead of it.
#![no_main]

use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

use bfd::{Parameters, Part, Session};
use clock::Instant;
use libfuzzer_sys::fuzz_target;
use wire::bfd::BfdControl;

fuzz_target!(|bytes: &[u8]| {
    let Some((multiplier, steps)) = bytes.split_first() else { return };
    let parameters = Parameters {
        min_tx: Duration::from_millis(50),
        min_rx: Duration::from_millis(20),
        idle_tx: Duration::from_secs(1),
        multiplier: NonZeroU8::new(*multiplier).unwrap_or(NonZeroU8::MIN),
        part: if multiplier % 2 == 0 { Part::Active } else { Part::Passive },
    };
    let mut now = Instant::ZERO;
    let mut session = Session::new(now, parameters, NonZeroU32::MIN);
    let mut outputs = Vec::new();
    // Two bytes of time before each packet.
    for step in steps.chunks(2 + BfdControl::LEN) {
        let Some((wait, packet)) = step.split_first_chunk() else { break };
        let wait = Duration::from_millis(u16::from_be_bytes(*wait).into());
        now += wait;
        if let Ok(control) = BfdControl::parse(packet) {
            assert_eq!(BfdControl::parse(&control.emit()), Ok(control));
            session.receive(now, &control, &mut outputs);
        } else if packet.first().is_some_and(|byte| byte % 2 == 0) {
            session.behind(now);
        } else {
            session.stalled(now, wait);
        }
        session.timeout(now, &mut outputs);
        assert!(session.deadline().is_none_or(|at| at > now), "{session:?}");
        outputs.clear();
    }
});
