//! A query of a name server over UDP (keepalived: `DNS_CHECK`). Any answer without error is good, one without
//! records too. Only the header of the answer is read (RFC 1035 §4.1.1).

use std::fmt;

use health::Failure;
use socket2::Protocol;

use crate::Endpoint;
use crate::patience::{Patience, wrong};

/// A query to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsSpec {
    /// Of whom.
    pub endpoint: Endpoint,
    /// For which name.
    pub name: QueryName,
    /// For which kind of record.
    pub query: QueryType,
    /// The number of the query. A shell takes another for each.
    pub id: u16,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of RFC 1035 §3.2.2 and its successors")]
pub enum QueryType {
    A = 1,
    Ns = 2,
    Cname = 5,
    Soa = 6,
    Mx = 15,
    Txt = 16,
    Aaaa = 28,
    Rrsig = 46,
    Dnskey = 48,
}

/// A name as it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryName(Vec<u8>);

/// A name that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// A label of no or of more than 63 bytes.
    Label,
    /// More than 255 bytes.
    Length,
}

impl QueryName {
    /// The name `text`, of which the last dot may be missing. `.` and nothing are the root.
    ///
    /// **Errors**: what RFC 1035 §2.3.4 does not allow.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let mut bytes = Vec::new();
        for label in text.split('.').filter(|_| !text.is_empty()) {
            let length = u8::try_from(label.len()).map_err(|_| NameError::Label)?;
            if !(1..=63).contains(&length) {
                return Err(NameError::Label);
            }
            bytes.push(length);
            bytes.extend_from_slice(label.as_bytes());
        }
        bytes.push(0);
        if bytes.len() > 255 { Err(NameError::Length) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Label => "each part of a name has 1 to 63 bytes",
            Self::Length => "a name has 255 bytes at most",
        })
    }
}

pub(crate) async fn run(spec: &DnsSpec, patience: Patience) -> Result<(), Failure> {
    let socket = spec.endpoint.datagrams(Protocol::UDP)?;
    patience.attempt("way for the query", socket.send(&query(spec))).await?;
    let mut buffer = [0; 512];
    loop {
        let length = patience.attempt("answer", socket.recv(&mut buffer)).await?;
        let header = buffer.get(..length).and_then(<[u8]>::first_chunk::<12>);
        // Answers to earlier queries, and whatever else somebody sends here, are not ours.
        if let Some([first, second, flags, more, ..]) = header
            && u16::from_be_bytes([*first, *second]) == spec.id
            && flags & IS_ANSWER != 0
        {
            return match more & 0x0f {
                0 => Ok(()),
                code => Err(wrong(format!("answer says {}", error(code)))),
            };
        }
    }
}

/// **Shape**: header with one question, recursion desired; name, type, class IN.
fn query(spec: &DnsSpec) -> Vec<u8> {
    let mut bytes = spec.id.to_be_bytes().to_vec();
    bytes.extend_from_slice(&[RECURSION_DESIRED, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    bytes.extend_from_slice(&spec.name.0);
    bytes.extend_from_slice(&(spec.query as u16).to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes
}

/// RFC 1035 §4.1.1, RCODE.
fn error(code: u8) -> String {
    match code {
        1 => "FORMERR".to_owned(),
        2 => "SERVFAIL".to_owned(),
        3 => "NXDOMAIN".to_owned(),
        4 => "NOTIMP".to_owned(),
        5 => "REFUSED".to_owned(),
        other => format!("error {other}"),
    }
}

const RECURSION_DESIRED: u8 = 0x01;
const IS_ANSWER: u8 = 0x80;
