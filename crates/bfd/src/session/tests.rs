//! The machine by hand: what is heard, when, and what follows. Times of detection are literal; times of sending lie
//! within a quarter below theirs.

use super::*;

fn at(milliseconds: u64) -> Instant {
    Instant::from_nanos(milliseconds * 1_000_000)
}

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// 100 ms to send, 50 ms to expect, three of them.
fn parameters() -> Parameters {
    Parameters {
        min_tx: ms(100),
        min_rx: ms(50),
        idle_tx: ms(1000),
        multiplier: NonZeroU8::new(3).unwrap(),
        part: Part::Active,
    }
}

fn mine() -> NonZeroU32 {
    NonZeroU32::new(7).unwrap()
}

/// What the other end says: 200 ms to send, 150 ms to expect, four of them.
fn heard(state: BfdState) -> BfdControl {
    BfdControl {
        diagnostic: BfdDiagnostic::None,
        state,
        poll: false,
        is_final: false,
        independent: false,
        demand: false,
        multiplier: NonZeroU8::new(4).unwrap(),
        mine: NonZeroU32::new(9).unwrap(),
        yours: Some(mine()),
        desired_min_tx: 200_000,
        required_min_rx: 150_000,
        required_min_echo_rx: 0,
    }
}

fn receive(session: &mut Session, now: Instant, control: BfdControl) -> Vec<Output> {
    let mut outputs = Vec::new();
    session.receive(now, &control, &mut outputs);
    outputs
}

fn timeout(session: &mut Session, now: Instant) -> Vec<Output> {
    let mut outputs = Vec::new();
    session.timeout(now, &mut outputs);
    outputs
}

fn sent(outputs: &[Output]) -> Vec<BfdControl> {
    let packet = |output: &Output| match output {
        Output::Send(control) => Some(*control),
        Output::Changed { .. } | Output::Reached(_) => None,
    };
    outputs.iter().filter_map(packet).collect()
}

fn changes(outputs: &[Output]) -> Vec<Output> {
    outputs.iter().filter(|output| !matches!(output, Output::Send(_))).copied().collect()
}

/// A session that is Up since `at(0)`, whose poll was answered.
fn up() -> Session {
    let mut session = Session::new(at(0), parameters(), mine());
    receive(&mut session, at(0), heard(BfdState::Init));
    receive(&mut session, at(0), BfdControl { is_final: true, ..heard(BfdState::Up) });
    session
}

#[test]
fn the_states_follow_what_is_heard() {
    use BfdState::{AdminDown, Down, Init, Up};
    for (from, hears, to) in [
        (Down, Down, Init),
        (Down, Init, Up),
        (Down, Up, Down),
        (Down, AdminDown, Down),
        (Init, Down, Init),
        (Init, Init, Up),
        (Init, Up, Up),
        (Init, AdminDown, Down),
        (Up, Down, Down),
        (Up, Init, Up),
        (Up, Up, Up),
        (Up, AdminDown, Down),
    ] {
        let mut session = Session::new(at(0), parameters(), mine());
        session.state = from;
        let outputs = receive(&mut session, at(0), heard(hears));
        assert_eq!(session.state, to, "{from} hears {hears}");
        let told = outputs.iter().any(|output| matches!(output, Output::Changed { .. }));
        assert_eq!(told, from != to, "{from} hears {hears}");
    }
}

#[test]
fn an_active_one_begins_at_once_and_then_each_second() {
    let mut session = Session::new(at(0), parameters(), mine());
    assert_eq!(session.deadline(), Some(at(0)));
    let packets = sent(&timeout(&mut session, at(0)));
    let [packet] = packets.as_slice() else { panic!("{packets:?}") };
    assert_eq!((packet.state, packet.yours, packet.poll), (BfdState::Down, None, false));
    assert_eq!((packet.desired_min_tx, packet.required_min_rx), (1_000_000, 50_000));
    let next = session.deadline().unwrap();
    assert!(next >= at(750) && next <= at(1000), "{next}");
    assert!(timeout(&mut session, at(749)).is_empty());
}

