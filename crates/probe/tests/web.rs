//! Pages: what is asked, which answers are good, and servers that mean ill.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use probe::{Endpoint, HttpProtocol, HttpSpec, Spec};
use servers::{ask, ask_within, failure, request, tcp, web};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn page(server: SocketAddr) -> HttpSpec {
    HttpSpec {
        endpoint: Endpoint::to(server),
        path: "/health".to_owned(),
        host: "www.example.org".to_owned(),
        protocol: HttpProtocol::Http10,
        statuses: vec![200..=299],
        digest: None,
    }
}

fn fails(answer: impl Into<Vec<u8>>) -> (FailureKind, String) {
    failure(ask(&Spec::Http(page(web(answer)))))
}

#[test]
fn a_request_is_the_one_that_keepalived_sends() {
    for (protocol, expected) in [
        (
            HttpProtocol::Http10,
            "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: www.example.org\r\n\r\n",
        ),
        (
            HttpProtocol::Http10Close,
            "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\n\
             Host: www.example.org\r\n\r\n",
        ),
        (
            HttpProtocol::Http11,
            "GET /health HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\n\
             Host: www.example.org\r\n\r\n",
        ),
    ] {
        let (said, heard) = mpsc::channel();
        let server = tcp(move |mut stream| {
            said.send(request(&mut stream)).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
        });
        assert_eq!(ask(&Spec::Http(HttpSpec { protocol, ..page(server) })), PASSED);
        assert_eq!(heard.recv().unwrap(), expected);
    }
}

#[test]
fn the_status_has_to_be_one_of_those_that_are_good() {
    assert_eq!(ask(&Spec::Http(page(web("HTTP/1.1 204 No Content\r\n\r\n")))), PASSED);
    let wrong = |why: &str| (FailureKind::WrongAnswer, why.to_owned());
    assert_eq!(fails("HTTP/1.1 503 Service Unavailable\r\n\r\n"), wrong("status 503"));
    // A redirect is an answer, and nobody follows it.
    assert_eq!(fails("HTTP/1.1 302 Found\r\nLocation: /health\r\n\r\n"), wrong("status 302"));
    let any = HttpSpec { statuses: Vec::new(), ..page(web("HTTP/1.1 500 Broken\r\n\r\n")) };
    assert_eq!(ask(&Spec::Http(any)), PASSED);
}

#[test]
fn the_digest_is_that_of_the_whole_body() {
    let answer = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n";
    // printf 'hello\n' | md5sum
    let hello = 0xb194_6ac9_2492_d234_7c62_35b4_d261_1184_u128.to_be_bytes();
    let good = HttpSpec { digest: Some(hello), ..page(web(answer)) };
    assert_eq!(ask(&Spec::Http(good)), PASSED);
    let other = HttpSpec { digest: Some([0; 16]), ..page(web(answer)) };
    let expected = (FailureKind::WrongAnswer, "digest b1946ac92492d2347c6235b4d2611184".to_owned());
    assert_eq!(failure(ask(&Spec::Http(other))), expected);
}

#[test]
fn answers_that_are_none_are_wrong() {
    for answer in [
        &b""[..],
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"HTTP/1.1 99999 OK\r\n\r\n",
        &[0xff; 4096],
    ] {
        let (kind, why) = fails(answer);
        assert_eq!(kind, FailureKind::WrongAnswer, "{why}");
        assert!(!why.is_empty() && why.len() < 100 && !why.contains('\n'), "{why:?}");
    }
}

#[test]
fn headers_without_end_are_refused() {
    let server = tcp(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"X-More: and more of it\r\n").is_ok() {}
    });
    let (kind, why) = failure(ask(&Spec::Http(page(server))));
    assert_eq!(kind, FailureKind::WrongAnswer, "{why}");
}

#[test]
fn a_body_without_end_is_cut_off_and_nothing_of_it_is_kept() {
    let server = tcp(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        let block = vec![b'x'; 1 << 16];
        while stream.write_all(&block).is_ok() {}
    });
    let before = peak_memory();
    let spec = Spec::Http(page(server));
    let (outcome, _) = ask_within(&spec, Duration::from_secs(60));
    let expected = (FailureKind::WrongAnswer, "answer is longer than 64 MiB".to_owned());
    assert_eq!(failure(outcome), expected);
    let grown = peak_memory() - before;
    assert!(grown < 16 << 10, "{grown} KiB more");
}

#[test]
fn a_drip_does_not_stretch_the_deadline() {
    for head in ["", "HTTP/1.1 200 OK\r\n\r\n"] {
        let server = tcp(move |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let spec = Spec::Http(page(server));
        let (outcome, lasted) = ask_within(&spec, Duration::from_millis(300));
        let (kind, why) = failure(outcome);
        if head.is_empty() {
            assert!(matches!(kind, FailureKind::TimedOut | FailureKind::WrongAnswer), "{why}");
        } else {
            assert_eq!((kind, why.as_str()), (FailureKind::TimedOut, "no whole answer in time"));
        }
        assert!(lasted < Duration::from_secs(2), "{lasted:?}");
    }
}

#[test]
fn a_server_that_says_nothing_is_given_up_at_the_deadline() {
    let server = tcp(|mut stream| {
        request(&mut stream);
        thread::sleep(Duration::from_secs(5));
    });
    let (outcome, lasted) = ask_within(&Spec::Http(page(server)), Duration::from_millis(200));
    assert_eq!(failure(outcome), (FailureKind::TimedOut, "no whole answer in time".to_owned()));
    assert!(lasted >= Duration::from_millis(200) && lasted < Duration::from_secs(2), "{lasted:?}");
}

#[test]
fn a_path_that_cannot_be_sent_is_said_so() {
    let spec = HttpSpec { path: "/a b".to_owned(), ..page(servers::nobody()) };
    let (kind, why) = failure(ask(&Spec::Http(spec)));
    assert_eq!(kind, FailureKind::NotMade);
    assert!(why.starts_with("cannot ask for `/a b`: "), "{why}");
}

/// The most memory that this process had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
