//! A gRPC server that says of itself whether it serves, and a page by HTTP/2. What the servers send is written here byte by
//! byte.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use kernel::netlink::RequestSocket;

use crate::Test;
use crate::daemon::Start;
use crate::world::eventually;

pub const TESTS: &[Test] = &[
    ("a_grpc_server_that_does_not_serve_is_taken_out_and_returns", serves_and_does_not),
    ("pages_are_asked_for_by_http_2", asks_for_pages),
];

/// What a server answers to the first request of a connection, which has the stream 1.
fn answers(port: u16, answer: impl Fn() -> Vec<u8> + Send + 'static) {
    let mut requests = RequestSocket::open().unwrap();
    let loopback = requests.index_of("lo").unwrap().unwrap();
    requests.set_link_up(loopback, true).unwrap();
    let listener = eventually("an address", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = converse(&mut stream, &answer());
        }
    });
}

fn converse(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // Empty SETTINGS, and word that theirs were read.
    stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; usize::try_from(length).unwrap()])?;
        // HEADERS or DATA with END_STREAM.
        if head[3] < 2 && head[4] & 1 == 1 {
            break;
        }
    }
    stream.write_all(answer)?;
    // Until the other end goes.
    io::copy(stream, &mut io::sink()).map(drop)
}

/// `grpc.health.v1.HealthCheckResponse` with this status, of a call that ended well.
fn health(status: u8) -> Vec<u8> {
    [
        // HEADERS: `:status: 200`, `content-type: application/grpc`.
        &[0, 0, 20, 1, 4, 0, 0, 0, 1, 0x88, 0x0f, 0x10, 16][..],
        b"application/grpc",
        // DATA: not compressed, two bytes, field 1.
        &[0, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 2, 8, status],
        // HEADERS with END_STREAM: `grpc-status: 0`.
        &[0, 0, 15, 1, 5, 0, 0, 0, 1, 0, 11],
        b"grpc-status",
        &[1, b'0'],
    ]
    .concat()
}

fn asking(port: u16, check: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 443 {{\n  delay_loop 1\n  protocol TCP\n  real_server 127.0.0.1 {port} {{\n\
         {check}  }}\n}}\n"
    )
}

fn serves_and_does_not() {
    let status = Arc::new(AtomicU8::new(1));
    let said = Arc::clone(&status);
    answers(87, move || health(said.load(Ordering::Relaxed)));
    let check = "    GRPC_CHECK {\n      service shop\n      connect_timeout 2\n      warmup 0\n      \
                 delay_before_retry 0.1\n    }\n";
    let mut daemon =
        Start::with(&asking(87, check)).until("gRPC server [127.0.0.1]:tcp:87 succeed on service.");
    daemon.mark();
    status.store(2, Ordering::Relaxed);
    daemon.wait_for(
        "GRPC_CHECK on service [127.0.0.1]:tcp:87 failed after 1 retries. (health NOT_SERVING)",
    );
    daemon.wait_for("Removing service [127.0.0.1]:tcp:87 from VS [192.0.2.1]:tcp:443");
    status.store(1, Ordering::Relaxed);
    daemon.wait_for("Adding service [127.0.0.1]:tcp:87 to VS [192.0.2.1]:tcp:443");
    assert_eq!(daemon.stop().0, Some(0));
}

fn asks_for_pages() {
    // HEADERS: `:status: 200`; DATA with END_STREAM.
    let head = [0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88];
    let page = [&head[..], &[0, 0, 8, 0, 1, 0, 0, 0, 1], b"all well"].concat();
    answers(88, move || page.clone());
    let check = |text: &str| {
        format!(
            "    HTTP_GET {{\n      http_protocol 2\n      connect_timeout 2\n      warmup 0\n      retry 0\n      \
             url {{\n        path /\n        expect_body {text}\n      }}\n    }}\n"
        )
    };
    let mut daemon = Start::with(&asking(88, &check("well")))
        .until("Remote Web server [127.0.0.1]:tcp:88 succeed on service.");
    daemon.mark();
    daemon.reload(&asking(88, &check("ill")));
    daemon.wait_for("HTTP_CHECK on service [127.0.0.1]:tcp:88 failed. (no `ill` in the answer)");
    assert_eq!(daemon.stop().0, Some(0));
}