#[test]
fn a_passive_one_speaks_when_spoken_to() {
    let passive = Parameters { part: Part::Passive, ..parameters() };
    let mut session = Session::new(at(0), passive, mine());
    assert_eq!(session.deadline(), None);
    let packets = sent(&receive(&mut session, at(5000), heard(BfdState::Down)));
    assert_eq!(packets.len(), 1);
    assert_eq!(
        (packets[0].state, packets[0].yours.map(NonZeroU32::get)),
        (BfdState::Init, Some(9))
    );
    // Nobody is heard any more, so it falls silent again: 4 × 200 ms.
    assert!(timeout(&mut session, at(5800)).iter().any(|it| matches!(it, Output::Changed { .. })));
    assert_eq!(session.deadline(), None);
}

#[test]
fn it_comes_up_polls_and_sends_at_the_slower_of_both_wishes() {
    let mut session = Session::new(at(0), parameters(), mine());
    let outputs = receive(&mut session, at(10), heard(BfdState::Init));
    assert_eq!(
        changes(&outputs),
        [
            Output::Changed { to: BfdState::Up, cause: Cause::Heard(BfdState::Init) },
            Output::Reached(true)
        ]
    );
    let packet = sent(&outputs)[0];
    assert!(packet.poll && !packet.is_final);
    assert_eq!((packet.state, packet.desired_min_tx), (BfdState::Up, 100_000));
    // 150 ms, which the other end requires.
    let next = session.deadline().unwrap();
    assert!(next >= at(122) && next <= at(160), "{next}");
    // It asks until it is answered.
    assert!(sent(&timeout(&mut session, next))[0].poll);
    receive(&mut session, at(200), BfdControl { is_final: true, ..heard(BfdState::Up) });
    let next = session.deadline().unwrap();
    assert!(!sent(&timeout(&mut session, next))[0].poll);
}

#[test]
fn a_question_is_answered_at_once_whatever_the_timer_says() {
    let mut session = up();
    let question = BfdControl { poll: true, ..heard(BfdState::Up) };
    let packets = sent(&receive(&mut session, at(3), question));
    assert_eq!(packets.len(), 1);
    assert!(packets[0].is_final && !packets[0].poll);
}

#[test]
fn silence_for_the_detection_time_is_down() {
    let mut session = up();
    receive(&mut session, at(1000), heard(BfdState::Up));
    // Its multiplier 4, and 200 ms, at which it sends: longer than the 50 ms that we could take.
    let mut outputs = timeout(&mut session, at(1799));
    assert!(changes(&outputs).is_empty());
    outputs = timeout(&mut session, at(1803));
    assert_eq!(
        changes(&outputs),
        [
            Output::Changed {
                to: BfdState::Down,
                cause: Cause::Expired { after: ms(800), overdue: ms(3) }
            },
            Output::Reached(false)
        ]
    );
    let packet = sent(&outputs)[0];
    assert_eq!(packet.diagnostic, BfdDiagnostic::DetectionExpired);
    assert_eq!((packet.state, packet.yours), (BfdState::Down, None));
    assert_eq!(packet.desired_min_tx, 1_000_000);
}

#[test]
fn packets_that_change_nothing_do_not_move_the_next_one_of_ours() {
    let mut session = up();
    let first = session.send_at.unwrap();
    timeout(&mut session, first);
    let next = session.send_at.unwrap();
    for step in 1..=100 {
        let now = first + Duration::from_millis(step);
        assert!(receive(&mut session, now, heard(BfdState::Up)).is_empty());
        assert_eq!(session.send_at, Some(next), "after {step} packets");
    }
}

#[test]
fn each_interval_has_a_length_of_its_own() {
    let mut session = up();
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let before = session.send_at.unwrap();
        timeout(&mut session, before);
        receive(&mut session, before, heard(BfdState::Up));
        lengths.insert(session.send_at.unwrap().since(before).as_millis());
    }
    // From 75 % to 100 % of 150 ms.
    assert!(lengths.first() < Some(&118) && lengths.last() > Some(&145), "{lengths:?}");
}

