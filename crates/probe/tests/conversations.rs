//! Connections, mail servers, name servers, datagrams and echoes.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use probe::{
    DnsSpec, Endpoint, NameError, PingSpec, QueryName, QueryType, ReplyPattern, SmtpSpec, Spec,
    TcpSpec, UdpSpec,
};
use servers::{ask, ask_within, failure, nobody, tcp, udp};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

fn failed(kind: FailureKind, why: &str) -> (FailureKind, String) {
    (kind, why.to_owned())
}

// ===== TCP =====

fn connection(endpoint: Endpoint) -> Spec {
    Spec::Tcp(TcpSpec { endpoint })
}

#[test]
fn a_connection_passes_and_a_refused_one_fails() {
    assert_eq!(ask(&connection(Endpoint::to(tcp(drop)))), PASSED);
    let refused = failed(FailureKind::Unreachable, "no connection: connection refused");
    assert_eq!(failure(ask(&connection(Endpoint::to(nobody())))), refused);
}

#[test]
fn a_connection_comes_from_the_address_and_port_that_are_asked_for() {
    let (said, heard) = mpsc::channel();
    let server = tcp(move |stream| said.send(stream.peer_addr().unwrap()).unwrap());
    let port = nobody().port();
    let source = Some(IpAddr::from([127, 0, 0, 7]));
    let endpoint = Endpoint { source, source_port: Some(port), ..Endpoint::to(server) };
    assert_eq!(ask(&connection(endpoint)), PASSED);
    assert_eq!(heard.recv().unwrap(), SocketAddr::from(([127, 0, 0, 7], port)));
}

#[test]
fn a_source_or_link_that_is_not_here_is_no_failure_of_the_server() {
    let server = nobody();
    let source = Some(IpAddr::from([192, 0, 2, 1]));
    let (kind, why) = failure(ask(&connection(Endpoint { source, ..Endpoint::to(server) })));
    assert_eq!(kind, FailureKind::NotMade);
    assert_eq!(why, "cannot prepare the connection: address not available");
    let link = Some("nosuchlink".to_owned());
    let (kind, why) = failure(ask(&connection(Endpoint { link, ..Endpoint::to(server) })));
    assert_eq!(kind, FailureKind::NotMade, "{why}");
}

// ===== SMTP =====

/// A mail server that says these lines in turn, and what it hears.
fn mail(lines: &'static [&'static str]) -> (SocketAddr, mpsc::Receiver<String>) {
    let (said, heard) = mpsc::channel();
    let server = tcp(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        for line in lines {
            let _ = (&stream).write_all(line.as_bytes());
            let mut command = String::new();
            let _ = reader.read_line(&mut command);
            let _ = said.send(command);
        }
    });
    (server, heard)
}

fn greeting(server: SocketAddr) -> Spec {
    let name = "smtpchecker.keepalived.org".to_owned();
    Spec::Smtp(SmtpSpec { endpoint: Endpoint::to(server), name })
}

#[test]
fn a_mail_server_is_greeted_and_left() {
    let (server, heard) = mail(&["220 mx ESMTP\r\n", "250 mx\r\n"]);
    assert_eq!(ask(&greeting(server)), PASSED);
    assert_eq!(heard.recv().unwrap(), "HELO smtpchecker.keepalived.org\r\n");
    assert_eq!(heard.recv().unwrap(), "QUIT\r\n");
}

#[test]
fn replies_of_several_lines_are_understood() {
    let (server, _) = mail(&["220-mx\r\n220-welcomes\r\n220 you\r\n", "250-mx\n250 HELP\n"]);
    assert_eq!(ask(&greeting(server)), PASSED);
}

#[test]
fn other_replies_and_none_are_failures() {
    for (lines, why) in [
        (&["554 go away\r\n"][..], "banner says 554, not 220"),
        (&["220 mx\r\n", "502 what?\r\n"], "answer to HELO says 502, not 250"),
        (&["hello\r\n"], "banner is no reply"),
        (&["220x\r\n"], "banner is no reply"),
    ] {
        let (server, _) = mail(lines);
        assert_eq!(failure(ask(&greeting(server))), failed(FailureKind::WrongAnswer, why));
    }
    let closes = failed(FailureKind::WrongAnswer, "no banner: unexpected end of file");
    assert_eq!(failure(ask(&greeting(tcp(drop)))), closes);
}

#[test]
fn lines_and_replies_without_end_are_refused() {
    for (text, why) in [
        ("x", "no banner: a line that does not end"),
        ("220-more\r\n", "banner has more than 100 lines"),
    ] {
        let server = tcp(move |mut stream| while stream.write_all(text.as_bytes()).is_ok() {});
        assert_eq!(failure(ask(&greeting(server))), failed(FailureKind::WrongAnswer, why));
    }
}

// ===== DNS =====

fn query(server: SocketAddr) -> DnsSpec {
    DnsSpec {
        endpoint: Endpoint::to(server),
        name: QueryName::parse("www.example.org").unwrap(),
        query: QueryType::Aaaa,
        id: 0x1234,
    }
}

