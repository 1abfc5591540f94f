//! Checkers of real servers; what they have in common stands once.

use super::super::Keyword;
#[allow(clippy::enum_glob_use, unused_imports, reason = "rows are read as tables")]
use super::super::Kind::*;
#[allow(unused_imports, reason = "not every region has rows with a grammar")]
use super::super::words;
use super::rows::*;

/// Where and how a checker connects.
pub(super) const CONNECT: &[Keyword] = &[
    value("connect_ip", &[required(Address)], "RS address", "Address to probe").supported(),
    value("connect_port", &[required(Integer(1, 65_535))], "RS port", "Port to probe").supported(),
    value("bindto", &[required(Address)], "none", "Source address").supported(),
    value("bind_port", &[required(Integer(1, 65_535))], "none", "Source port").supported(),
    value("bind_if", &[required(Interface)], "none", "SO_BINDTODEVICE").supported(),
    value(
        "connect_timeout",
        &[required(Seconds(0, i64::MAX))],
        "inherit 5",
        "Time for the whole conversation, from connecting to its end",
    )
    .supported(),
    value("fwmark", &[required(Integer(0, UNSIGNED))], "none", "SO_MARK").supported(),
];

/// How often a checker checks, and when it believes what it finds.
pub(super) const REPEAT: &[Keyword] = &[
    value("retry", &[required(Integer(0, UNSIGNED))], "inherit", "Retries after failure")
        .supported(),
    value(
        "delay_before_retry",
        &[required(Seconds(0, i64::MAX))],
        "inherit",
        "Gap between retries",
    )
    .supported(),
    value("warmup", &[required(Seconds(0, i64::MAX))], "inherit", "Random first delay").supported(),
    value("delay_loop", &[required(Seconds(1, i64::MAX))], "inherit", "Check period").supported(),
    boolean("alpha", "inherit", "Start down until success").supported(),
    boolean("log_all_failures", "global", "Log each failure").supported(),
];

/// HTTP_GET and SSL_GET.
pub(super) const HTTP: &[Keyword] = &[
    value("nb_get_retry", &[required(Integer(0, UNSIGNED))], "", "DEPRECATED synonym of retry")
        .supported(),
    value("virtualhost", &[required(Word("host name"))], "rs / vs", "Host header default")
        .supported(),
    value(
        "http_protocol",
        &[required(Choice(&["1.0", "1.0C", "1.0c", "1.1", "2"]))],
        "1.0",
        "HTTP version; C = 1.0 with Connection: close; 2 (steadfast only) = by ALPN over TLS, else with prior knowledge",
    )
    .supported(),
    boolean("enable_sni", "off", "SNI for SSL_GET (virtualhost is used as name)").supported(),
    value("sni_name", &[required(Word("host name"))], "virtualhost", "SNI name (SSL_GET)")
        .supported(),
    boolean(
        "fast_recovery",
        "off",
        "While not up and no URL known bad, fetch next URL at once instead of after delay_loop",
    )
    .supported(),
    block("url", NOTHING, "at least one", "One URL to fetch; may be repeated").supported(),
];

/// SSL_GET alone.
pub(super) const HTTPS: &[Keyword] =
    &[boolean("tls_compliant", "off", "Treat unexpected TLS EOF as an error").supported()];

/// What SSL_GET and GRPC_CHECK demand of certificates.
pub(super) const TLS: &[Keyword] = &[
    boolean("tls_verify", "off", "The certificate has to be valid, trusted and for the right name")
        .since("steadfast only")
        .supported(),
    value(
        "tls_ca_file",
        &[required(Word("path"))],
        "ca of SSL, else those of the host",
        "PEM certificates that tls_verify trusts, and no others",
    )
    .since("steadfast only")
    .supported(),
    value(
        "tls_name",
        &[required(Word("host name or address"))],
        "name for SNI, else the address",
        "Whose certificate tls_verify wants",
    )
    .since("steadfast only")
    .supported(),
    value(
        "tls_min_days",
        &[required(Integer(0, 36_500))],
        "0",
        "Days that the certificate has to be valid for, also without tls_verify",
    )
    .since("steadfast only")
    .supported(),
];

