//! A master agent of a test's own (RFC 2741): it answers, or does not, and remembers what it was notified of.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use agentx::{Body, Frames, Header, Pdu, Reason, Response, VarBind};

use crate::world::{Place, eventually};

/// How it treats whoever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// It answers everything.
    Kind,
    /// It dies of the first notification, and is kind when it comes back.
    DiesOnce,
    /// It opens sessions, and ends them.
    Ends,
}

/// The agent, until the test ends.
pub struct MasterAgent {
    place: Place,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    sessions: usize,
    notes: Vec<Vec<VarBind>>,
}

impl MasterAgent {
    pub fn open(manner: Manner) -> Self {
        let (place, seen) = (Place::new(), Arc::new(Mutex::new(Seen::default())));
        let listener = UnixListener::bind(place.path("master")).unwrap();
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                converse(stream, manner, &all);
            }
        });
        Self { place, seen }
    }

    /// Settings of SNMP for it.
    pub fn settings(&self) -> String {
        format!("  enable_traps\n  snmp_socket unix:{}\n", self.place.path("master").display())
    }

    pub fn sessions(&self) -> usize {
        self.seen.lock().unwrap().sessions
    }

    /// What it was notified of so far, each with its values.
    pub fn notes(&self) -> Vec<Vec<VarBind>> {
        self.seen.lock().unwrap().notes.clone()
    }

    pub fn wait_for(&self, what: &str, is_it: impl Fn(&[VarBind]) -> bool) {
        eventually(what, || self.notes().iter().any(|note| is_it(note)).then_some(()));
    }
}

fn converse(mut stream: UnixStream, manner: Manner, seen: &Mutex<Seen>) {
    let (mut frames, mut bytes) = (Frames::default(), [0; 4096]);
    let session = {
        let mut seen = seen.lock().unwrap();
        seen.sessions += 1;
        u32::try_from(seen.sessions).unwrap()
    };
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        frames.push(&bytes[..length]);
        while let Some(Pdu { header, body }) = frames.next_pdu().unwrap() {
            let is_open = matches!(body, Body::Open { .. });
            if let Body::Notify(binds) = body {
                if manner == Manner::DiesOnce && session == 1 {
                    return;
                }
                seen.lock().unwrap().notes.push(binds);
            } else if matches!(body, Body::Close(_)) {
                return;
            }
            let header = Header { session, ..header };
            let mut answer = Pdu { header, body: Body::Response(Response::default()) }.emit();
            if manner == Manner::Ends && is_open {
                answer.extend(Pdu { header, body: Body::Close(Reason::Manager) }.emit());
            }
            if stream.write_all(&answer).is_err() {
                return;
            }
        }
    }
}
