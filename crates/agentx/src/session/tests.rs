use super::*;
use crate::Tree;
use crate::pdu::Asked;
use crate::{Value, VarBind};

/// A session and its master, who answers what the test says.
struct Story {
    session: Session,
    now: Instant,
    packet: u32,
}

fn at(milliseconds: u64) -> Instant {
    Instant::from_nanos(milliseconds * 1_000_000)
}

fn subtree(parts: &[u32]) -> Subtree {
    Subtree { root: Oid::new(parts), description: "a part".to_owned() }
}

fn note(number: i32) -> Vec<VarBind> {
    vec![VarBind { name: Oid::new(&[1]), value: Value::Integer(number) }]
}

impl Story {
    fn new() -> Self {
        let settings = Settings {
            id: Oid::new(&[1, 3]),
            description: "an agent".to_owned(),
            subtrees: vec![subtree(&[1, 5]), subtree(&[1, 6])],
        };
        Self { session: Session::new(at(0), settings), now: at(0), packet: 0 }
    }

    /// One that serves, of whom everything so far was answered.
    fn serving() -> Self {
        let mut story = Self::new();
        story.pass(0);
        story.tell(Input::Connected);
        story.respond(0);
        (0..4).for_each(|_| drop(story.respond(0)));
        assert!(story.session.awaited.is_empty(), "all is answered");
        story
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<String> {
        let mut outputs = Vec::new();
        self.session.handle(self.now, input, &mut outputs);
        told(&outputs)
    }

    /// Time passes.
    fn pass(&mut self, milliseconds: u64) -> Vec<String> {
        self.now += Duration::from_millis(milliseconds);
        self.tell(Input::Timeout)
    }

    /// The master answers the next message.
    fn respond(&mut self, error: u16) -> Vec<String> {
        self.packet += 1;
        let header = Header { session: 77, transaction: 0, packet: self.packet };
        let body = Body::Response(Response { error, ..Response::default() });
        self.tell(Input::Received(&Pdu { header, body }.emit()))
    }

    /// The master says something by itself.
    fn say(&mut self, body: Body) -> Vec<String> {
        let header = Header { session: 77, transaction: 5, packet: 6 };
        self.tell(Input::Received(&Pdu { header, body }.emit()))
    }

    fn notify(&mut self, number: i32) -> Vec<String> {
        let mut outputs = Vec::new();
        self.session.notify(self.now, note(number), &mut outputs);
        told(&outputs)
    }
}

fn told(outputs: &[Output]) -> Vec<String> {
    outputs.iter().map(one_told).collect()
}

fn one_told(output: &Output) -> String {
    let Output::Send(bytes) = output else { return format!("{output:?}") };
    let Pdu { header: Header { session, packet, .. }, body } =
        Pdu::parse(bytes).expect("a message");
    let what = match body {
        Body::Open { .. } => "open".to_owned(),
        Body::Register { subtree, priority } => format!("register {subtree} at {priority}"),
        Body::AddCapabilities { id, .. } => format!("capability {id}"),
        Body::Notify(binds) => format!("notify {:?}", binds[0].value),
        other @ (Body::Close(_)
        | Body::Get(_)
        | Body::GetNext(_)
        | Body::GetBulk { .. }
        | Body::TestSet(_)
        | Body::CommitSet
        | Body::UndoSet
        | Body::CleanupSet
        | Body::Ping
        | Body::Response(_)) => format!("{other:?}"),
    };
    format!("{packet} of {session}: {what}")
}

#[test]
fn a_session_is_opened_and_what_it_serves_is_registered() {
    let mut story = Story::new();
    assert_eq!(story.session.deadline(), Some(at(0)));
    assert_eq!(story.pass(0), ["Connect"]);
    assert_eq!(story.session.deadline(), None, "the shell is at work");
    assert_eq!(story.tell(Input::Connected), ["1 of 0: open"]);
    let expected = ["Opened", "2 of 77: register .1.5 at 127", "3 of 77: register .1.6 at 127"];
    assert_eq!(story.respond(0), expected);
    assert_eq!(story.respond(0), ["4 of 77: capability .1.5"]);
    assert_eq!(story.respond(0), ["5 of 77: capability .1.6"]);
}

#[test]
fn a_master_that_is_not_there_is_tried_ever_more_rarely_up_to_five_seconds() {
    let mut story = Story::new();
    let mut pauses = Vec::new();
    story.pass(0);
    for _ in 0..6 {
        assert_eq!(story.tell(Input::Closed), ["Lost(Connection)"]);
        let deadline = story.session.deadline().expect("another attempt");
        pauses.push(deadline.since(story.now).as_millis());
        story.now = deadline;
        assert_eq!(story.pass(0), ["Connect"]);
    }
    assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
}

#[test]
fn a_session_that_was_open_is_tried_again_soon() {
    let mut story = Story::serving();
    assert_eq!(story.tell(Input::Closed), ["Lost(Connection)"]);
    assert_eq!(story.session.deadline(), Some(at(500)));
    assert_eq!(story.tell(Input::Closed), [""; 0], "it is lost already");
}

#[test]
fn a_master_that_does_not_answer_is_given_up() {
    let mut story = Story::new();
    story.pass(0);
    story.tell(Input::Connected);
    assert_eq!(story.pass(9_999), [""; 0]);
    let expected = ["2 of 0: Close(Timeouts)", "Disconnect", "Lost(Silent)"];
    assert_eq!(story.pass(1), expected);
}

#[test]
fn a_master_that_hangs_is_found_out_by_a_ping() {
    let mut story = Story::serving();
    assert_eq!(story.pass(14_999), [""; 0]);
    assert_eq!(story.pass(1), ["6 of 77: Ping"]);
    assert_eq!(story.respond(0), ["Steady"]);
    assert_eq!(story.pass(15_000), ["7 of 77: Ping"]);
    assert_eq!(story.pass(10_000), ["8 of 77: Close(Timeouts)", "Disconnect", "Lost(Silent)"]);
}

#[test]
fn a_master_that_refuses_ends_or_babbles_is_left() {
    let mut story = Story::new();
    story.pass(0);
    story.tell(Input::Connected);
    assert_eq!(story.respond(266), ["Disconnect", "Lost(Refused(266))"]);
    let mut story = Story::serving();
    let lost = story.say(Body::Close(Reason::Shutdown));
    assert_eq!(lost, ["Disconnect", "Lost(Closed(Shutdown))"]);
    let mut story = Story::serving();
    let lost = story.tell(Input::Received(b"HTTP"));
    let expected =
        ["6 of 77: Close(Parse)", "Disconnect", "Lost(Malformed(Version(72)))"].map(str::to_owned);
    assert_eq!(lost, expected);
}

#[test]
fn a_subtree_that_another_has_is_asked_for_again() {
    let mut story = Story::new();
    story.pass(0);
    story.tell(Input::Connected);
    story.respond(0);
    assert_eq!(story.respond(263), ["Refused(Oid([1, 5]), 263)"]);
    assert_eq!(story.respond(0), ["4 of 77: capability .1.6"], "the other one is served");
    story.respond(0);
    story.pass(15_000);
    story.respond(0);
    assert_eq!(story.pass(15_000), ["6 of 77: Ping", "7 of 77: register .1.5 at 127"]);
    story.respond(0);
    assert_eq!(story.respond(0), ["8 of 77: capability .1.5"]);
}

#[test]
fn a_refusal_is_told_once_until_the_subtree_is_given() {
    let mut story = Story::new();
    story.pass(0);
    story.tell(Input::Connected);
    story.respond(0);
    let refused = ["Refused(Oid([1, 5]), 263)"];
    assert_eq!(story.respond(263), refused);
    let again = |story: &mut Story, error| {
        story.tell(Input::Closed);
        story.now = story.session.deadline().unwrap();
        story.pass(0);
        story.packet = story.session.packet;
        story.tell(Input::Connected);
        story.respond(0);
        story.respond(error)
    };
    assert_eq!(again(&mut story, 263), [""; 0]);
    assert_eq!(again(&mut story, 0), ["10 of 77: capability .1.5"]);
    assert_eq!(again(&mut story, 263), refused);
}

#[test]
fn what_is_notified_while_nobody_listens_is_told_later_the_newest_of_it() {
    let mut story = Story::new();
    for number in 0..16_384 {
        assert_eq!(story.notify(number), [""; 0]);
    }
    assert_eq!(story.notify(16_384), ["Missing"]);
    assert_eq!(story.notify(16_385), [""; 0], "that is said once");
    story.pass(0);
    story.tell(Input::Connected);
    let told = story.respond(0);
    assert_eq!(told.len(), 3 + 16, "some at a time");
    assert_eq!(told[3], "4 of 77: notify Integer(2)");
    story.respond(0);
    story.respond(0);
    assert_eq!(story.respond(0), ["22 of 77: notify Integer(18)"], "each answer makes room");
    assert!(!story.session.has_told_everything());
    // Two capabilities are among what is answered.
    let mut told = Vec::new();
    (0..16_385).for_each(|_| told = story.respond(0));
    assert_eq!(told, ["Missed(2)"], "at the end, how many were lost");
    assert!(story.session.has_told_everything());
}

#[test]
fn what_a_master_did_not_answer_is_told_to_the_next_in_order() {
    let mut story = Story::serving();
    (0..20).for_each(|number| drop(story.notify(number)));
    story.respond(0);
    assert_eq!(story.tell(Input::Closed), ["Lost(Connection)"]);
    assert!(!story.session.has_told_everything());
    story.pass(500);
    story.tell(Input::Connected);
    story.packet = 22;
    let told = story.respond(0);
    let expected: Vec<String> =
        (1..17).map(|number| format!("{} of 77: notify Integer({number})", number + 25)).collect();
    assert_eq!(told[3..], expected);
}

#[test]
fn a_notification_that_no_session_survives_is_given_up_after_the_third() {
    let mut story = Story::serving();
    story.notify(7);
    for _ in 0..2 {
        assert_eq!(story.tell(Input::Closed), ["Lost(Connection)"]);
        story.now = story.session.deadline().unwrap();
        story.pass(0);
        story.packet = story.session.packet;
        story.tell(Input::Connected);
        let told = story.respond(0);
        assert!(told.last().unwrap().ends_with("notify Integer(7)"), "{told:?}");
    }
    assert_eq!(story.tell(Input::Closed), ["Lost(Connection)", "Missing"]);
    assert!(story.session.has_told_everything());
    let mut outputs = Vec::new();
    story.session.end(&mut outputs);
    assert_eq!(told(&outputs), ["Missed(1)"]);
}

#[test]
fn what_is_not_told_at_the_end_is_counted() {
    let mut story = Story::serving();
    (0..20).for_each(|number| drop(story.notify(number)));
    let mut outputs = Vec::new();
    story.session.end(&mut outputs);
    assert_eq!(told(&outputs), ["22 of 77: Close(Shutdown)", "Disconnect", "Missed(20)"]);
}

#[test]
fn a_master_that_ends_each_session_is_tried_ever_more_rarely() {
    let mut story = Story::new();
    let mut pauses = Vec::new();
    for _ in 0..6 {
        story.now = story.session.deadline().unwrap();
        story.pass(0);
        story.packet = story.session.packet;
        story.tell(Input::Connected);
        assert_eq!(story.respond(0)[0], "Opened");
        story.say(Body::Close(Reason::Shutdown));
        pauses.push(story.session.deadline().unwrap().since(story.now).as_millis());
    }
    assert_eq!(pauses, [500, 1000, 2000, 4000, 5000, 5000]);
    // One that lasts until it has answered whether it lives begins anew.
    story.now = story.session.deadline().unwrap();
    story.pass(0);
    story.packet = story.session.packet;
    story.tell(Input::Connected);
    (0..5).for_each(|_| drop(story.respond(0)));
    story.pass(15_000);
    assert_eq!(story.respond(0), ["Steady"]);
    story.say(Body::Close(Reason::Shutdown));
    assert_eq!(story.session.deadline(), Some(story.now + Duration::from_millis(500)));
}

#[test]
fn a_notification_that_nobody_answers_ends_the_session() {
    let mut story = Story::serving();
    assert_eq!(story.notify(1), ["6 of 77: notify Integer(1)"]);
    assert!(!story.session.has_told_everything());
    let expected = ["7 of 77: Close(Timeouts)", "Disconnect", "Lost(Silent)"];
    assert_eq!(story.pass(10_000), expected);
    let mut story = Story::serving();
    story.notify(1);
    story.respond(0);
    assert!(story.session.has_told_everything());
}

#[test]
fn a_request_is_answered_with_its_own_numbers() {
    let mut story = Story::serving();
    let asked = Asked { start: Oid::new(&[1, 5]), ..Asked::default() };
    let pdu = Pdu {
        header: Header { session: 77, transaction: 5, packet: 6 },
        body: Body::GetNext(vec![asked]),
    };
    let mut outputs = Vec::new();
    story.session.handle(story.now, Input::Received(&pdu.emit()), &mut outputs);
    let [Output::Asked(request)] = outputs.as_slice() else { panic!("{outputs:?}") };
    let reaches: &[(&[u32], bool)] =
        &[(&[1, 5], true), (&[1, 5, 1], true), (&[1, 4], false), (&[1, 7], true)];
    for (root, expected) in reaches {
        assert_eq!(request.reaches(root), *expected, "{root:?}");
    }
    let answered = |session: &Session, tree: Option<&Tree>| {
        let mut outputs = Vec::new();
        session.answer(request, tree.map(|it| it as &dyn View), &mut outputs);
        outputs
    };
    let bind = VarBind { name: Oid::new(&[1, 5, 1]), value: Value::Gauge32(3) };
    let tree: Tree = [bind.clone()].into_iter().collect();
    let response = |response| {
        let body = Body::Response(response);
        vec![Output::Send(Pdu { header: pdu.header, body }.emit())]
    };
    let expected = Response { binds: vec![bind], ..Response::default() };
    assert_eq!(answered(&story.session, Some(&tree)), response(expected));
    let failed = Response { error: 5, index: 1, ..Response::default() };
    assert_eq!(answered(&story.session, None), response(failed));
    story.tell(Input::Closed);
    assert_eq!(answered(&story.session, Some(&tree)), []);
    story.pass(500);
    story.tell(Input::Connected);
    assert_eq!(answered(&story.session, Some(&tree)), [], "that was another session");
}

#[test]
fn an_end_is_told() {
    let mut story = Story::serving();
    let mut outputs = Vec::new();
    story.session.end(&mut outputs);
    assert_eq!(told(&outputs), ["6 of 77: Close(Shutdown)", "Disconnect"]);
    assert_eq!(story.session.deadline(), None);
    assert_eq!(story.pass(100_000), [""; 0]);
}

#[test]
fn whatever_comes_a_session_that_lives_has_something_to_wait_for() {
    bolero::check!().with_type::<Vec<(u8, u16, Vec<u8>)>>().for_each(|steps| {
        let mut story = Story::new();
        for (kind, pause, bytes) in steps {
            story.now += Duration::from_millis((*pause).into());
            let input = match kind % 5 {
                0 => Input::Connected,
                1 => Input::Closed,
                2 => Input::Timeout,
                3 => Input::Received(bytes),
                _ => {
                    story.notify(1);
                    story.respond(pause % 2);
                    Input::Timeout
                }
            };
            let mut outputs = Vec::new();
            story.session.handle(story.now, input, &mut outputs);
            let is_connecting = matches!(story.session.state, State::Connecting);
            assert_eq!(story.session.deadline().is_none(), is_connecting);
            assert!(story.session.notes.waiting.len() <= notes::NOTES);
        }
    });
}
