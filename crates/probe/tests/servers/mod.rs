//! Servers on loopback for one conversation each, in a thread that ends with it.
#![allow(dead_code, reason = "not every test file uses all of them")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is missing fails the test"
)]

pub(crate) mod http2;

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use health::{Failure, FailureKind, Outcome};
use probe::{HttpSpec, Spec, run};

/// A server that has one conversation.
pub(crate) fn tcp(talk: impl FnOnce(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        if let Ok((stream, _)) = listener.accept() {
            talk(stream);
        }
    });
    address
}

/// A web server that answers one request with these bytes, and closes.
pub(crate) fn web(answer: impl Into<Vec<u8>>) -> SocketAddr {
    let answer = answer.into();
    tcp(move |mut stream| {
        request(&mut stream);
        let _ = stream.write_all(&answer);
    })
}

/// Reads one request.
pub(crate) fn request(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
        bytes.extend(byte);
    }
    String::from_utf8(bytes).unwrap()
}

/// A server of datagrams that answers one with these.
pub(crate) fn udp(answers: impl FnOnce(&[u8]) -> Vec<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        let (length, from) = socket.recv_from(&mut buffer).unwrap();
        for answer in answers(&buffer[..length]) {
            socket.send_to(&answer, from).unwrap();
        }
        // Open for longer than any test asks: a closed port would be an answer.
        thread::sleep(Duration::from_secs(5));
    });
    address
}

/// What a page is asked by.
pub(crate) fn http(spec: HttpSpec) -> Spec {
    Spec::Http(Box::new(spec))
}

/// A port that nobody listens to.
pub(crate) fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// How a conversation ends that may last two seconds.
pub(crate) fn ask(spec: &Spec) -> Outcome {
    ask_within(spec, Duration::from_secs(2)).0
}

/// How a conversation ends that may last so long, and how long it did.
pub(crate) fn ask_within(spec: &Spec, patience: Duration) -> (Outcome, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let start = Instant::now();
    let outcome =
        runtime.block_on(async { run(spec, tokio::time::Instant::now() + patience).await });
    (outcome, start.elapsed())
}

/// The failure of an outcome that is one.
pub(crate) fn failure(outcome: Outcome) -> (FailureKind, String) {
    match outcome {
        Outcome::Failed(Failure { kind, why }) => (kind, why),
        Outcome::Passed(_) => panic!("it passed"),
    }
}
