//! What gRPC servers say of their health, and servers that say it wrongly.

mod servers;

use std::net::SocketAddr;
use std::sync::mpsc;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use hyper::body::Bytes;
use probe::{Endpoint, GrpcSpec, Spec};
use servers::http2::{DATA, END_HEADERS, HEADERS, Reply, flooding, frame, plain};
use servers::{ask, ask_within, failure, nobody, tcp, web};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn health(server: SocketAddr, service: &str) -> Spec {
    let (service, host) = (service.to_owned(), "grpc.example.org".to_owned());
    Spec::Grpc(Box::new(GrpcSpec { endpoint: Endpoint::to(server), service, host, tls: None }))
}

/// An answer of these bytes that ends with this status.
fn saying(message: &[u8], status: &'static str) -> Reply {
    Reply {
        status: 200,
        headers: vec![("content-type", "application/grpc")],
        data: vec![Bytes::copy_from_slice(message)],
        trailers: Some(vec![("grpc-status", status)]),
    }
}

fn fails(reply: Reply) -> String {
    let (kind, why) = failure(ask(&health(plain(move |_| reply.clone()), "")));
    assert_eq!(kind, FailureKind::WrongAnswer, "{why}");
    why
}

const SERVING: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

#[test]
fn a_server_that_serves_is_up() {
    for kind in ["application/grpc", "application/grpc+proto"] {
        let reply = Reply { headers: vec![("content-type", kind)], ..saying(SERVING, "0") };
        assert_eq!(ask(&health(plain(move |_| reply.clone()), "")), PASSED);
    }
    // In as many frames as it likes.
    let data = SERVING.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect();
    let reply = Reply { data, ..saying(&[], "0") };
    assert_eq!(ask(&health(plain(move |_| reply.clone()), "")), PASSED);
}

#[test]
fn the_question_is_the_one_of_the_protocol() {
    let (said, heard) = mpsc::channel();
    let server = plain(move |asked| {
        let header = |name: &str| asked.head.headers()[name].to_str().unwrap().to_owned();
        let names = ["te", "content-type", "grpc-accept-encoding", "user-agent"];
        let timeout = header("grpc-timeout");
        let milliseconds: u32 = timeout.strip_suffix('m').unwrap().parse().unwrap();
        assert!((1..=2000).contains(&milliseconds), "{timeout}");
        let line = format!("{} {}", asked.head.method(), asked.head.uri());
        said.send((line, names.map(header), asked.body.clone())).unwrap();
        saying(SERVING, "0")
    });
    assert_eq!(ask(&health(server, "shop.v1.Cart")), PASSED);
    let (line, headers, body) = heard.recv().unwrap();
    assert_eq!(line, "POST http://grpc.example.org/grpc.health.v1.Health/Check");
    assert_eq!(headers, ["trailers", "application/grpc", "identity", "KeepAliveClient"]);
    assert_eq!(body, b"\0\0\0\0\x0e\x0a\x0cshop.v1.Cart");
}

#[test]
fn all_else_is_down_with_a_reason() {
    let code = |code: u8| fails(saying(&[0, 0, 0, 0, 2, 8, code], "0"));
    assert_eq!(code(0), "health UNKNOWN");
    assert_eq!(code(2), "health NOT_SERVING");
    assert_eq!(code(3), "health SERVICE_UNKNOWN");
    assert_eq!(code(7), "health 7");
    assert_eq!(fails(saying(&[0; 5], "0")), "health UNKNOWN");
    // What says that it serves, and then that it failed, has failed.
    assert_eq!(fails(saying(SERVING, "13")), "grpc-status 13 INTERNAL");
}

#[test]
fn calls_that_fail_say_how() {
    // A failure has no message, and its status stands in the head.
    let unknown = Reply {
        headers: vec![
            ("content-type", "application/grpc"),
            ("grpc-status", "5"),
            ("grpc-message", "unknown service%3A shop"),
        ],
        data: Vec::new(),
        trailers: None,
        ..saying(&[], "0")
    };
    assert_eq!(fails(unknown.clone()), "grpc-status 5 NOT_FOUND: unknown service: shop");
    let headers = vec![("content-type", "application/grpc"), ("grpc-status", "12")];
    let without = Reply { headers, ..unknown.clone() };
    assert_eq!(fails(without.clone()), "grpc-status 12 UNIMPLEMENTED");
    let headers = vec![("content-type", "application/grpc"), ("grpc-status", "0")];
    assert_eq!(fails(Reply { headers, ..unknown }), "the answer has no message");
}

#[test]
fn answers_that_are_none_are_named() {
    let page = Reply { headers: vec![("content-type", "text/html")], ..saying(b"hello", "0") };
    assert_eq!(fails(page.clone()), "the answer is not gRPC");
    assert_eq!(fails(Reply { headers: Vec::new(), ..page.clone() }), "the answer is not gRPC");
    assert_eq!(fails(Reply { status: 503, ..page }), "status 503");
    let lost = Reply { trailers: None, ..saying(SERVING, "0") };
    assert_eq!(fails(lost), "the answer has no grpc-status");
    let other = Reply { trailers: Some(vec![("x-status", "0")]), ..saying(SERVING, "0") };
    assert_eq!(fails(other), "the answer has no grpc-status");
    assert_eq!(
        fails(saying(&[1, 0, 0, 0, 2, 8, 1], "0")),
        "the message is compressed, which nobody asked for"
    );
    assert_eq!(fails(saying(&SERVING[..6], "0")), "the message is cut short");
    assert_eq!(
        fails(saying(&[SERVING, SERVING].concat(), "0")),
        "the answer has more than one message"
    );
    assert_eq!(fails(saying(&[0; 70_000], "0")), "the message is longer than 64 KiB");
    let old = failure(ask(&health(web("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), ""))).1;
    assert_eq!(old, "the server does not speak HTTP/2");
    let (kind, why) = failure(ask(&health(nobody(), "")));
    assert_eq!(
        (kind, why.as_str()),
        (FailureKind::Unreachable, "no connection: connection refused")
    );
}

#[test]
fn servers_that_hang_or_never_end_are_given_up() {
    let silent = tcp(|stream| {
        std::thread::sleep(Duration::from_secs(3));
        drop(stream);
    });
    let (outcome, lasted) = ask_within(&health(silent, ""), Duration::from_millis(300));
    assert_eq!(failure(outcome).0, FailureKind::TimedOut);
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
    // `:status: 200` and `content-type: application/grpc`.
    let head = [&[0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
    let head = frame(HEADERS, END_HEADERS, 1, &head);
    let endless = flooding(head, &frame(DATA, 0, 1, &[0; 16_000]));
    // It sends on where it may not, and what it sends is looked at as it comes.
    let why = failure(ask(&health(endless, ""))).1;
    assert_eq!(why, "the message is longer than 64 KiB");
}
