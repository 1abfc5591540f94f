//! Checks of real servers: what is asked, how often, and when it is believed.

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;
use core::ops::RangeInclusive;
use core::time::Duration;

use health::{Recovery, Verdict};

use super::{Command, Secret};
use crate::source::Span;

/// One check of a real server. Inheritance and defaults are resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Where it is written.
    pub at: Span,
    /// What is asked.
    pub kind: CheckKind,
    /// When.
    pub pace: Pace,
    /// `alpha`: what it says until it knows.
    pub start: Verdict,
    /// `log_all_failures`, where written.
    pub log_failures: Option<bool>,
    /// Where the `regex` of each page is written. Beside the pages, which are the same wherever they stand.
    pub regexes: Vec<Option<Span>>,
}

impl Check {
    /// Whether it wants something that is made before it: TLS, or an expression.
    pub fn wants_means(&self) -> bool {
        match &self.kind {
            CheckKind::Https(..) => true,
            CheckKind::Grpc(_, asked) => asked.tls.is_some(),
            CheckKind::Http(_, asked) => asked.pages.iter().any(|page| page.regex.is_some()),
            CheckKind::Tcp(_)
            | CheckKind::Smtp(..)
            | CheckKind::Dns(..)
            | CheckKind::Udp(..)
            | CheckKind::Ping(_)
            | CheckKind::Misc(_)
            | CheckKind::File(..)
            | CheckKind::Bfd(_) => false,
        }
    }

    /// Whether others do it, or a part of it: run a program, read a file, have a session.
    pub const fn is_done_by_others(&self) -> bool {
        matches!(self.kind, CheckKind::Misc(_) | CheckKind::File(..) | CheckKind::Bfd(_))
    }
}

/// When a check is made, and how often it may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// `delay_loop`.
    pub delay_loop: Duration,
    /// `delay_before_retry`.
    pub delay_before_retry: Duration,
    /// From a failure to the next look while the server is down.
    pub delay_while_down: Duration,
    /// `retry`.
    pub retry: u32,
    /// `warmup`: the first look is at a random time within this.
    pub warmup: Duration,
    /// `connect_timeout`; `misc_timeout` of a program.
    pub timeout: Duration,
    /// Looks that make up one success.
    pub steps: NonZeroU16,
    /// `fast_recovery`.
    pub recovery: Recovery,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// `TCP_CHECK`.
    Tcp(Way),
    /// `HTTP_GET`.
    Http(Way, Pages),
    /// `SSL_GET`.
    Https(Way, Pages),
    /// `GRPC_CHECK`.
    Grpc(Way, GrpcHealth),
    /// `SMTP_CHECK` with its `helo_name`.
    Smtp(Way, String),
    /// `DNS_CHECK`: type and name as written.
    Dns(Way, String, String),
    /// `UDP_CHECK`.
    Udp(Way, Datagram),
    /// `PING_CHECK`.
    Ping(Way),
    /// `MISC_CHECK`.
    Misc(Program),
    /// `FILE_CHECK`: a `track_file`, and its weight where one is written.
    File(String, Option<FileWeight>),
    /// `BFD_CHECK`: a `bfd_instance`.
    Bfd(String),
}

/// Where a check goes, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// `connect_ip` and `connect_port`, or the real server.
    pub server: SocketAddr,
    /// `bindto`.
    pub source: Option<IpAddr>,
    /// `bind_port`.
    pub source_port: Option<u16>,
    /// `bind_if`.
    pub link: Option<String>,
    /// `fwmark`.
    pub mark: Option<u32>,
}

/// What a web server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// `http_protocol`, as written: `1.0`, `1.0C`, `1.1` or `2`.
    pub protocol: String,
    /// What `SSL_GET` says of TLS.
    pub tls: Tls,
    /// `url` blocks in their order, at least one.
    pub pages: Vec<Page>,
}

/// What a gRPC server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrpcHealth {
    /// `service`; empty for the server as a whole.
    pub service: String,
    /// `:authority`: the `virtualhost` that is nearest, or the address and port of the server.
    pub host: String,
    /// `tls`, and what is said of it; none for clear text.
    pub tls: Option<Tls>,
    /// The name for TLS: `sni_name`, else the `virtualhost` that is nearest; none without TLS.
    pub server_name: Option<String>,
    /// The keyword that says it: `sni_name` or `virtualhost`.
    pub server_named_by: NamedBy,
}

/// The keyword that says a name. It changes nothing of what is asked: two are always equal.
#[derive(Clone, Copy, Debug)]
pub struct NamedBy(pub &'static str);

impl PartialEq for NamedBy {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for NamedBy {}

/// What `SSL_GET` and `GRPC_CHECK` tell and demand of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// `enable_sni`: the name of a page is told. A gRPC server is always told one that there is.
    pub tells_name: bool,
    /// `tls_verify`: the certificate has to be good.
    pub verifies: bool,
    /// `tls_ca_file`. Without it the `ca` of `SSL` counts, and without that what the host believes.
    pub authorities: Option<String>,
    /// `tls_name`: whose certificate it has to be, whatever name is told.
    pub holder: Option<String>,
    /// `tls_min_days`: how many days it has to last.
    pub days_left: u32,
}

/// `SSL`: files in PEM form, by which servers know us and we them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Where it is written.
    pub at: Span,
    /// `ca`.
    pub authorities: Option<String>,
    /// `certificate` and `key`.
    pub identity: Option<(String, String)>,
    /// `password` of the key.
    pub pass_phrase: Option<Secret>,
}

/// One `url`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// `path`.
    pub path: String,
    /// The Host header: the `virtualhost` that is nearest, or the address and port of the server.
    pub host: String,
    /// `status_code`; 200 to 299 where nothing else is looked at.
    pub statuses: Vec<RangeInclusive<u16>>,
    /// `digest`.
    pub digest: Option<[u8; 16]>,
    /// `regex`.
    pub regex: Option<Regex>,
    /// `expect_header`: names, and what their values contain.
    pub headers: Vec<(String, Option<String>)>,
    /// `expect_body`: what the body contains.
    pub text: Option<String>,
    /// The name for TLS: `sni_name`, else the `virtualhost` that is nearest, but for the one of the real server.
    pub server_name: Option<String>,
    /// The keyword that says it: `sni_name` or `virtualhost`.
    pub server_named_by: NamedBy,
    /// `tls_compliant`: the end of the answer has to be announced.
    pub is_strict: bool,
}

/// `regex` with its options.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Regex {
    /// The expression.
    pub text: String,
    /// `regex_no_match`.
    pub must_not_match: bool,
    /// `regex_options`.
    pub options: Vec<String>,
    /// `regex_min_offset`.
    pub from: u32,
    /// `regex_max_offset`.
    pub to: Option<u32>,
}

/// What `UDP_CHECK` sends and wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// `payload`.
    pub payload: Vec<u8>,
    /// `require_reply`: values and masks of the first bytes.
    pub reply: Option<Vec<(u8, u8)>>,
    /// `min_reply_length`.
    pub shortest: u16,
    /// `max_reply_length`.
    pub longest: u16,
}

/// What `MISC_CHECK` runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// `misc_path`, as `user`.
    pub command: Command,
    /// `misc_dynamic`.
    pub is_dynamic: bool,
}

/// What the number in a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileWeight {
    /// What it is multiplied by; 0 makes another number than 0 a failure.
    pub weight: i32,
    /// The other way round.
    pub reverse: bool,
}