/// One URL of HTTP_GET and SSL_GET.
pub(super) const URL: &[Keyword] = &[
    value("path", &[required(Word("path"))], "required", "Request path").supported(),
    value("digest", &[required(Hex(32))], "none", "MD5 of response body (from genhash)")
        .supported(),
    grammar(
        "status_code",
        words("<code or range 100..599>...", 1, None, words::status_codes),
        "200-299",
        "Accepted HTTP status",
    )
    .supported(),
    value("virtualhost", &[required(Word("host name"))], "checker", "Host header").supported(),
    value("regex", &[required(Regex)], "none", "Body must match").supported(),
    flag("regex_no_match", "off", "Body must not match").supported(),
    value("regex_options", &[repeated(Choice(REGEX_OPTIONS))], "none", "PCRE2 options").supported(),
    value(
        "regex_min_offset",
        &[required(Integer(0, UNSIGNED))],
        "0",
        "Match must start at/after this byte",
    )
    .supported(),
    value(
        "regex_max_offset",
        &[required(Integer(0, UNSIGNED))],
        "none",
        "Match must start at or before this byte",
    )
    .supported(),
    value(
        "regex_stack",
        &[required(Integer(0, UNSIGNED)), required(Integer(0, UNSIGNED))],
        "pcre2",
        "JIT stack size",
    )
    .ignored("expressions are not compiled to machine code, which is what needs the stack"),
    value(
        "expect_header",
        &[required(Word("name")), optional(Word("text"))],
        "none",
        "Header that must be there, and what its value must contain; may be repeated",
    )
    .since("steadfast only")
    .supported(),
    value("expect_body", &[required(Word("text"))], "none", "Text that the body must contain")
        .since("steadfast only")
        .supported(),
];

/// One URL of SSL_GET alone.
pub(super) const HTTPS_URL: &[Keyword] =
    &[boolean("tls_compliant", "checker", "Per-URL TLS EOF strictness").supported()];

/// GRPC_CHECK.
pub(super) const GRPC: &[Keyword] = &[
    value("service", &[required(Word("service"))], "the whole server", "Whose health is asked for")
        .since("steadfast only")
        .supported(),
    value("virtualhost", &[required(Word("host name"))], "rs / vs", "The name asked (:authority)")
        .since("steadfast only")
        .supported(),
    boolean("tls", "off", "Over TLS").since("steadfast only").supported(),
    value("sni_name", &[required(Word("host name"))], "virtualhost", "Name that TLS tells")
        .since("steadfast only")
        .supported(),
];

/// SMTP_CHECK.
pub(super) const SMTP: &[Keyword] = &[
    value("helo_name", &[required(Word("name"))], "smtpchecker.keepalived.org", "HELO argument")
        .supported(),
    block("host", NOTHING, "", "DEPRECATED multi-host block; only last counts").supported(),
];

/// DNS_CHECK.
pub(super) const DNS: &[Keyword] = &[
    value(
        "type",
        &[required(Choice(&["A", "NS", "CNAME", "SOA", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"]))],
        "SOA",
        "Query type",
    )
    .supported(),
    value("name", &[required(Word("DNS name"))], ". (root)", "Query name").supported(),
];

/// UDP_CHECK.
pub(super) const UDP: &[Keyword] = &[
    grammar(
        "payload",
        words("<hex>...", 1, None, words::any),
        "32-byte ASCII pattern",
        "Datagram sent",
    )
    .supported(),
    grammar(
        "require_reply",
        words("[<hex with x wildcards>...]", 0, None, words::any),
        "off",
        "A reply (matching) is needed to be up",
    )
    .supported(),
    value("min_reply_length", &[required(Integer(0, 65_535))], "0", "Minimum reply length")
        .supported(),
    value("max_reply_length", &[required(Integer(0, 65_535))], "255", "Maximum reply length")
        .supported(),
];

/// MISC_CHECK.
pub(super) const MISC: &[Keyword] = &[
    value("misc_path", &[required(Script)], "required", "Command to run").supported(),
    value("misc_timeout", &[required(Integer(0, 4294))], "vs delay_loop", "Kill script after")
        .supported(),
    flag("misc_dynamic", "off", "Exit 2..255 sets weight to code-2").supported(),
    value("user", &[required(Word("user")), optional(Word("group"))], "script_user", "Run as")
        .supported(),
];

/// FILE_CHECK.
pub(super) const FILE: &[Keyword] = &[
    value("track_file", &[required(Word("track_file"))], "required", "File to follow").supported(),
    grammar(
        "weight",
        words("<-2147483647..2147483647> [reverse|noreverse]", 1, Some(2), words::server_weight),
        "track_file weight",
        "Weight; non-zero changes RS weight, 0 = down on non-zero",
    )
    .supported(),
];

/// BFD_CHECK.
pub(super) const BFD: &[Keyword] = &[
    value("name", &[required(Word("bfd_instance"))], "required", "Session").supported(),
    boolean("alpha", "inherit", "Start down until session is up").supported(),
];