fn is_down(outputs: &[Output]) -> bool {
    outputs.contains(&Output::Reached(false))
}

#[test]
fn nobody_is_given_up_while_packets_wait_to_be_read() {
    let mut session = up();
    // The detection time ended at 800.
    session.behind(at(850));
    assert!(!is_down(&timeout(&mut session, at(850))));
    assert_eq!(session.expires_at, Some(at(851)));
    receive(&mut session, at(851), heard(BfdState::Up));
    assert_eq!(session.expires_at, Some(at(1651)));
}

#[test]
fn a_flood_of_others_puts_the_end_off_by_one_detection_time() {
    let mut session = up();
    for now in 800..1600 {
        session.behind(at(now));
        assert!(!is_down(&timeout(&mut session, at(now))), "{now}");
    }
    session.behind(at(1600));
    assert!(is_down(&timeout(&mut session, at(1600))));
}

#[test]
fn what_was_lost_with_our_own_time_is_waited_for_once_more() {
    let mut session = up();
    // Silence of which we slept less than an interval is silence.
    session.stalled(at(900), ms(199));
    assert_eq!(session.expires_at, Some(at(800)));
    session.stalled(at(2000), ms(1200));
    assert!(!is_down(&timeout(&mut session, at(2000))));
    // One interval of the other end, 200 ms, and not again and again.
    assert!(!is_down(&timeout(&mut session, at(2199))));
    let mut again = session.clone();
    assert!(is_down(&timeout(&mut session, at(2200))));
    for now in [2200, 2400, 2600] {
        again.stalled(at(now), ms(200));
        assert!(!is_down(&timeout(&mut again, at(now))), "{now}");
    }
    again.stalled(at(2800), ms(200));
    assert!(is_down(&timeout(&mut again, at(2800))));
}

#[test]
fn what_the_other_end_says_of_itself_is_down_with_its_reason() {
    let mut session = up();
    let outputs = receive(&mut session, at(10), heard(BfdState::Down));
    assert_eq!(changes(&outputs)[1], Output::Reached(false));
    assert_eq!(sent(&outputs)[0].diagnostic, BfdDiagnostic::NeighborDown);
}

#[test]
fn an_administrator_of_the_other_end_is_no_failure() {
    let mut session = up();
    let outputs = receive(&mut session, at(10), heard(BfdState::AdminDown));
    let cause = Cause::Heard(BfdState::AdminDown);
    assert_eq!(changes(&outputs), [Output::Changed { to: BfdState::Down, cause }]);
    assert!(session.is_reached());
    // Not its silence either.
    assert!(changes(&timeout(&mut session, at(5000))).is_empty());
    receive(&mut session, at(6000), heard(BfdState::Down));
    let outputs = receive(&mut session, at(6001), heard(BfdState::Up));
    assert_eq!(changes(&outputs).len(), 1, "it was reached all along");
}

#[test]
fn whoever_wants_no_packets_gets_none_but_questions() {
    let mut session = up();
    receive(&mut session, at(0), BfdControl { demand: true, ..heard(BfdState::Up) });
    assert_eq!(session.deadline(), Some(at(800)), "only the detection time");
    session.adjust(at(10), Parameters { min_tx: ms(300), ..parameters() });
    assert!(sent(&timeout(&mut session, at(10)))[0].poll);
    let mut session = up();
    receive(&mut session, at(0), BfdControl { required_min_rx: 0, ..heard(BfdState::Up) });
    assert_eq!(session.deadline(), Some(at(800)));
}

#[test]
fn other_intervals_count_once_they_are_confirmed_where_they_are_slower_or_stricter() {
    let mut session = up();
    let slower = Parameters { min_tx: ms(400), min_rx: ms(20), ..parameters() };
    session.adjust(at(100), slower);
    let packet = sent(&timeout(&mut session, at(100)))[0];
    assert_eq!(
        (packet.poll, packet.desired_min_tx, packet.required_min_rx),
        (true, 400_000, 20_000)
    );
    // Not confirmed: still the 150 ms that the other end requires.
    let next = session.deadline().unwrap();
    assert!(next <= at(250), "{next}");
    receive(&mut session, at(150), BfdControl { is_final: true, ..heard(BfdState::Up) });
    let first = session.send_at.unwrap();
    timeout(&mut session, first);
    let next = session.send_at.unwrap();
    assert!(next.since(first) >= ms(300) && next.since(first) <= ms(400), "{first} {next}");
}

