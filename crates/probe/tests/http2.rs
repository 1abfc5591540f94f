//! Pages by HTTP/2: what is asked, which answers are good, and servers that mean ill.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use hyper::body::Bytes;
use probe::{
    Endpoint, ExpectedHeader, Expression, ExpressionOptions, HttpProtocol, HttpSpec, RawAnswer,
};
use servers::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PUSH_PROMISE, RST_STREAM,
    Reply, SETTINGS, STATUS_200, flooding, frame, plain, saying, talking,
};
use servers::{ask, ask_within, failure, http, tcp, web};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn page(server: SocketAddr) -> HttpSpec {
    let any = HttpSpec::new(Endpoint::to(server), "/health?x=1", "www.example.org");
    HttpSpec { statuses: vec![200..=299], protocol: HttpProtocol::Http2, ..any }
}

/// A page of these parts.
fn of(parts: &[&str]) -> Reply {
    let data = parts.iter().map(|part| Bytes::copy_from_slice(part.as_bytes())).collect();
    let headers = vec![("content-type", "text/html; charset=utf-8"), ("x-role", "replica")];
    Reply { status: 200, headers, data, trailers: None }
}

fn hello() -> SocketAddr {
    plain(|_| of(&["hel", "lo\n"]))
}

fn wrong(why: &str) -> (FailureKind, String) {
    (FailureKind::WrongAnswer, why.to_owned())
}

#[test]
fn a_page_is_asked_for_by_its_host_and_path() {
    let (said, heard) = mpsc::channel();
    let server = plain(move |asked| {
        said.send((asked.head.method().to_string(), asked.head.uri().to_string())).unwrap();
        said.send((String::new(), format!("{:?}", asked.head.headers()))).unwrap();
        assert!(asked.body.is_empty());
        of(&[])
    });
    assert_eq!(ask(&http(page(server))), PASSED);
    let uri = "http://www.example.org/health?x=1".to_owned();
    assert_eq!(heard.recv().unwrap(), ("GET".to_owned(), uri));
    assert_eq!(heard.recv().unwrap().1, r#"{"user-agent": "KeepAliveClient"}"#);
    let spec = HttpSpec { host: "no host".to_owned(), ..page(servers::nobody()) };
    let (kind, why) = failure(ask(&http(spec)));
    assert_eq!(kind, FailureKind::NotMade);
    assert!(why.starts_with("cannot ask for `/health?x=1`: "), "{why}");
}

#[test]
fn answers_are_judged_as_those_of_http_1() {
    let status = |status| plain(move |_| Reply { status, ..of(&["lost"]) });
    assert_eq!(ask(&http(page(status(204)))), PASSED);
    assert_eq!(failure(ask(&http(page(status(503))))), wrong("status 503"));
    let header =
        |text: &str| ExpectedHeader { name: "X-Role".to_owned(), text: Some(text.to_owned()) };
    let role = |text| http(HttpSpec { headers: vec![header(text)], ..page(hello()) });
    assert_eq!(ask(&role("replica")), PASSED);
    assert_eq!(failure(ask(&role("primary"))), wrong("header X-Role without `primary`"));
    let text = |text: &str| http(HttpSpec { text: Some(text.to_owned()), ..page(hello()) });
    assert_eq!(ask(&text("hello")), PASSED);
    assert_eq!(failure(ask(&text("Hello"))), wrong("no `Hello` in the answer"));
    let matching = |regex: &str| {
        let expression = Expression::new(regex, ExpressionOptions::default()).ok();
        http(HttpSpec { expression, ..page(hello()) })
    };
    assert_eq!(ask(&matching("^hel+o$")), PASSED);
    assert_eq!(failure(ask(&matching("x"))), wrong("nothing matches `regex`"));
}

#[test]
fn the_digest_is_that_of_the_body_in_whatever_frames_it_comes() {
    // printf 'hello\n' | md5sum
    let digest = Some(0xb194_6ac9_2492_d234_7c62_35b4_d261_1184_u128.to_be_bytes());
    assert_eq!(ask(&http(HttpSpec { digest, ..page(hello()) })), PASSED);
    let whole = plain(|_| of(&["hello\n"]));
    assert_eq!(ask(&http(HttpSpec { digest, ..page(whole) })), PASSED);
    let other = HttpSpec { digest: Some([0; 16]), ..page(hello()) };
    assert_eq!(failure(ask(&http(other))), wrong("digest b1946ac92492d2347c6235b4d2611184"));
}

#[test]
fn a_whole_answer_can_be_had() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spec = page(hello());
    let fetched = runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(2);
        probe::fetch(&spec, deadline).await
    });
    let head = "HTTP/2 200\r\ncontent-type: text/html; charset=utf-8\r\nx-role: replica\r\n\r\n";
    assert_eq!(fetched, Ok(RawAnswer { head: head.into(), body: b"hello\n".to_vec() }));
}

