//! Pages: what is asked, which answers are good, and servers that mean ill.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use probe::{Endpoint, ExpectedHeader, HttpProtocol, HttpSpec, RawAnswer};
use servers::{ask, ask_within, failure, http, request, tcp, web};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn page(server: SocketAddr) -> HttpSpec {
    let any = HttpSpec::new(Endpoint::to(server), "/health", "www.example.org");
    HttpSpec { statuses: vec![200..=299], ..any }
}

fn fails(answer: impl Into<Vec<u8>>) -> (FailureKind, String) {
    failure(ask(&http(page(web(answer)))))
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
        assert_eq!(ask(&http(HttpSpec { protocol, ..page(server) })), PASSED);
        assert_eq!(heard.recv().unwrap(), expected);
    }
}

#[test]
fn the_status_has_to_be_one_of_those_that_are_good() {
    assert_eq!(ask(&http(page(web("HTTP/1.1 204 No Content\r\n\r\n")))), PASSED);
    let wrong = |why: &str| (FailureKind::WrongAnswer, why.to_owned());
    assert_eq!(fails("HTTP/1.1 503 Service Unavailable\r\n\r\n"), wrong("status 503"));
    // A redirect is an answer, and nobody follows it.
    assert_eq!(fails("HTTP/1.1 302 Found\r\nLocation: /health\r\n\r\n"), wrong("status 302"));
    let any = HttpSpec { statuses: Vec::new(), ..page(web("HTTP/1.1 500 Broken\r\n\r\n")) };
    assert_eq!(ask(&http(any)), PASSED);
}

#[test]
fn the_digest_is_that_of_the_whole_body() {
    let answer = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello\n";
    // printf 'hello\n' | md5sum
    let hello = 0xb194_6ac9_2492_d234_7c62_35b4_d261_1184_u128.to_be_bytes();
    let good = HttpSpec { digest: Some(hello), ..page(web(answer)) };
    assert_eq!(ask(&http(good)), PASSED);
    let other = HttpSpec { digest: Some([0; 16]), ..page(web(answer)) };
    let expected = (FailureKind::WrongAnswer, "digest b1946ac92492d2347c6235b4d2611184".to_owned());
    assert_eq!(failure(ask(&http(other))), expected);
}

#[test]
fn the_digest_counts_the_frames_of_chunks_as_keepalived_does() {
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello\n\r\n0\r\n\r\n";
    // As `genhash` of keepalived 2.2.7 has it; printf '6\r\nhello\n\r\n0\r\n\r\n' | md5sum
    let framed = 0x8aea_47fa_a8ff_7655_4450_8726_bbcd_3b9d_u128.to_be_bytes();
    for protocol in [HttpProtocol::Http10, HttpProtocol::Http11] {
        let good = HttpSpec { digest: Some(framed), protocol, ..page(web(answer)) };
        assert_eq!(ask(&http(good)), PASSED);
    }
    // What was provisional is no part of it.
    let early = format!("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{answer}");
    let good = HttpSpec { digest: Some(framed), ..page(web(early)) };
    assert_eq!(ask(&http(good)), PASSED);
}

#[test]
fn the_digest_ends_where_the_answer_does() {
    let hello = 0xb194_6ac9_2492_d234_7c62_35b4_d261_1184_u128.to_be_bytes();
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\nand more";
    let good = HttpSpec { digest: Some(hello), ..page(web(answer)) };
    assert_eq!(ask(&http(good)), PASSED);
    // printf '' | md5sum
    let nothing = 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e_u128.to_be_bytes();
    let empty = HttpSpec {
        digest: Some(nothing),
        ..page(web("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    };
    assert_eq!(ask(&http(empty)), PASSED);
}

#[test]
fn a_server_that_keeps_the_connection_open_is_not_waited_for() {
    let server = tcp(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n");
        thread::sleep(Duration::from_secs(5));
    });
    let (outcome, lasted) = ask_within(&http(page(server)), Duration::from_secs(4));
    assert_eq!(outcome, PASSED);
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
}

#[test]
fn answers_that_are_none_are_wrong() {
    for (answer, why) in [
        (&b""[..], "the connection ends before the head of an answer"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the answer is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "the connection ends before the head of an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "the answer is cut short"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
            "the chunks of the answer are malformed",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx",
            "the chunks of the answer are malformed",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhel",
            "the answer is cut short",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "the answer is not HTTP",
        ),
        (b"HTTP/1.1 99999 OK\r\n\r\n", "the answer is not HTTP"),
        (b"HTTP/9.9 200 OK\r\n\r\n", "the answer is not HTTP"),
        (&[0xff; 4096], "the answer is not HTTP"),
    ] {
        let shown = String::from_utf8_lossy(answer).into_owned();
        assert_eq!(fails(answer), (FailureKind::WrongAnswer, why.to_owned()), "{shown}");
    }
}

#[test]
fn a_connection_that_is_reset_in_the_body_is_named() {
    let server = tcp(|mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
        thread::sleep(Duration::from_millis(50));
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    });
    let (kind, why) = failure(ask(&http(page(server))));
    assert_eq!(
        (kind, why.as_str()),
        (FailureKind::Unreachable, "no whole answer: connection reset")
    );
}

#[test]
fn headers_without_end_are_refused() {
    for head in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 "] {
        let server = tcp(move |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(head.as_bytes());
            let more: &[u8] = if head.ends_with('\n') { b"X-More: of it\r\n" } else { b"more " };
            while stream.write_all(more).is_ok() {}
        });
        let expected = (FailureKind::WrongAnswer, "the head of the answer is too long".to_owned());
        assert_eq!(failure(ask(&http(page(server)))), expected);
    }
}

