//! SSL_GET: pages over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use conformance::farm::{Farm, PATIENCE, Story, pool, real_server, service};
use conformance::lab::reap;
use conformance::subject::Subject;

pub(crate) const STORIES: &[Story] =
    &[Story::new("a_page_over_tls_is_there_or_not", page).only(Subject::Ours)];

/// A web server over TLS: certificate, key, a file with the status of its page, and one that says that it listens.
const SERVER: &str = r#"
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", 443))
listener.listen()
open(sys.argv[4], "w").close()
while True:
    plain, _ = listener.accept()
    try:
        with context.wrap_socket(plain, server_side=True) as connection:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096) or b"\r\n\r\n"
            status = open(sys.argv[3]).read()
            connection.sendall(f"HTTP/1.0 {status}\r\nContent-Length: 4\r\n\r\nweb\n".encode())
            connection.unwrap()
    except OSError:
        pass
"#;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        reap(&mut self.0);
    }
}

/// Lets real server 1 serve a page with the status in the file that this gives.
fn serve(farm: &mut Farm) -> Result<(Server, PathBuf)> {
    let keys =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/daemon/tests/life/certificates");
    let node = farm.lab.node("s1")?;
    let (status, listens) = (node.file("status"), node.file("listens"));
    fs::write(&status, "200 OK")?;
    let mut command = node.space().command(Path::new("python3"));
    command.args(["-c", SERVER]).args([keys.join("server.pem"), keys.join("server.key")]);
    let server = Server(command.args([&status, &listens]).spawn().context("start web server")?);
    let until = Instant::now() + PATIENCE;
    while !listens.exists() {
        ensure!(Instant::now() < until, "no web server");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok((server, status))
}

fn page(farm: &mut Farm) -> Result<()> {
    let (_server, status) = serve(farm)?;
    // The other one speaks no TLS. The incumbent waits for its handshake beyond the time of the check.
    farm.server(2)?.order("web 443 * 200 s2")?;
    let check = [
        "SSL_GET {",
        "connect_port 443",
        "connect_timeout 20",
        "retry 1",
        "delay_before_retry 1",
        "url {",
        "path /",
        "status_code 200",
        "}",
        "}",
    ];
    farm.start("a", &service(&[], &[real_server(1, &check), real_server(2, &check)]))?;
    farm.expect_well(&[1])?;
    farm.expect_log("SSL_CHECK on service [192.0.2.22]:tcp:80 failed")?;
    farm.expect_table("a", &pool(&[(1, 1)]))?;
    fs::write(&status, "500 Broken")?;
    farm.expect_table("a", &pool(&[]))?;
    farm.expect_log("SSL_CHECK on service [192.0.2.21]:tcp:80 failed after 1 retries.")?;
    fs::write(&status, "200 OK")?;
    farm.expect_table("a", &pool(&[(1, 1)]))
}
