//! Any bytes as what a server sends: each conversation ends by itself or at its deadline, with a reason of one short line.

mod servers;

use std::io::Write as _;
use std::net::Shutdown;
use std::time::Duration;

use health::Outcome;
use probe::{
    DnsSpec, Endpoint, Expression, ExpressionOptions, GrpcSpec, HttpProtocol, HttpSpec, QueryName,
    QueryType, SmtpSpec, Spec, Tls, TlsOptions,
};
use servers::http2::{END_HEADERS, HEADERS, SETTINGS, frame};
use servers::{ask_within, http, request, tcp, udp};

const PATIENCE: Duration = Duration::from_secs(5);

fn is_sound(spec: &Spec) {
    let (outcome, lasted) = ask_within(spec, PATIENCE);
    // Whoever closes is not waited for.
    assert!(lasted < PATIENCE, "{lasted:?}");
    if let Outcome::Failed(failure) = outcome {
        let why = failure.why;
        assert!(!why.is_empty() && why.len() < 200 && !why.contains(char::is_control), "{why:?}");
    }
}

#[test]
fn any_bytes_are_an_answer_of_a_web_server_or_none() {
    bolero::check!().with_iterations(400).for_each(|bytes: &[u8]| {
        // Half of them with a head, so that bodies have their turn.
        let head: &[u8] = match bytes.first() {
            Some(first) if first % 4 == 0 => {
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            }
            Some(first) if first % 4 == 1 => b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n",
            _ => b"",
        };
        let answer = [head, bytes].concat();
        let server = tcp(move |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
        });
        let any = HttpSpec::new(Endpoint::to(server), "/", "www.example.org");
        // Half of them are searched for bytes, half for characters.
        let is_utf = bytes.last().is_some_and(|last| last % 2 == 0);
        let words = if is_utf { vec!["utf".to_owned()] } else { Vec::new() };
        let options = ExpressionOptions { words, ..ExpressionOptions::default() };
        let expression = Expression::new("a.*b", options).unwrap();
        is_sound(&http(HttpSpec {
            digest: Some([0; 16]),
            expression: Some(expression),
            text: Some("x".to_owned()),
            ..any
        }));
    });
}

#[test]
fn any_bytes_are_a_handshake_of_tls_or_none() {
    bolero::check!().with_iterations(400).for_each(|bytes: &[u8]| {
        let record: &[u8] = if bytes.first().is_some_and(|first| first % 2 == 0) {
            &[22, 3, 3, 0, 50]
        } else {
            &[]
        };
        let answer = [record, bytes].concat();
        let server = tcp(move |mut stream| {
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let any = HttpSpec::new(Endpoint::to(server), "/", "www.example.org");
        let tls = Tls::new(&TlsOptions::default()).unwrap();
        is_sound(&http(HttpSpec { tls: Some(tls), ..any }));
    });
}

#[test]
fn any_bytes_are_replies_of_a_mail_server_or_none() {
    bolero::check!().with_iterations(400).for_each(|bytes: &[u8]| {
        let reply: &[u8] =
            if bytes.first().is_some_and(|first| first % 2 == 0) { b"220 mx\r\n" } else { b"" };
        let answer = [reply, bytes].concat();
        let server = tcp(move |mut stream| {
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let name = "checker".to_owned();
        is_sound(&Spec::Smtp(SmtpSpec { endpoint: Endpoint::to(server), name }));
    });
}

#[test]
fn any_bytes_are_an_exchange_of_http_2_or_none() {
    bolero::check!().with_iterations(400).for_each(|bytes: &[u8]| {
        // Behind SETTINGS, and often behind a head, or within a frame of some kind.
        let head = [&[0x88, 0x0f, 0x10, 16][..], b"application/grpc"].concat();
        let choice = bytes.first().copied().unwrap_or_default();
        let begin = match choice % 4 {
            0 => Vec::new(),
            1 => frame(SETTINGS, 0, 0, &[]),
            _ => [frame(SETTINGS, 0, 0, &[]), frame(HEADERS, END_HEADERS, 1, &head)].concat(),
        };
        let framed = frame(choice / 4 % 10, choice >> 4, u32::from(choice & 1), bytes);
        let rest = if choice % 2 == 0 { bytes.to_vec() } else { framed };
        let answer = [begin, rest].concat();
        let server = tcp(move |mut stream| {
            let _ = stream.write_all(&answer);
            let _ = stream.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        });
        let endpoint = Endpoint::to(server);
        is_sound(&if choice & 0x40 == 0 {
            let page = HttpSpec::new(endpoint, "/", "www.example.org");
            http(HttpSpec { protocol: HttpProtocol::Http2, digest: Some([0; 16]), ..page })
        } else {
            let (service, host) = (String::new(), "www.example.org".to_owned());
            Spec::Grpc(Box::new(GrpcSpec { endpoint, service, host, tls: None }))
        });
    });
}

#[test]
fn any_bytes_are_an_answer_of_a_name_server_or_none() {
    bolero::check!().with_iterations(200).for_each(|bytes: &[u8]| {
        let answer = bytes.to_vec();
        // Behind what may be passed over stands an answer.
        let server = udp(move |query| {
            let end = [query.get(..2).unwrap(), &[0x81, 0x80, 0, 0, 0, 0, 0, 0, 0, 0]].concat();
            vec![answer, end]
        });
        is_sound(&Spec::Dns(DnsSpec {
            endpoint: Endpoint::to(server),
            name: QueryName::parse("example.org").unwrap(),
            query: QueryType::A,
            id: 7,
        }));
    });
}
