//! Any bytes as what a web server, one that speaks TLS or HTTP/2, a gRPC server, or a mail server sends, over loopback: the conversation ends, and
//! says why in a short line.
#![no_main]

use std::io::Write as _;
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use health::Outcome;
use libfuzzer_sys::fuzz_target;
use probe::{
    Endpoint, Expression, ExpressionOptions, GrpcSpec, HttpProtocol, HttpSpec, SmtpSpec, Spec, Tls,
    TlsOptions,
};
use tokio::time::Instant;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, answer)) = bytes.split_first() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let endpoint = Endpoint::to(listener.local_addr().expect("an address"));
    let answer = answer.to_vec();
    let server = std::thread::spawn(move || {
        let Ok((mut stream, _)) = listener.accept() else { return };
        let _ = stream.write_all(&answer);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let page = HttpSpec::new(endpoint.clone(), "/", "www.example.org");
    let spec = match kind % 5 {
        0 => {
            let expression = Expression::new("a.*b", ExpressionOptions::default()).ok();
            Spec::Http(Box::new(HttpSpec { digest: Some([0; 16]), expression, ..page }))
        }
        1 => {
            let tls = Tls::new(&TlsOptions::default()).ok();
            Spec::Http(Box::new(HttpSpec { tls, ..page }))
        }
        2 => {
            let protocol = HttpProtocol::Http2;
            Spec::Http(Box::new(HttpSpec { protocol, digest: Some([0; 16]), ..page }))
        }
        3 => {
            let (service, host) = (String::new(), "www.example.org".to_owned());
            Spec::Grpc(Box::new(GrpcSpec { endpoint, service, host, tls: None }))
        }
        _ => Spec::Smtp(SmtpSpec { endpoint, name: "checker".to_owned() }),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime
        .expect("a runtime")
        .block_on(async { probe::run(&spec, Instant::now() + Duration::from_secs(5)).await });
    if let Outcome::Failed(failure) = outcome {
        assert!(failure.why.len() < 200 && !failure.why.contains(char::is_control));
    }
    let _ = server.join();
});
