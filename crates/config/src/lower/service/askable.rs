//! What HTTP/2 can ask for. HTTP/1 sends what is written; here a request consists of its parts (RFC 9113 §8.3.1), which
//! have to be those of a URI (RFC 3986).

use core::net::Ipv6Addr;

use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::syntax::Directive;

/// Says where the host of a check is none.
pub(super) fn host(host: &str, block: &Directive, reports: &mut Reports<'_>) {
    if !is_authority(host) {
        let text = format!("`virtualhost {host}` is no host that HTTP/2 can ask for");
        reports.error(codes::NOT_ASKABLE, text, block.span);
    }
}

/// Says where the path of a page is none.
pub(super) fn path(path: &str, block: &Directive, reports: &mut Reports<'_>) {
    if !is_path(path) {
        let text = format!("`path {path}` is none that HTTP/2 can ask for");
        reports
            .error(codes::NOT_ASKABLE, text, block.span)
            .help("it begins with `/`, and `%20` stands for a blank");
    }
}

/// A host and perhaps a port; an address of IPv6 stands in brackets.
fn is_authority(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = text.strip_prefix('[') {
        let Some((address, behind)) = rest.split_once(']') else { return false };
        return address.parse::<Ipv6Addr>().is_ok()
            && (behind.is_empty() || behind.strip_prefix(':').is_some_and(is_port));
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte);
    !name.is_empty() && name.bytes().all(of_name) && is_port(port)
}

/// A path and perhaps a query, without the fragment, which is never sent.
fn is_path(text: &str) -> bool {
    text.starts_with('/')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>#\\^`".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_addresses_with_or_without_a_port() {
        for good in
            ["www.example.org", "a_b:8080", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:443"]
        {
            assert!(is_authority(good), "{good}");
        }
        for bad in [
            "",
            ":80",
            "two words",
            "2001:db8::1",
            "[2001:db8::1",
            "[x]",
            "a:b",
            "b\u{fc}ro",
            "u@h",
            "h/p",
        ] {
            assert!(!is_authority(bad), "{bad}");
        }
    }

    #[test]
    fn paths_begin_at_the_root_and_are_printable() {
        for good in ["/", "/health?x=1&y=%20", "/{id}"] {
            assert!(is_path(good), "{good}");
        }
        for bad in ["", "health", "/two words", "/b\u{fc}ro", "/x#y", "/\t"] {
            assert!(!is_path(bad), "{bad}");
        }
    }
}
