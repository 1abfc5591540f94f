//! Pages over TLS: who is believed, what is told, and servers that do it wrongly.

#![expect(clippy::unwrap_used, reason = "what is missing fails the test")]

mod servers;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use health::{FailureKind, Outcome, WeightEffect};
use hyper::body::Bytes;
use probe::{
    Authorities, Endpoint, GrpcSpec, HttpProtocol, HttpSpec, Identity, Spec, Tls, TlsError,
    TlsOptions, Trust,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use servers::http2::{Reply, protected};
use servers::{ask, ask_within, failure, http, request, tcp};

const PASSED: Outcome = Outcome::Passed(WeightEffect::None);

macro_rules! certificate {
    ($name:literal) => {
        include_bytes!(concat!("certificates/", $name))
    };
}

const AUTHORITY: &[u8] = certificate!("authority.pem");
const ALONE: &[u8] = certificate!("alone.pem");
const SERVER: [&[u8]; 2] = [certificate!("server.pem"), certificate!("server.key")];
const CLIENT: [&[u8]; 2] = [certificate!("client.pem"), certificate!("client.key")];

/// The conversation of a server, behind the handshake.
type Protected = StreamOwned<ServerConnection, std::net::TcpStream>;

fn configured(pem: [&[u8]; 2], wants_client: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(AUTHORITY).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let chain = vec![CertificateDer::from_pem_slice(pem[0]).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pem[1]).unwrap();
    Arc::new(builder.with_single_cert(chain, key).unwrap())
}

fn speaking(
    config: Arc<ServerConfig>,
    talk: impl FnOnce(Protected) + Send + 'static,
) -> SocketAddr {
    tcp(move |stream| talk(StreamOwned::new(ServerConnection::new(config).unwrap(), stream)))
}

/// A web server with this certificate and key. It takes leave as TLS wants it.
fn web(pem: [&[u8]; 2]) -> SocketAddr {
    speaking(configured(pem, false), |mut stream| {
        request(&mut stream);
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n");
        stream.conn.send_close_notify();
        let _ = stream.flush();
    })
}

fn page(server: SocketAddr, options: &TlsOptions) -> Spec {
    let any = HttpSpec::new(Endpoint::to(server), "/", "www.example.org");
    http(HttpSpec { statuses: vec![200..=200], tls: Some(Tls::new(options).unwrap()), ..any })
}

fn believing(authorities: &[u8], name: &str) -> TlsOptions {
    let trust = Trust::In(Authorities::from_pem(authorities).unwrap(), name.to_owned());
    TlsOptions { trust, ..TlsOptions::default() }
}

fn wrong(why: &str) -> (FailureKind, String) {
    (FailureKind::WrongAnswer, why.to_owned())
}

/// A server of HTTP/2 that offers these protocols by ALPN.
fn web_of_2(offered: &[&[u8]], reply: Reply) -> SocketAddr {
    let mut config = (*configured(SERVER, false)).clone();
    config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
    protected(Arc::new(config), move |asked| {
        assert_eq!(asked.head.uri().scheme_str(), Some("https"));
        reply.clone()
    })
}

fn page_of_2(server: SocketAddr, options: &TlsOptions) -> Spec {
    let any = HttpSpec::new(Endpoint::to(server), "/", "www.example.org");
    let tls = Some(Tls::new(options).unwrap());
    let protocol = HttpProtocol::Http2;
    http(HttpSpec { statuses: vec![200..=200], tls, protocol, ..any })
}

#[test]
fn http_2_is_agreed_on_in_the_handshake() {
    let reply = Reply { status: 200, data: vec![Bytes::from_static(b"hello")], ..Reply::default() };
    let good = web_of_2(&[b"h2", b"http/1.1"], reply.clone());
    assert_eq!(ask(&page_of_2(good, &believing(AUTHORITY, "www.example.org"))), PASSED);
    let expected = wrong("the server does not speak HTTP/2 over TLS");
    // One that offers other protocols refuses; one that offers none says nothing of it.
    for offered in [&[&b"http/1.1"[..]][..], &[]] {
        let other = web_of_2(offered, reply.clone());
        assert_eq!(failure(ask(&page_of_2(other, &TlsOptions::default()))), expected);
    }
    let good = web_of_2(&[b"h2"], reply);
    let stranger = failure(ask(&page_of_2(good, &believing(ALONE, "www.example.org"))));
    assert_eq!(stranger, wrong("the certificate is from an authority that is not trusted"));
}

#[test]
fn health_is_asked_for_over_tls() {
    let reply = Reply {
        status: 200,
        headers: vec![("content-type", "application/grpc")],
        data: vec![Bytes::from_static(&[0, 0, 0, 0, 2, 8, 1])],
        trailers: Some(vec![("grpc-status", "0")]),
    };
    let asked = |server, options: &TlsOptions| {
        let (service, host) = (String::new(), "www.example.org".to_owned());
        let tls = Some(Tls::new(options).unwrap());
        ask(&Spec::Grpc(Box::new(GrpcSpec { endpoint: Endpoint::to(server), service, host, tls })))
    };
    let server = web_of_2(&[b"h2"], reply.clone());
    assert_eq!(asked(server, &believing(AUTHORITY, "www.example.org")), PASSED);
    let other = asked(web_of_2(&[b"h2"], reply), &believing(AUTHORITY, "db.example.org"));
    let expected = wrong("the certificate is not for db.example.org, but for www.example.org");
    assert_eq!(failure(other), expected);
}

#[test]
fn without_trust_in_somebody_anybody_is_believed() {
    for pem in [SERVER, [certificate!("old.pem"), certificate!("old.key")]] {
        assert_eq!(ask(&page(web(pem), &TlsOptions::default())), PASSED);
    }
}

#[test]
fn a_certificate_has_to_be_vouched_for_and_for_the_name() {
    for name in ["www.example.org", "127.0.0.1"] {
        assert_eq!(ask(&page(web(SERVER), &believing(AUTHORITY, name))), PASSED);
    }
    let asked = |pem, options: &TlsOptions| failure(ask(&page(web(pem), options)));
    assert_eq!(
        asked(SERVER, &believing(ALONE, "www.example.org")),
        wrong("the certificate is from an authority that is not trusted")
    );
    assert_eq!(
        asked(SERVER, &believing(AUTHORITY, "db.example.org")),
        wrong("the certificate is not for db.example.org, but for www.example.org")
    );
    let old: [&[u8]; 2] = [certificate!("old.pem"), certificate!("old.key")];
    let expired = wrong("the certificate has expired");
    assert_eq!(asked(old, &believing(AUTHORITY, "www.example.org")), expired);
}

/// One that nobody has signed but itself, and that is an authority for whoever looks closely: what `openssl req -x509`
/// makes.
#[test]
fn a_certificate_can_be_believed_by_itself() {
    let alone: [&[u8]; 2] = [ALONE, certificate!("alone.key")];
    assert_eq!(ask(&page(web(alone), &believing(ALONE, "www.example.org"))), PASSED);
    let other = failure(ask(&page(web(alone), &believing(ALONE, "db.example.org"))));
    assert_eq!(other, wrong("the certificate is not for db.example.org, but for www.example.org"));
    let stranger = failure(ask(&page(web(alone), &believing(AUTHORITY, "www.example.org"))));
    assert_eq!(stranger.0, FailureKind::WrongAnswer, "{}", stranger.1);
}

#[test]
fn a_certificate_has_to_last_for_some_days() {
    let lasting = |days_left, pem| {
        let options = TlsOptions { days_left, ..TlsOptions::default() };
        ask(&page(web(pem), &options))
    };
    assert_eq!(lasting(30, SERVER), PASSED);
    let (kind, why) = failure(lasting(1_000_000, SERVER));
    assert_eq!(kind, FailureKind::WrongAnswer);
    assert!(why.starts_with("the certificate ends in ") && why.ends_with(" days"), "{why}");
    let old: [&[u8]; 2] = [certificate!("old.pem"), certificate!("old.key")];
    assert_eq!(failure(lasting(1, old)), wrong("the certificate has expired"));
}

#[test]
fn the_name_is_told_where_it_is_asked_for() {
    for (name, expected) in [(None, None), (Some("www.example.org"), Some("www.example.org"))] {
        let (said, heard) = mpsc::channel();
        let server = speaking(configured(SERVER, false), move |mut stream| {
            request(&mut stream);
            said.send(stream.conn.server_name().map(str::to_owned)).unwrap();
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        });
        let options = TlsOptions { name: name.map(str::to_owned), ..TlsOptions::default() };
        assert_eq!(ask(&page(server, &options)), PASSED);
        assert_eq!(heard.recv().unwrap().as_deref(), expected);
    }
}

#[test]
fn a_server_may_ask_who_we_are() {
    let asking = || {
        speaking(configured(SERVER, true), |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
            let _ = stream.flush();
            // Closed while something is unread, the connection would be reset, and the reason lost on its way.
            let _ = stream.sock.shutdown(Shutdown::Write);
            let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
        })
    };
    let identity = Some(Identity::from_pem(CLIENT[0], CLIENT[1], None).unwrap());
    let options = TlsOptions { identity, ..TlsOptions::default() };
    assert_eq!(ask(&page(asking(), &options)), PASSED);
    let nobody = failure(ask(&page(asking(), &TlsOptions::default())));
    assert_eq!(nobody, wrong("the server ends TLS: certificate_required"));
}

