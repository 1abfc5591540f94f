//! `HTTP_GET` and `SSL_GET`: pages, and which answers are good.

use core::ops::RangeInclusive;

use health::Recovery;

use super::check::Target;
use super::forwarding::socket_name;
use super::{askable, number, tls};
use crate::diagnostic::model as codes;
use crate::lower::command;
use crate::lower::report::Reports;
use crate::model::{NamedBy, Page, Pages, Regex};
use crate::source::Span;
use crate::syntax::Directive;

/// Lowers the pages of a check; nothing where there are none.
pub(super) fn lower(
    block: &Directive,
    target: &Target<'_>,
    reports: &mut Reports<'_>,
) -> Option<Pages> {
    let mut asked =
        Pages { protocol: "1.0".to_owned(), tls: tls::lower(block, reports), pages: Vec::new() };
    let (mut own, mut sni, mut is_strict) = (None, None, false);
    for line in block.children() {
        match line.keyword.as_str() {
            "virtualhost" => own = line.text(0),
            "http_protocol" => {
                if let Some(text) = line.text(0) {
                    asked.protocol = text.to_uppercase();
                }
            }
            "sni_name" => sni = line.text(0),
            "tls_compliant" => is_strict = line.flag().unwrap_or(is_strict),
            _ => {}
        }
    }
    let host = own.or(target.host).map(str::to_owned);
    let outer = Outer {
        host: host.unwrap_or_else(|| socket_name(target.back.address, target.back.port)),
        sni,
        // The name for TLS skips the one of the real server.
        host_for_tls: own.or(target.outer_host),
        is_strict,
        is_by_http_2: asked.protocol == "2",
    };
    for line in block.children().iter().filter(|it| it.keyword == *"url") {
        asked.pages.extend(page(line, &outer, reports));
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

/// Where the `regex` of each page is written.
pub(super) fn regexes(block: &Directive) -> Vec<Option<Span>> {
    let pages = block.children().iter().filter(|it| it.keyword == *"url");
    let regex = |page: &Directive| {
        let line = page.children().iter().rfind(|it| it.keyword == *"regex")?;
        line.arguments.first().map(|word| word.span)
    };
    // As many as there are pages: one without `path` is none.
    pages.filter(|page| path(page).is_some()).map(regex).collect()
}

/// What is said for all pages of a check.
struct Outer<'a> {
    host: String,
    sni: Option<&'a str>,
    host_for_tls: Option<&'a str>,
    is_strict: bool,
    is_by_http_2: bool,
}

fn path(block: &Directive) -> Option<&str> {
    let line = block.children().iter().rfind(|it| it.keyword == *"path")?;
    line.text(0).filter(|path| !path.is_empty())
}

fn page(block: &Directive, outer: &Outer<'_>, reports: &mut Reports<'_>) -> Option<Page> {
    let Some(path) = path(block) else {
        command::missing(block, "path", reports);
        return None;
    };
    let mut page = Page {
        path: path.to_owned(),
        host: outer.host.clone(),
        statuses: Vec::new(),
        digest: None,
        regex: None,
        headers: Vec::new(),
        text: None,
        server_name: None,
        server_named_by: NamedBy(if outer.sni.is_some() { "sni_name" } else { "virtualhost" }),
        is_strict: outer.is_strict,
    };
    let mut own = None;
    for line in block.children() {
        match line.keyword.as_str() {
            "virtualhost" => own = line.text(0).or(own),
            "expect_header" => {
                let text = line.text(1).map(str::to_owned);
                page.headers.extend(line.text(0).map(|name| (name.to_owned(), text)));
            }
            "expect_body" => page.text = line.text(0).map(str::to_owned),
            "tls_compliant" => page.is_strict = line.flag().unwrap_or(page.is_strict),
            "status_code" => {
                page.statuses = line.arguments.iter().filter_map(|it| range(it.as_str())).collect()
            }
            "digest" => page.digest = line.text(0).and_then(digest),
            _ => {}
        }
    }
    if let Some(own) = own {
        own.clone_into(&mut page.host);
    }
    if outer.is_by_http_2 {
        askable::host(&page.host, block, reports);
        askable::path(&page.path, block, reports);
    }
    page.server_name = outer.sni.or(own).or(outer.host_for_tls).map(str::to_owned);
    page.regex = regex(block, reports);
    if page.statuses.is_empty() {
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
