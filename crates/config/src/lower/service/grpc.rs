//! `GRPC_CHECK`: whose health is asked for, under which name, and how.

use super::check::Target;
use super::forwarding::socket_name;
use super::{askable, tls};
use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::model::{GrpcHealth, NamedBy, Tls};
use crate::syntax::Directive;

/// Lowers what a check asks.
pub(super) fn lower(
    block: &Directive,
    target: &Target<'_>,
    reports: &mut Reports<'_>,
) -> GrpcHealth {
    let last = |keyword: &str| block.children().iter().rfind(|it| it.keyword == *keyword);
    let text = |keyword: &str| last(keyword).and_then(|line| line.text(0));
    let host = text("virtualhost").or(target.host);
    let sni = text("sni_name");
    let is_protected = last("tls").and_then(Directive::flag).unwrap_or(false);
    let said = is_protected.then(|| Tls { tells_name: true, ..tls::lower(block, reports) });
    if said.is_none() {
        unprotected(block, reports);
    }
    let asked_host =
        host.map_or_else(|| socket_name(target.back.address, target.back.port), str::to_owned);
    askable::host(&asked_host, block, reports);
    GrpcHealth {
        service: text("service").unwrap_or_default().to_owned(),
        host: asked_host,
        server_name: said.as_ref().and(sni.or(host)).map(str::to_owned),
        server_named_by: NamedBy(if sni.is_some() { "sni_name" } else { "virtualhost" }),
        tls: said,
    }
}

/// Says what has no effect without TLS.
fn unprotected(block: &Directive, reports: &mut Reports<'_>) {
    let is_idle = |line: &&Directive| {
        let keyword = line.keyword.as_str();
        keyword == "sni_name" || keyword.starts_with("tls_")
    };
    if let Some(line) = block.children().iter().find(is_idle) {
        let text = format!("`{}` without `tls` does nothing", line.keyword.as_str());
        reports.warning(codes::UNVERIFIED, text, line.span).help("write `tls` too");
    }
}
