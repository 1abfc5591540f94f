//! What `SSL_GET` and `GRPC_CHECK` demand of TLS, and `SSL`.

use super::number;
use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::model::{Secret, Tls, TlsFiles};
use crate::syntax::Directive;

/// Lowers what a check says of TLS.
pub(super) fn lower(block: &Directive, reports: &mut Reports<'_>) -> Tls {
    let mut tls = Tls::default();
    for line in block.children() {
        match line.keyword.as_str() {
            "enable_sni" => tls.tells_name = line.flag().unwrap_or(tls.tells_name),
            "tls_verify" => tls.verifies = line.flag().unwrap_or(tls.verifies),
            "tls_ca_file" => tls.authorities = line.text(0).map(str::to_owned),
            "tls_name" => tls.holder = line.text(0).map(str::to_owned),
            "tls_min_days" => tls.days_left = number(line).unwrap_or(tls.days_left),
            _ => {}
        }
    }
    if !tls.verifies {
        let idle = |line: &&Directive| ["tls_ca_file", "tls_name"].contains(&line.keyword.as_str());
        if let Some(line) = block.children().iter().find(idle) {
            let text = format!("`{}` without `tls_verify` does nothing", line.keyword.as_str());
            reports.warning(codes::UNVERIFIED, text, line.span).help("write `tls_verify` too");
        }
    }
    tls
}

/// Lowers `SSL`. A later block replaces an earlier one.
pub(in crate::lower) fn files(block: &Directive, reports: &mut Reports<'_>) -> TlsFiles {
    let text = |keyword: &str| {
        let line = block.children().iter().rfind(|it| it.keyword == *keyword)?;
        line.text(0).map(str::to_owned)
    };
    let (certificate, key) = (text("certificate"), text("key"));
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (certificate, _) => {
            let (is, lacks) =
                if certificate.is_some() { ("certificate", "key") } else { ("key", "certificate") };
            reports
                .warning(
                    codes::HALF_IDENTITY,
                    format!("`{is}` without `{lacks}`: servers that ask who we are get no answer"),
                    block.span,
                )
                .help(format!("write `{lacks} FILE`"));
            None
        }
    };
    let pass_phrase = text("password").map(Secret::new);
    TlsFiles { at: block.span, authorities: text("ca"), identity, pass_phrase }
}