#[test]
fn many_frames_of_a_long_page_are_read_to_the_end() {
    let server = plain(|_| Reply { data: vec![Bytes::from(vec![b'x'; 1 << 20]); 4], ..of(&[]) });
    let (outcome, lasted) = ask_within(&http(page(server)), Duration::from_secs(10));
    assert_eq!(outcome, PASSED, "{lasted:?}");
}

#[test]
fn a_page_may_come_in_many_small_frames() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let last = frame(DATA, END_STREAM, 1, &[]);
    let empty = frame(DATA, 0, 1, &[]).repeat(8);
    for (size, count) in [(1, 4000), (50, 1000), (16, 4000)] {
        let frames = frame(DATA, 0, 1, &vec![b'x'; size]).repeat(count);
        let whole = [&head[..], &empty, &frames, &last].concat();
        assert_eq!(ask(&http(page(saying(whole)))), PASSED, "{count} of {size}");
    }
}

#[test]
fn who_speaks_something_else_is_told_so() {
    let other = wrong("the server does not speak HTTP/2");
    let page_of_1 = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(failure(ask(&http(page(web(page_of_1))))), other);
    let shell = tcp(|mut stream| {
        let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n");
        thread::sleep(Duration::from_secs(3));
    });
    assert_eq!(failure(ask(&http(page(shell)))), other);
    let closing = failure(ask(&http(page(tcp(drop)))));
    // The request meets the end, or a reset.
    let (kind, why) = closing;
    assert!(matches!(kind, FailureKind::WrongAnswer | FailureKind::Unreachable), "{why}");
}

#[test]
fn a_server_that_gives_up_is_named_with_its_reason() {
    let says = |bytes: Vec<u8>| failure(ask(&http(page(saying(bytes)))));
    let calm = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]);
    assert_eq!(says(calm), wrong("the server ends the connection: ENHANCE_YOUR_CALM"));
    let gone = frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0, b'\n', 0x1b]);
    assert_eq!(says(gone), wrong("the server ends the connection: NO_ERROR"));
    let reset = frame(RST_STREAM, 0, 1, &[0, 0, 0, 2]);
    assert_eq!(says(reset), wrong("the server gives the answer up: INTERNAL_ERROR"));
    let odd = frame(RST_STREAM, 0, 1, &[0, 0, 7, 7]);
    assert_eq!(says(odd), wrong("the server gives the answer up: error 1799"));
    // One that says so and closes is named as well.
    let closing = talking(|mut stream| {
        let _ = stream.write_all(&frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 11]));
        let _ = stream.shutdown(std::net::Shutdown::Write);
        thread::sleep(Duration::from_secs(1));
    });
    let why = failure(ask(&http(page(closing)))).1;
    assert_eq!(why, "the server ends the connection: ENHANCE_YOUR_CALM");
    // What was promised before it goes is kept.
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let last = frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]);
    let page = [last, head, frame(DATA, END_STREAM, 1, b"hello")].concat();
    assert_eq!(ask(&http(self::page(saying(page)))), PASSED);
}