#[test]
fn a_query_is_the_one_of_rfc_1035() {
    let (said, heard) = mpsc::channel();
    let server = udp(move |query| {
        said.send(query.to_vec()).unwrap();
        vec![vec![0x12, 0x34, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]]
    });
    assert_eq!(ask(&Spec::Dns(query(server))), PASSED);
    let mut expected = vec![0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    expected.extend(b"\x03www\x07example\x03org\x00\x00\x1c\x00\x01");
    assert_eq!(heard.recv().unwrap(), expected);
}

#[test]
fn an_error_of_a_name_server_is_named_and_strange_datagrams_are_passed_over() {
    let server = udp(|_| {
        vec![
            vec![],
            vec![0x12],
            vec![0x99, 0x99, 0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![0x12, 0x34, 0x01, 0x00, 0, 0, 0, 0, 0, 0, 0, 0],
            vec![0x12, 0x34, 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 0],
        ]
    });
    let servfail = failed(FailureKind::WrongAnswer, "answer says SERVFAIL");
    assert_eq!(failure(ask(&Spec::Dns(query(server)))), servfail);
    let refused = failed(FailureKind::Unreachable, "no answer: connection refused");
    assert_eq!(failure(ask(&Spec::Dns(query(nobody())))), refused);
}

#[test]
fn names_are_within_the_bounds_of_rfc_1035() {
    let label = "a".repeat(63);
    assert_eq!(QueryName::parse("."), QueryName::parse(""));
    assert_eq!(QueryName::parse("example.org."), QueryName::parse("example.org"));
    assert!(QueryName::parse(&label).is_ok());
    assert_eq!(QueryName::parse(&format!("{label}a")), Err(NameError::Label));
    assert_eq!(QueryName::parse("a..b"), Err(NameError::Label));
    assert_eq!(QueryName::parse(&[label.as_str(); 4].join(".")), Err(NameError::Length));
}

// ===== UDP =====

fn datagram(server: SocketAddr, reply: Option<ReplyPattern>) -> Spec {
    Spec::Udp(UdpSpec { endpoint: Endpoint::to(server), payload: b"ping".to_vec(), reply })
}

#[test]
fn without_a_reply_silence_is_good_and_an_error_is_not() {
    let (said, heard) = mpsc::channel();
    let silent = udp(move |payload| {
        said.send(payload.to_vec()).unwrap();
        Vec::new()
    });
    let spec = datagram(silent, None);
    let (outcome, lasted) = ask_within(&spec, Duration::from_millis(100));
    assert_eq!(outcome, PASSED);
    assert!(lasted >= Duration::from_millis(100), "{lasted:?}");
    assert_eq!(heard.recv().unwrap(), b"ping");
    let refused = failed(FailureKind::Unreachable, "no reply: connection refused");
    assert_eq!(failure(ask(&datagram(nobody(), None))), refused);
}

#[test]
fn a_reply_has_to_fit_its_pattern_and_length() {
    // `70 6x` in the configuration: p, and any of 0x60 to 0x6f.
    let pattern = ReplyPattern { bytes: vec![(0x70, 0xff), (0x60, 0xf0)], shortest: 3, longest: 4 };
    let reply = |reply: &'static [u8]| {
        let server = udp(move |_| vec![reply.to_vec()]);
        ask(&datagram(server, Some(pattern.clone())))
    };
    assert_eq!(reply(b"pong"), PASSED);
    assert_eq!(reply(b"pong and more than is read"), PASSED);
    let wrong = |why| failed(FailureKind::WrongAnswer, why);
    assert_eq!(failure(reply(b"pOng")), wrong("reply is another than the expected one"));
    assert_eq!(failure(reply(b"po")), wrong("reply is too short: 2 of 3 bytes"));
    let silent = datagram(udp(|_| Vec::new()), Some(pattern.clone()));
    let (outcome, _) = ask_within(&silent, Duration::from_millis(100));
    assert_eq!(failure(outcome), failed(FailureKind::TimedOut, "no reply in time"));
}

// ===== Echo =====

/// The kernel lets groups of `ping_group_range` alone have such sockets, and none by default: the test runs once
/// more in a network namespace of its own, where that is set.
#[test]
fn this_host_answers_an_echo() {
    let ping = |server: &str| {
        let endpoint = Endpoint::to(server.parse().unwrap());
        ask(&Spec::Ping(PingSpec { endpoint, sequence: 7 }))
    };
    if std::env::var_os("IN_NAMESPACE").is_some() {
        assert_eq!((ping("127.0.0.1:0"), ping("[::1]:0")), (PASSED, PASSED));
        return;
    }
    let prepare = "ip link set lo up && echo 0 0 > /proc/sys/net/ipv4/ping_group_range";
    let again = "exec \"$0\" --exact this_host_answers_an_echo";
    let status = Command::new("unshare")
        .args(["--map-root-user", "--net", "sh", "-c", &format!("{prepare} && {again}")])
        .arg(std::env::current_exe().unwrap())
        .env("IN_NAMESPACE", "1")
        .status();
    assert!(status.unwrap().success());
}

// ===== All =====

#[test]
fn a_hostile_server_does_not_delay_the_checks_of_others() {
    let flood = tcp(|mut stream| while stream.write_all(&[b'x'; 4096]).is_ok() {});
    let silent = tcp(|stream| {
        thread::sleep(Duration::from_secs(3));
        drop(stream);
    });
    let (good, _) = mail(&["220 mx\r\n", "250 mx\r\n"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lasted = runtime.block_on(async {
        let start = tokio::time::Instant::now();
        for hostile in [flood, silent] {
            tokio::spawn(async move {
                probe::run(&greeting(hostile), start + Duration::from_secs(2)).await
            });
        }
        tokio::task::yield_now().await;
        let outcome = probe::run(&greeting(good), start + Duration::from_secs(2)).await;
        assert_eq!(outcome, PASSED);
        start.elapsed()
    });
    assert!(lasted < Duration::from_secs(1), "{lasted:?}");
}
