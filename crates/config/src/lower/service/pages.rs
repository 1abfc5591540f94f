//! `HTTP_GET` and `SSL_GET`: pages, and which answers are good.

use core::ops::RangeInclusive;

use health::Recovery;

use super::check::Target;
use super::forwarding::socket_name;
use super::number;
use crate::diagnostic::model as codes;
use crate::lower::command;
use crate::lower::report::Reports;
use crate::model::{Page, Pages, Regex};
use crate::syntax::Directive;

/// Lowers the pages of a check; nothing where there are none.
pub(super) fn lower(
    block: &Directive,
    target: &Target<'_>,
    reports: &mut Reports<'_>,
) -> Option<Pages> {
    let mut host = target.host.map(str::to_owned);
    let mut asked = Pages {
        protocol: "1.0".to_owned(),
        sends_name: false,
        server_name: None,
        is_strict: false,
        pages: Vec::new(),
    };
    for line in block.children() {
        match line.keyword.as_str() {
            "virtualhost" => host = line.text(0).map(str::to_owned),
            "http_protocol" => {
                if let Some(text) = line.text(0) {
                    asked.protocol = text.to_uppercase();
                }
            }
            "enable_sni" => asked.sends_name = line.flag().unwrap_or(asked.sends_name),
            "sni_name" => asked.server_name = line.text(0).map(str::to_owned),
            "tls_compliant" => asked.is_strict = line.flag().unwrap_or(asked.is_strict),
            _ => {}
        }
    }
    // The name for TLS skips the one of the real server.
    let own = block.children().iter().rfind(|it| it.keyword == *"virtualhost");
    asked.server_name = asked
        .server_name
        .take()
        .or_else(|| own.and_then(|line| line.text(0)).or(target.outer_host).map(str::to_owned));
    let host = host.unwrap_or_else(|| socket_name(target.back.address, target.back.port));
    for line in block.children().iter().filter(|it| it.keyword == *"url") {
        asked.pages.extend(page(line, &host, reports));
    }
    if asked.pages.is_empty() {
        command::missing(block, "url", reports);
        return None;
    }
    Some(asked)
}

/// `fast_recovery`.
pub(super) fn recovery(block: &Directive) -> Recovery {
    let line = block.children().iter().rfind(|it| it.keyword == *"fast_recovery");
    match line.and_then(Directive::flag) {
        Some(true) => Recovery::Fast,
        Some(false) | None => Recovery::Paced,
    }
}

fn page(block: &Directive, host: &str, reports: &mut Reports<'_>) -> Option<Page> {
    let mut page = Page {
        path: String::new(),
        host: host.to_owned(),
        statuses: Vec::new(),
        digest: None,
        regex: None,
    };
    for line in block.children() {
        match line.keyword.as_str() {
            "path" => line.text(0)?.clone_into(&mut page.path),
            "virtualhost" => line.text(0)?.clone_into(&mut page.host),
            "status_code" => {
                page.statuses = line.arguments.iter().filter_map(|it| range(it.as_str())).collect()
            }
            "digest" => page.digest = line.text(0).and_then(digest),
            _ => {}
        }
    }
    if page.path.is_empty() {
        command::missing(block, "path", reports);
        return None;
    }
    page.regex = regex(block, reports);
    if page.statuses.is_empty() && page.digest.is_none() && page.regex.is_none() {
        page.statuses.push(200..=299);
    }
    Some(page)
}

fn regex(block: &Directive, reports: &mut Reports<'_>) -> Option<Regex> {
    let last = |keyword: &str| block.children().iter().rfind(|it| it.keyword == *keyword);
    let Some(text) = last("regex").and_then(|line| line.text(0)) else {
        let lonely = block.children().iter().find(|it| it.keyword.as_str().starts_with("regex_"));
        if let Some(line) = lonely {
            let text = format!("`{}` without `regex` does nothing", line.keyword.as_str());
            reports.warning(codes::LONELY_REGEX, text, line.span);
        }
        return None;
    };
    let options = block.children().iter().filter(|it| it.keyword == *"regex_options");
    Some(Regex {
        text: text.to_owned(),
        must_not_match: last("regex_no_match").is_some(),
        options: options.flat_map(|it| it.arguments.iter().map(|word| word.text.clone())).collect(),
        from: last("regex_min_offset").and_then(number).unwrap_or(0),
        to: last("regex_max_offset").and_then(number),
    })
}

/// `200` or `200-299`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = first.parse().ok()?..=last.parse().ok()?;
    Some(range).filter(|range| !range.is_empty())
}

/// 32 hexadecimal digits.
fn digest(text: &str) -> Option<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(number.to_be_bytes())
}
