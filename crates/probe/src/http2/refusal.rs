//! Why an exchange failed, in one line of our own: of what a server sends, nothing but numbers gets there.

use std::io;

use h2::{Error, Reason};
use health::Failure;

use crate::patience::{broken, wrong};
use crate::tls;

/// Of the frames.
pub(super) fn of(error: &Error) -> Failure {
    if let Some(error) = error.get_io() {
        return of_connection(error);
    }
    let Some(reason) = error.reason() else {
        return wrong(format!("HTTP/2: {error}"));
    };
    let word = word(reason);
    wrong(match (error.is_remote(), error.is_reset()) {
        (true, true) => format!("the server gives the answer up: {word}"),
        (true, false) => format!("the server ends the connection: {word}"),
        (false, _) => format!("the server breaks HTTP/2: {word}"),
    })
}

/// Of what they come over.
pub(super) fn of_connection(error: &io::Error) -> Failure {
    tls::tls_error(error)
        .map_or_else(|| broken("whole answer", error), |error| wrong(tls::said(error)))
}

/// `PROTOCOL_ERROR`, as RFC 9113 §7 has it; a number where it has none.
fn word(reason: Reason) -> String {
    match u32::from(reason) {
        0..=13 => format!("{reason:?}"),
        other => format!("error {other}"),
    }
}
