//! Why an answer is none, in one line of our own: the texts of libraries change with them.

use std::error::Error as _;
use std::io;

use health::Failure;

use crate::patience::{broken, wrong};
use crate::tls;

pub(super) fn refused(error: &hyper::Error) -> Failure {
    // A request that was not sent yet is given up for an error, which is given up for that of the connection.
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    let io = causes.find_map(|cause| cause.downcast_ref::<io::Error>());
    if let Some(error) = io.and_then(tls::tls_error) {
        return wrong(tls::said(error));
    }
    // The library tells this apart for servers only, but for its words.
    if error.is_parse() && error.to_string().contains("too large") {
        return wrong("the head of the answer is too long");
    }
    if error.is_parse() || error.is_parse_status() {
        return wrong("the answer is not HTTP");
    }
    match io.map(|error| (error, error.kind())) {
        Some((_, io::ErrorKind::UnexpectedEof)) => wrong("the answer is cut short"),
        Some((_, io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)) => {
            wrong("the chunks of the answer are malformed")
        }
        Some((error, _)) => broken("whole answer", error),
        None if error.is_incomplete_message() || error.is_closed() || error.is_canceled() => {
            wrong("the connection ends before the head of an answer")
        }
        None => wrong(format!("the answer cannot be read: {error}")),
    }
}
