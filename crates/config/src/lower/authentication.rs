//! `authentication`: the eight bytes of VRRPv2.

use vrrp::{Mode, Start};
use wire::Version;
use wire::vrrp::{Authentication, HeaderKey};

use super::instance::Written;
use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::Proof;

/// Lowers the block of one instance.
pub(super) fn lower(
    written: &mut Written<'_>,
    version: Version,
    strict: bool,
    reports: &mut Reports<'_>,
) -> (Authentication, Option<Proof>) {
    let nothing = (Authentication::None, None);
    let Some(block) = written.authentication else { return nothing };
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
        return nothing;
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
        return nothing;
    };
    let bytes = password.text.as_bytes();
    if bytes.len() > Authentication::LEN {
        reports
            .warning(
                codes::PASSWORD_CUT,
                "`auth_pass` is longer than 8 bytes: only the first 8 go on the wire",
                password.span,
            )
            .help("shorten it to what is sent; all nodes agree only if their first 8 bytes do");
    }
    match kind.map(|word| word.text.as_str()) {
        Some("PASS") => (Authentication::pass(bytes), None),
        Some("AH") => (Authentication::Header, Some(Proof::Header(HeaderKey::new(bytes)))),
        // Every other word was reported by the check.
        _ => nothing,
    }
}

/// The first timer under `authentication`: whoever counts packets listens first, so that it counts on from the others.
pub(super) fn start(
    written: &Written<'_>,
    start: Start,
    mode: Mode,
    authentication: Authentication,
    reports: &mut Reports<'_>,
) -> Start {
    let is_cleared =
        authentication == Authentication::Header && start == Start::Active && mode != Mode::Owner;
    if !is_cleared {
        return start;
    }
    if let Some(block) = written.authentication {
        reports
            .warning(
                codes::STATE_CLEARED,
                "with `auth_type AH` an instance starts as BACKUP, whatever `state` says",
                block.keyword.span,
            )
            .help("write `state BACKUP` and let the priority decide");
    }
    Start::Backup
}
