//! Checks of web servers over TLS, and what is looked for in their answers.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kernel::netlink::RequestSocket;

use crate::Test;
use crate::daemon::Start;
use crate::postmaster::protected;
use crate::world::eventually;

pub const TESTS: &[Test] = &[
    ("answers_over_tls_are_searched_and_certificates_verified", searches),
    ("a_certificate_for_another_name_takes_its_server_out", refuses),
];

/// A web server over TLS that says how it is, while that is so.
fn web(port: u16, is_well: Arc<AtomicBool>) {
    let mut requests = RequestSocket::open().unwrap();
    let loopback = requests.index_of("lo").unwrap().unwrap();
    requests.set_link_up(loopback, true).unwrap();
    let listener = eventually("an address", || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = protected(stream);
            let (mut request, mut byte) = (Vec::new(), [0]);
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|it| it > 0) {
                request.extend(byte);
            }
            let word = if is_well.load(Ordering::Relaxed) { "well" } else { "lost" };
            let page = format!("HTTP/1.0 200 OK\r\nX-Role: primary\r\n\r\nall is {word}\n");
            let _ = stream.write_all(page.as_bytes());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
}

/// A virtual server whose real server at this port is asked each second.
fn asking(port: u16, lines: &str) -> String {
    let authority = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/life/certificates/authority.pem");
    format!(
        "virtual_server 192.0.2.1 443 {{\n  delay_loop 1\n  protocol TCP\n  real_server 127.0.0.1 {port} {{\n    \
         SSL_GET {{\n      connect_timeout 2\n      warmup 0\n      delay_before_retry 0.1\n      tls_verify\n      \
         tls_ca_file {authority}\n{lines}      url {{\n        path /\n        expect_header X-Role primary\n        \
         regex \"(?<=all is )(well|fine)\"\n      }}\n    }}\n  }}\n}}\n"
    )
}

fn searches() {
    let is_well = Arc::new(AtomicBool::new(true));
    web(85, Arc::clone(&is_well));
    let mut daemon = Start::with(&asking(85, "      tls_min_days 30\n"))
        .until("Remote Web server [127.0.0.1]:tcp:85 succeed on service.");
    daemon.mark();
    is_well.store(false, Ordering::Relaxed);
    daemon.wait_for(
        "SSL_CHECK on service [127.0.0.1]:tcp:85 failed after 1 retries. (nothing matches",
    );
    daemon.wait_for("Removing service [127.0.0.1]:tcp:85 from VS [192.0.2.1]:tcp:443");
    is_well.store(true, Ordering::Relaxed);
    daemon.wait_for("Adding service [127.0.0.1]:tcp:85 to VS [192.0.2.1]:tcp:443");
    assert_eq!(daemon.stop().0, Some(0));
}

fn refuses() {
    web(86, Arc::new(AtomicBool::new(true)));
    let name = "      tls_name db.example.org\n";
    let mut daemon = Start::with(&asking(86, name)).until("Removing service [127.0.0.1]:tcp:86");
    assert!(daemon.log().contains("the certificate is not for db.example.org"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}
