//! `authentication`: the eight bytes of VRRPv2.

use wire::Version;
use wire::vrrp::Authentication;

use super::instance::Written;
use super::report::Reports;
use crate::diagnostic::model as codes;

/// Lowers the block of one instance.
pub(super) fn lower(
    written: &mut Written<'_>,
    version: Version,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Authentication {
    let Some(block) = written.authentication else { return Authentication::None };
    let mut kind = None;
    let mut password = None;
    for line in block.children() {
        match line.keyword.text.as_str() {
            "auth_type" => kind = line.arguments.first(),
            "auth_pass" => password = line.arguments.first(),
            _ => {}
        }
    }
    if version == Version::V3 || strict {
        let why = if strict {
            "strict mode turns authentication off on the wire"
        } else {
            "VRRPv3 has no authentication"
        };
        reports
            .warning(
                codes::AUTHENTICATION_IGNORED,
                format!("{why}: this block is ignored"),
                block.keyword.span,
            )
            .help("remove the block, on every node of this VRID");
        return Authentication::None;
    }
    let Some(password) = password else {
        if kind.is_some() {
            reports
                .warning(
                    codes::AUTHENTICATION_IGNORED,
                    "`authentication` without `auth_pass` is ignored",
                    block.keyword.span,
                )
                .help("add `auth_pass`, the same on every node");
        }
        return Authentication::None;
    };
    let bytes = password.text.as_bytes();
    if bytes.len() > Authentication::LEN {
        let shown =
            String::from_utf8_lossy(bytes.get(..Authentication::LEN).unwrap_or(bytes)).into_owned();
        reports
            .warning(
                codes::PASSWORD_CUT,
                format!("`auth_pass` is longer than 8 bytes: only `{shown}` goes on the wire"),
                password.span,
            )
            .help("shorten it to what is sent; all nodes agree only if their first 8 bytes do");
    }
    match kind.map(|word| word.text.as_str()) {
        Some("PASS") => Authentication::pass(bytes),
        // AH holds the instance back until it is executed; every other word was reported by the check.
        _ => Authentication::None,
    }
}
