//! `genhash`, by each of its names, of pages on loopback.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::thread;

use crate::program::{Files, called, run};

/// A web server that answers so many requests with these bytes; each request has to begin with `asked`.
fn web(times: usize, asked: &'static str, answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for _ in 0..times {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
                request.extend(byte);
            }
            if request.starts_with(asked.as_bytes()) {
                stream.write_all(answer).unwrap();
            }
        }
    });
    address
}

const PAGE: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nhello\n";
/// printf 'hello\n' | md5sum
const DIGEST: &str = "b1946ac92492d2347c6235b4d2611184\n";

#[test]
fn it_prints_the_digest_by_each_of_its_names() {
    let server = web(4, "GET /health HTTP/1.0\r\n", PAGE);
    let port = server.port().to_string();
    let words = ["-s", "127.0.0.1", "-p", &port, "-u", "/health"];
    for name in [&["genhash"][..], &["--genhash"], &["-D", "-T"]] {
        let run = run(&[name, &words].concat());
        assert_eq!((run.code, run.out.as_str()), (Some(0), DIGEST), "{name:?}: {}", run.err);
        assert_eq!(run.err.contains("previous options ignored"), name.len() > 1);
    }
    let files = Files::new();
    let link = files.path("genhash");
    symlink(Path::new(env!("CARGO_BIN_EXE_steadfast")), &link).unwrap();
    let run = called(&link, &words);
    assert_eq!((run.code, run.out.as_str()), (Some(0), DIGEST), "{}", run.err);
}

#[test]
fn it_shows_the_answer_where_that_is_asked_for() {
    let server = web(1, "GET / HTTP/1.1\r\n", PAGE);
    let port = server.port().to_string();
    let run = run(&["genhash", "-s", "127.0.0.1", "-p", &port, "-u", "/", "-v", "-P", "1.1"]);
    assert_eq!(run.code, Some(0), "{}", run.err);
    let (shown, lasted) = run.out.rsplit_once("Global response time for [/] = ").unwrap();
    assert!(lasted.trim_end().ends_with(" usecs"), "{lasted}");
    assert!(shown.contains("0000  68 65 6c 6c 6f 0a       -"), "{shown}");
    assert!(shown.contains(DIGEST), "{shown}");
}

#[test]
fn it_prints_no_digest_of_half_an_answer() {
    let cut = b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\nhello\n";
    let server = web(1, "GET / ", cut);
    let port = server.port().to_string();
    let run = run(&["genhash", "-s", "127.0.0.1", "-p", &port, "-u", "/"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert_eq!(run.err, format!("genhash: {server}: the answer is cut short\n"));
}

#[test]
fn it_says_what_is_missing() {
    let asked = run(&["genhash", "-s", "127.0.0.1", "-p", "80"]);
    assert_eq!((asked.code, asked.out.as_str()), (Some(1), ""));
    assert!(asked.err.starts_with("genhash: which page? `-u PATH`\n"), "{}", asked.err);
    assert_eq!(run(&["genhash", "--help"]).code, Some(0));
}
