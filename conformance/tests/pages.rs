//! What a page comes to: `genhash`, whose digest a check compares with.

use std::path::Path;
use std::process::Child;
use std::time::Instant;

use anyhow::{Result, ensure};
use conformance::flavour::Flavour;
use conformance::lab::reap;
use conformance::scenario::{SLACK, START, Scenario, Stage};
use conformance::subject::Subject;

pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario::new("the_digest_is_that_of_the_body", ONCE, |stage| {
        digest(stage, "HTTP/1.0 404 Not Found\r\n\r\nhello\n", "1.0", HELLO)
    }),
    Scenario::new("the_digest_counts_the_frames_of_chunks", ONCE, |stage| {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let page = format!("{head}3\r\nhel\r\n3\r\nlo\n\r\n0\r\n\r\n");
        digest(stage, &page, "1.1", "c49f5da5c3b2127f8e5ff59bbf40897b\n")
    }),
    Scenario::new("what_follows_the_length_is_no_part_of_the_digest", ONCE, |stage| {
        let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\nand more";
        digest(stage, page, "1.0", HELLO)
    }),
    Scenario::new("half_an_answer_has_a_digest_for_the_incumbent", ONCE, |stage| {
        digest(stage, HALF, "1.0", HELLO)
    })
    .only(Subject::Keepalived),
    Scenario::new("half_an_answer_has_no_digest", ONCE, |stage| {
        let (code, out, err) = asked(stage, HALF, "1.0")?;
        ensure!(code == Some(1) && out.is_empty(), "{code:?}: {out}");
        ensure!(err.contains("the answer is cut short"), "{err}");
        Ok(())
    })
    .only(Subject::Ours),
];

const ONCE: &[Flavour] = &[Flavour::V3Ipv4];
/// printf 'hello\n' | md5sum
const HELLO: &str = "b1946ac92492d2347c6235b4d2611184\n";
const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\nhello\n";

/// A web server that answers each request with its argument. A file says that it listens.
const SERVER: &str = r#"
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 8080))
listener.listen()
open(sys.argv[2], "w").close()
while True:
    connection, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(4096) or b"\r\n\r\n"
    connection.sendall(sys.argv[1].encode())
    connection.close()
"#;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        reap(&mut self.0);
    }
}

fn serve(stage: &mut Stage, page: &str) -> Result<Server> {
    let node = stage.lab.node("a")?;
    node.space().run("ip link set lo up")?;
    let listens = node.file("listens");
    let mut command = node.space().command(Path::new("python3"));
    let server = Server(command.args(["-c", SERVER, page]).arg(&listens).spawn()?);
    let until = Instant::now() + START;
    while !listens.exists() {
        ensure!(Instant::now() < until, "no web server");
        std::thread::sleep(SLACK / 20);
    }
    Ok(server)
}

/// Exit code and words of `genhash` for this page.
fn asked(stage: &mut Stage, page: &str, version: &str) -> Result<(Option<i32>, String, String)> {
    let _server = serve(stage, page)?;
    let subject = stage.subject("a");
    let words = ["--genhash", "-s", "127.0.0.1", "-p", "8080", "-u", "/", "-P", version];
    let output = stage.lab.node("a")?.ask(subject, &words)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.code(), text(&output.stdout), text(&output.stderr)))
}

fn digest(stage: &mut Stage, page: &str, version: &str, expected: &str) -> Result<()> {
    let (code, out, err) = asked(stage, page, version)?;
    ensure!(code == Some(0) && out == expected, "{code:?}: {out}{err}");
    Ok(())
}