#[test]
fn an_end_that_is_not_announced_is_suspect_where_that_is_asked_for() {
    let cut = || {
        speaking(configured(SERVER, false), |mut stream| {
            request(&mut stream);
            let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nhello\n");
        })
    };
    assert_eq!(ask(&page(cut(), &TlsOptions::default())), PASSED);
    let strict = TlsOptions { is_strict: true, ..TlsOptions::default() };
    assert_eq!(failure(ask(&page(cut(), &strict))), wrong("the answer is cut short"));
    assert_eq!(ask(&page(web(SERVER), &strict)), PASSED);
}

#[test]
fn servers_that_do_not_speak_tls_are_named() {
    let plain = tcp(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        let _ = stream.read(&mut [0; 4096]);
    });
    let asked = |server| failure(ask(&page(server, &TlsOptions::default())));
    assert_eq!(asked(plain), wrong("the server does not speak TLS"));
    // A record of 100 bytes, of which half comes.
    let half = tcp(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[22, 3, 3, 0, 100]);
        let _ = stream.write_all(&[2; 50]);
    });
    assert_eq!(asked(half), wrong("the server closes during the TLS handshake"));
    // An alert: 2 is fatal, 70 protocol_version.
    let old = tcp(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&[21, 3, 1, 0, 2, 2, 70]);
    });
    assert_eq!(asked(old), wrong("the server ends TLS: protocol_version"));
}