#[test]
fn what_is_against_the_protocol_is_an_answer_of_nobody() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    for (bytes, what) in [
        (frame(DATA, 0, 1, b"hello"), "data before a head"),
        (frame(HEADERS, END_HEADERS, 3, STATUS_200), "an answer to what nobody asked"),
        (frame(HEADERS, END_HEADERS, 2, STATUS_200), "a question of the server"),
        (frame(HEADERS, END_HEADERS, 1, &[0xff; 8]), "a head that cannot be unpacked"),
        (frame(HEADERS, END_HEADERS | END_STREAM, 1, &[]), "a head without status"),
        (
            frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2, 0x82, 0x84, 0x86, 0x41, 1, b'x']),
            "a page that nobody asked for",
        ),
        (frame(SETTINGS, 0, 1, &[]), "settings of one exchange"),
        (frame(DATA, 0, 0, &[0; 20]), "data of none"),
        (vec![0xff; 64], "a frame longer than allowed"),
        (
            [frame(HEADERS, 0, 1, STATUS_200), frame(PING, 0, 0, &[0; 8])].concat(),
            "a head that is interrupted",
        ),
        ([head.clone(), frame(DATA, 8, 1, &[200, 1])].concat(), "more padding than frame"),
    ] {
        let (kind, why) = failure(ask(&http(page(saying(bytes)))));
        assert_eq!(kind, FailureKind::WrongAnswer, "{what}: {why}");
        assert!(why.starts_with("the server breaks HTTP/2: "), "{what}: {why}");
    }
    let length = [STATUS_200, &[0x0f, 0x0d, 2, b'1', b'0']].concat();
    let short = [frame(HEADERS, END_HEADERS, 1, &length), frame(DATA, END_STREAM, 1, b"cut")];
    let why = failure(ask(&http(page(saying(short.concat()))))).1;
    assert_eq!(why, "the server breaks HTTP/2: PROTOCOL_ERROR");
}

#[test]
fn a_server_that_answers_and_goes_has_answered() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let answer = [frame(SETTINGS, 0, 0, &[]), head, frame(DATA, END_STREAM, 1, b"hello")].concat();
    // It is gone, with what was sent to it unread, before we say anything to its settings.
    let server = tcp(move |mut stream| {
        thread::sleep(Duration::from_millis(100));
        let _ = stream.write_all(&answer);
    });
    assert_eq!(ask(&http(page(server))), PASSED);
}

#[test]
fn an_answer_that_ends_early_is_none() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let half = [head, frame(DATA, 0, 1, b"hel"), frame(DATA, 0, 1, b"lo")[..10].to_vec()].concat();
    let server = talking(move |mut stream| {
        let _ = stream.write_all(&half);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        thread::sleep(Duration::from_secs(3));
    });
    let expected = wrong("the connection ends within the exchange");
    assert_eq!(failure(ask(&http(page(server)))), expected);
}

#[test]
fn silence_and_half_frames_end_at_the_deadline() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    for bytes in [
        Vec::new(),
        frame(HEADERS, END_HEADERS, 1, STATUS_200)[..9].to_vec(),
        frame(HEADERS, 0, 1, STATUS_200),
        head.clone(),
        [head, frame(DATA, 0, 1, b"hello")[..11].to_vec()].concat(),
    ] {
        let server = talking(move |mut stream| {
            let _ = stream.write_all(&bytes);
            thread::sleep(Duration::from_secs(3));
        });
        let (outcome, lasted) = ask_within(&http(page(server)), Duration::from_millis(300));
        let expected = (FailureKind::TimedOut, "no whole answer in time".to_owned());
        assert_eq!(failure(outcome), expected);
        assert!(lasted < Duration::from_secs(2), "{lasted:?}");
    }
    let silent = tcp(|stream| {
        thread::sleep(Duration::from_secs(3));
        drop(stream);
    });
    let (outcome, lasted) = ask_within(&http(page(silent)), Duration::from_millis(300));
    assert_eq!(failure(outcome).0, FailureKind::TimedOut);
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
}

