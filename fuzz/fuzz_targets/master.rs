//! Any bytes as what a master agent of SNMP sends, cut anywhere: understood or refused, what is understood is written again
//! as it was, what is asked is answered, and a session that lives always has something to wait for.
#![no_main]

use std::time::Duration;

use agentx::{Input, Oid, Output, Pdu, Session, Settings, Subtree, Tree, Value, VarBind};
use clock::Instant;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(pdu) = Pdu::parse(bytes) {
        assert_eq!(Pdu::parse(&pdu.emit()), Ok(pdu));
    }
    let root = Oid::new(&[1, 3, 6, 1]);
    let bind = |part| VarBind { name: root.join(&[part]), value: Value::Gauge32(part) };
    let tree: Tree = (0..9).map(bind).collect();
    let subtrees = vec![Subtree { root: root.clone(), description: String::new() }];
    let settings = Settings { id: root.clone(), description: String::new(), subtrees };
    let mut now = Instant::ZERO;
    let mut session = Session::new(now, settings);
    let mut outputs = Vec::new();
    session.handle(now, Input::Timeout, &mut outputs);
    session.handle(now, Input::Connected, &mut outputs);
    for part in bytes.chunks(29) {
        now += Duration::from_millis(part.len() as u64);
        session.handle(now, Input::Received(part), &mut outputs);
        session.handle(now, Input::Timeout, &mut outputs);
        for output in std::mem::take(&mut outputs) {
            match output {
                Output::Connect => session.handle(now, Input::Connected, &mut outputs),
                Output::Asked(request) => session.answer(&request, Some(&tree), &mut outputs),
                _ => {}
            }
        }
        assert!(session.deadline().is_some());
    }
});