#[test]
fn it_ends_with_a_word() {
    let mut session = up();
    let mut outputs = Vec::new();
    session.shutdown(at(5), &mut outputs);
    let packet = sent(&outputs)[0];
    assert_eq!(packet.state, BfdState::AdminDown);
    assert_eq!(packet.diagnostic, BfdDiagnostic::AdministrativelyDown);
    assert_eq!(session.deadline(), None);
    assert!(receive(&mut session, at(6), heard(BfdState::Down)).is_empty());
}

#[test]
fn a_successor_goes_on_and_the_other_end_does_not_notice() {
    let memory = up().memory().unwrap();
    let mut session = Session::resume(at(9000), parameters(), memory);
    assert!(session.is_reached());
    let packet = sent(&timeout(&mut session, at(9000)))[0];
    assert_eq!(
        (packet.state, packet.mine, packet.yours),
        (BfdState::Up, mine(), Some(memory.yours))
    );
    // Unless it is silent.
    assert_eq!(changes(&timeout(&mut session, at(9800))).len(), 2);
    assert_eq!(session.memory(), None);
}

/// Two sessions over a line that takes a millisecond; from `silent` on, nothing of `b` arrives.
fn play(until: u64, silent: u64) -> Vec<(u64, char, BfdState)> {
    let mut ends = [
        Session::new(at(0), parameters(), mine()),
        Session::new(at(0), parameters(), NonZeroU32::new(1_000_003).unwrap()),
    ];
    let mut line: Vec<(u64, usize, BfdControl)> = Vec::new();
    let mut story = Vec::new();
    for now in 0..until {
        let (due, rest): (Vec<_>, Vec<_>) = line.into_iter().partition(|(when, ..)| *when <= now);
        line = rest;
        for number in [0, 1] {
            let mut outputs = Vec::new();
            for (_, _, control) in due.iter().filter(|(_, to, _)| *to == number) {
                ends[number].receive(at(now), control, &mut outputs);
            }
            ends[number].timeout(at(now), &mut outputs);
            for output in outputs {
                match output {
                    Output::Send(_) if number == 1 && now >= silent => {}
                    Output::Send(control) => line.push((now + 1, 1 - number, control)),
                    Output::Changed { to, .. } => story.push((now, ['a', 'b'][number], to)),
                    Output::Reached(_) => {}
                }
            }
        }
    }
    story
}

#[test]
fn two_ends_find_each_other_and_notice_when_one_falls_silent() {
    use BfdState::{Down, Init, Up};
    let story = play(4000, 3000);
    assert_eq!(story[..4], [(1, 'a', Init), (1, 'b', Init), (2, 'a', Up), (2, 'b', Up)]);
    // 3 × 100 ms after the last packet, which came within the last 100 ms; then the other end hears of it.
    let [(down, 'a', Down), (told, 'b', Down), ..] = story[4..] else { panic!("{story:?}") };
    assert!((3200..=3300).contains(&down), "{down}");
    assert_eq!(told, down + 1);
}

#[test]
fn no_packets_make_it_panic_and_every_deadline_lies_ahead() {
    bolero::check!().with_type().for_each(|steps: &Vec<(u16, [u8; 24])>| {
        let mut session = Session::new(at(0), parameters(), mine());
        let mut now = at(0);
        let mut outputs = Vec::new();
        for (wait, bytes) in steps {
            now += ms(u64::from(*wait));
            match BfdControl::parse(bytes) {
                Ok(control) => session.receive(now, &control, &mut outputs),
                Err(_) => session.timeout(now, &mut outputs),
            }
            session.timeout(now, &mut outputs);
            assert!(session.deadline().is_none_or(|at| at > now), "{session:?}");
            outputs.clear();
        }
    });
}
