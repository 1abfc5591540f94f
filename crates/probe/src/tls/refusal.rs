//! Why TLS did not come about, in one line.

use std::io;

use health::Failure;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use crate::patience::{broken, wrong};

/// Of a handshake.
pub(crate) fn refused(error: &io::Error) -> Failure {
    match tls_error(error) {
        Some(error) => wrong(said(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            wrong("the server closes during the TLS handshake")
        }
        None => broken("TLS handshake", error),
    }
}

/// The error of TLS within one of the connection.
pub(crate) fn tls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// What is wrong.
#[expect(clippy::wildcard_enum_match_arm, reason = "of many reasons, some have words of our own")]
pub(crate) fn said(error: &Error) -> String {
    match error {
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS".to_owned()
        }
        Error::InvalidCertificate(error) => certificate(error),
        // Nothing but HTTP/2 is ever offered by name.
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) => NOT_TAKEN.to_owned(),
        Error::AlertReceived(alert) => format!("the server ends TLS: {}", name(*alert)),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server speaks neither TLS 1.2 nor 1.3".to_owned()
        }
        other => format!("TLS: {other}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of many reasons, some have words of our own")]
fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "the certificate is from an authority that is not trusted".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            // Each of them reads `DnsName("www.example.org")`.
            let names = presented.iter().filter_map(|name| name.split('"').nth(1));
            let names: Vec<&str> = names.filter(|it| is_showable(it)).take(MOST_NAMES).collect();
            let whose = if names.is_empty() { "" } else { ", but for " };
            format!("the certificate is not for {}{whose}{}", expected.to_str(), names.join(", "))
        }
        CertificateError::NotValidForName => "the certificate is for another name".to_owned(),
        CertificateError::Other(other) => other.0.to_string(),
        other => format!("the certificate is not good: {other}"),
    }
}

/// A name that may stand in a log: the server has written it.
fn is_showable(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte);
    name.len() <= 253 && name.bytes().all(is_usual)
}

/// `HandshakeFailure` as RFC 8446 §6 writes it: `handshake_failure`.
fn name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for letter in format!("{alert:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// Of a server that takes none of the protocols that are offered by ALPN.
pub(super) const NOT_TAKEN: &str = "the server does not speak HTTP/2 over TLS";
const MOST_NAMES: usize = 3;