#[test]
fn a_header_has_to_be_there_and_to_say_what_is_expected() {
    let answer =
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nX-Role: replica\r\n\r\n";
    let asked = |name: &str, text: Option<&str>| {
        let header = ExpectedHeader { name: name.to_owned(), text: text.map(str::to_owned) };
        ask(&http(HttpSpec { headers: vec![header], ..page(web(answer)) }))
    };
    assert_eq!(asked("x-role", None), PASSED);
    assert_eq!(asked("Content-Type", Some("text/html")), PASSED);
    let wrong = |why: &str| (FailureKind::WrongAnswer, why.to_owned());
    assert_eq!(failure(asked("X-Leader", None)), wrong("no header X-Leader"));
    let other = asked("X-Role", Some("primary"));
    assert_eq!(failure(other), wrong("header X-Role without `primary`"));
}

#[test]
fn a_text_has_to_be_in_the_body_which_may_come_in_chunks() {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n";
    let asked =
        |text: &str| ask(&http(HttpSpec { text: Some(text.to_owned()), ..page(web(answer)) }));
    assert_eq!(asked("hello"), PASSED);
    let missing = (FailureKind::WrongAnswer, "no `Hello` in the answer".to_owned());
    assert_eq!(failure(asked("Hello")), missing);
    let long = format!("HTTP/1.0 200 OK\r\n\r\n{}hello", "x".repeat(256 << 10));
    let late = HttpSpec { text: Some("hello".to_owned()), ..page(web(long)) };
    let missing = "no `hello` in the answer in its first 256 KiB".to_owned();
    assert_eq!(failure(ask(&http(late))), (FailureKind::WrongAnswer, missing));
}

#[test]
fn a_whole_answer_can_be_had_as_it_was_sent() {
    let head = "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n";
    let spec = page(web(format!("{head}3\r\nhel\r\n0\r\n\r\n")));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let fetched = runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
        probe::fetch(&spec, deadline).await
    });
    let expected = RawAnswer { head: head.into(), body: b"3\r\nhel\r\n0\r\n\r\n".to_vec() };
    assert_eq!(fetched, Ok(expected));
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
    let spec = http(page(server));
    let (outcome, _) = ask_within(&spec, Duration::from_secs(60));
    let expected = (FailureKind::WrongAnswer, "the answer is longer than 64 MiB".to_owned());
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
        let spec = http(page(server));
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
    let (outcome, lasted) = ask_within(&http(page(server)), Duration::from_millis(200));
    assert_eq!(failure(outcome), (FailureKind::TimedOut, "no whole answer in time".to_owned()));
    assert!(lasted >= Duration::from_millis(200) && lasted < Duration::from_secs(2), "{lasted:?}");
}

#[test]
fn a_path_that_cannot_be_sent_is_said_so() {
    let spec = HttpSpec { path: "/a b".to_owned(), ..page(servers::nobody()) };
    let (kind, why) = failure(ask(&http(spec)));
    assert_eq!(kind, FailureKind::NotMade);
    assert!(why.starts_with("cannot ask for `/a b`: "), "{why}");
}

/// The most memory that this process had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