/// Frames that ask for work and answer nothing. Each flood is over soon, and leaves no memory behind.
#[test]
fn floods_are_cut_off() {
    let head = frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let early = [0x08, 3, b'1', b'0', b'3'];
    let entry = [&[0x40, 1, b'x', 0x7f, 0x81, 0x1f][..], &[b'y'; 4096]].concat();
    // An entry of the static table (RFC 7541, appendix A, 32) by one byte each.
    let wide = [&early[..], &[0xa0; 1400]].concat();
    let bomb = [&early[..], &[0xbe; 400]].concat();
    let before = peak_memory();
    let much = "the server sends too much beside the answer";
    let broken = "the server breaks HTTP/2: PROTOCOL_ERROR";
    let hasty = "the server breaks HTTP/2: ENHANCE_YOUR_CALM";
    for (begin, block, what, expected) in [
        (Vec::new(), frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 9]), "settings", much),
        (Vec::new(), frame(PING, 0, 0, &[7; 8]), "pings", much),
        (Vec::new(), frame(0xbb, 0, 0, &[]), "frames that nobody knows", much),
        (Vec::new(), frame(8, 0, 0, &[0, 0, 0, 1]), "windows", much),
        (Vec::new(), frame(2, 0, 1, &[0, 0, 0, 0, 9]), "priorities", much),
        (
            Vec::new(),
            frame(RST_STREAM, 0, 1, &[0, 0, 0, 0]),
            "resets",
            "the server gives the answer up: NO_ERROR",
        ),
        (Vec::new(), frame(GOAWAY, 0, 0, &[0, 0, 0, 1, 0, 0, 0, 0]), "farewells", much),
        (Vec::new(), frame(HEADERS, END_HEADERS, 1, &early), "provisional heads", much),
        (
            Vec::new(),
            frame(HEADERS, END_HEADERS, 1, &wide),
            "provisional heads of many fields",
            much,
        ),
        (
            frame(HEADERS, END_HEADERS, 1, &[&early[..], &entry].concat()),
            frame(HEADERS, END_HEADERS, 1, &bomb),
            "packed heads",
            broken,
        ),
        (
            frame(HEADERS, 0, 1, STATUS_200),
            frame(CONTINUATION, 0, 1, &[]),
            "empty continuations",
            hasty,
        ),
        (
            frame(HEADERS, 0, 1, STATUS_200),
            frame(CONTINUATION, 0, 1, &entry),
            "a head without end",
            hasty,
        ),
        (head.clone(), frame(DATA, 0, 1, &[]), "empty data", hasty),
        (head.clone(), frame(DATA, 8, 1, &[255; 256]), "padding", hasty),
        (head.clone(), frame(DATA, 0, 1, b"x"), "data by the byte", much),
        (head, frame(HEADERS, END_HEADERS, 1, STATUS_200), "trailers", broken),
    ] {
        let spec = http(page(flooding(begin, &block)));
        let (outcome, lasted) = ask_within(&spec, Duration::from_secs(20));
        assert_eq!(failure(outcome), wrong(expected), "{what}");
        assert!(lasted < Duration::from_secs(5), "{what}: {lasted:?}");
    }
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more");
}

#[test]
fn a_body_without_end_is_cut_off_and_nothing_of_it_is_kept() {
    let server = plain(|_| Reply { data: vec![Bytes::from(vec![b'x'; 1 << 20]); 65], ..of(&[]) });
    let before = peak_memory();
    let (outcome, _) = ask_within(&http(page(server)), Duration::from_secs(60));
    assert_eq!(failure(outcome), wrong("the answer is longer than 64 MiB"));
    let grown = peak_memory().saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB more");
}

/// The most memory that this process had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