#[test]
fn a_handshake_does_not_stretch_the_deadline() {
    let drips = tcp(|mut stream| {
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0]);
        while stream.write_all(&[2]).is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let spec = page(drips, &TlsOptions::default());
    let (outcome, lasted) = ask_within(&spec, Duration::from_millis(300));
    let (kind, why) = failure(outcome);
    assert!(matches!(kind, FailureKind::TimedOut | FailureKind::WrongAnswer), "{why}");
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
    let silent = tcp(|stream| {
        thread::sleep(Duration::from_secs(3));
        drop(stream);
    });
    let spec = page(silent, &TlsOptions::default());
    let (outcome, lasted) = ask_within(&spec, Duration::from_millis(300));
    assert_eq!(failure(outcome), (FailureKind::TimedOut, "no TLS handshake in time".to_owned()));
    assert!(lasted < Duration::from_secs(2), "{lasted:?}");
}

#[test]
fn files_that_are_no_certificates_or_keys_are_told_apart() {
    let identity = |certificate, key| Identity::from_pem(certificate, key, None).map(drop);
    assert_eq!(identity(CLIENT[0], CLIENT[1]), Ok(()));
    assert_eq!(identity(b"", CLIENT[1]), Err(TlsError::Missing("certificate")));
    assert_eq!(identity(CLIENT[0], b"nothing"), Err(TlsError::Missing("private key")));
    assert_eq!(identity(CLIENT[0], certificate!("encrypted.key")), Err(TlsError::EncryptedKey));
    assert!(matches!(Authorities::from_pem(CLIENT[1]), Err(TlsError::Missing("certificate"))));
    let mixed = Identity::from_pem(CLIENT[0], SERVER[1], None).unwrap();
    let options = TlsOptions { identity: Some(mixed), ..TlsOptions::default() };
    assert!(matches!(Tls::new(&options), Err(TlsError::Unusable(_))));
}

/// What is said of a key is written into logs.
#[test]
fn a_key_that_is_misframed_is_not_quoted() {
    let text = str::from_utf8(CLIENT[1]).unwrap();
    let (cut, _) = text.rsplit_once("\n-----END").unwrap();
    let is_odd = |key: String, expected: &'static str| {
        let made = Identity::from_pem(CLIENT[0], key.as_bytes(), None).map(drop);
        assert_eq!(made, Err(TlsError::Pem(expected)), "{key}");
    };
    is_odd(text.replace('\n', ""), "a section has no END line of its own");
    is_odd(cut.replace('\n', " ") + "\n", "a BEGIN line is broken");
    is_odd(cut.to_owned(), "a section has no END line of its own");
    is_odd(text.replacen("-----\n", "-----\n!", 1), "a section is not Base64");
}

#[test]
fn a_pass_phrase_opens_a_key() {
    let identity = |key, phrase| Identity::from_pem(CLIENT[0], key, Some(phrase));
    let options = |identity| TlsOptions { identity, ..TlsOptions::default() };
    for key in [certificate!("encrypted.key") as &[u8], certificate!("scrypt.key"), CLIENT[1]] {
        let own = identity(key, "open sesame").unwrap();
        assert!(Tls::new(&options(Some(own))).is_ok(), "the key belongs to the certificate");
    }
    let refused = |key, phrase| identity(key, phrase).map(drop).map_err(|it| it.to_string());
    let other = Err("the key has another pass phrase".to_owned());
    assert_eq!(refused(certificate!("encrypted.key"), "open barley"), other);
    assert_eq!(refused(certificate!("scrypt.key"), ""), other);
    let odd = |why: &str| Err(format!("the key is encrypted in another way than ours: {why}"));
    let old = refused(certificate!("traditional.key"), "open sesame");
    assert_eq!(old, odd("not as PKCS #8"));
    for key in [certificate!("slow.key"), certificate!("heavy.key") as &[u8]] {
        assert_eq!(refused(key, "open sesame"), odd("it takes too much work to open"));
    }
    for key in [
        certificate!("scrypt-n0.key") as &[u8],
        certificate!("scrypt-n1.key"),
        certificate!("scrypt-n16385.key"),
        certificate!("scrypt-r0.key"),
        certificate!("scrypt-p0.key"),
    ] {
        assert_eq!(refused(key, "open sesame"), odd("parameters that scrypt does not have"));
    }
}
