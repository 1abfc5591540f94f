//! Checks of a real server.

use core::net::SocketAddr;
use core::num::NonZeroU16;

use health::Verdict;
use intent::service::Back;

use super::grpc;
use super::number;
use super::pace::{Habit, Written};
use super::pages;
use crate::diagnostic::model as codes;
use crate::lower::command;
use crate::lower::report::Reports;
use crate::model::{Check, CheckKind, Datagram, FileWeight, Pace, Program, Way};
use crate::syntax::Directive;

/// What a real server says for all of its checks.
pub(super) struct Target<'a> {
    pub(super) back: Back,
    pub(super) written: Written,
    pub(super) start: Verdict,
    /// `virtualhost` of the real server, else of the virtual server.
    pub(super) host: Option<&'a str>,
    /// `virtualhost` of the virtual server.
    pub(super) outer_host: Option<&'a str>,
}

/// Lowers one block of a real server, where it is a check.
pub(super) fn lower(
    block: &Directive,
    target: &Target<'_>,
    reports: &mut Reports<'_>,
) -> Option<Check> {
    let habit = habit(block.keyword.as_str())?;
    let (mut written, mut start, mut log_failures) = (Written::default(), target.start, None);
    let old_form = block.children().iter().rfind(|it| it.keyword == *"host");
    for line in block.children().iter().chain(old_form.into_iter().flat_map(Directive::children)) {
        written.read(line);
        match line.keyword.as_str() {
            "alpha" => {
                start = match line.flag() {
                    Some(true) => Verdict::Down,
                    Some(false) => Verdict::Up,
                    None => start,
                }
            }
            "log_all_failures" => log_failures = line.flag().or(log_failures),
            _ => {}
        }
    }
    let around = match habit {
        Habit::Program => target.written.without_timeout(),
        Habit::Usual | Habit::Web | Habit::Names => target.written,
    };
    let written = written.or(around);
    let kind = kind(block, target, reports)?;
    let looks = if let CheckKind::Http(_, asked) | CheckKind::Https(_, asked) = &kind {
        asked.pages.len()
    } else {
        1
    };
    let steps = u16::try_from(looks).ok().and_then(NonZeroU16::new).unwrap_or(NonZeroU16::MIN);
    let recovery = pages::recovery(block);
    let pace: Pace = written.pace(habit, steps, recovery);
    let regexes = pages::regexes(block);
    Some(Check { at: block.span, kind, pace, start, log_failures, regexes })
}

fn habit(keyword: &str) -> Option<Habit> {
    Some(match keyword {
        "TCP_CHECK" | "SMTP_CHECK" | "UDP_CHECK" | "PING_CHECK" | "FILE_CHECK" | "BFD_CHECK"
        | "GRPC_CHECK" => Habit::Usual,
        "HTTP_GET" | "SSL_GET" => Habit::Web,
        "DNS_CHECK" => Habit::Names,
        "MISC_CHECK" => Habit::Program,
        _ => return None,
    })
}

fn kind(block: &Directive, target: &Target<'_>, reports: &mut Reports<'_>) -> Option<CheckKind> {
    let last = |keyword: &str| block.children().iter().rfind(|it| it.keyword == *keyword);
    let text = |keyword: &str, default: &str| {
        last(keyword).and_then(|line| line.text(0)).unwrap_or(default).to_owned()
    };
    Some(match block.keyword.as_str() {
        "TCP_CHECK" => CheckKind::Tcp(way(block, target, reports)?),
        "SMTP_CHECK" => {
            let host = last("host").unwrap_or(block);
            let name = text("helo_name", "smtpchecker.keepalived.org");
            CheckKind::Smtp(way(host, target, reports)?, name)
        }
        "DNS_CHECK" => {
            let way = way(block, target, reports)?;
            CheckKind::Dns(way, text("type", "SOA"), text("name", "."))
        }
        "PING_CHECK" => CheckKind::Ping(unported(block, target)),
        "UDP_CHECK" => {
            let way = way(block, target, reports)?;
            CheckKind::Udp(way, datagram(block, reports))
        }
        "HTTP_GET" => {
            let way = way(block, target, reports)?;
            CheckKind::Http(way, pages::lower(block, target, reports)?)
        }
        "SSL_GET" => {
            let way = way(block, target, reports)?;
            CheckKind::Https(way, pages::lower(block, target, reports)?)
        }
        "GRPC_CHECK" => {
            let way = way(block, target, reports)?;
            CheckKind::Grpc(way, grpc::lower(block, target, reports))
        }
        "MISC_CHECK" => CheckKind::Misc(program(block, reports)?),
        "FILE_CHECK" => {
            let Some(name) = last("track_file").and_then(|line| line.text(0)) else {
                command::missing(block, "track_file", reports);
                return None;
            };
            CheckKind::File(name.to_owned(), last("weight").and_then(file_weight))
        }
        "BFD_CHECK" => {
            let Some(name) = last("name").and_then(|line| line.text(0)) else {
                command::missing(block, "name", reports);
                return None;
            };
            CheckKind::Bfd(name.to_owned())
        }
        _ => return None,
    })
}

/// Where a check goes; nothing where no port is known.
fn way(block: &Directive, target: &Target<'_>, reports: &mut Reports<'_>) -> Option<Way> {
    let way = unported(block, target);
    if way.server.port() == 0 {
        let text = format!("{}: there is no port to ask at", block.keyword.as_str());
        reports
            .warning(codes::NO_PORT, format!("{text}: the check is left out"), block.span)
            .help("write `connect_port N`");
        return None;
    }
    Some(way)
}

fn unported(block: &Directive, target: &Target<'_>) -> Way {
    let (mut address, mut port) = (target.back.address, target.back.port);
    let (mut source, mut source_port, mut link, mut mark) = (None, None, None, None);
    for line in block.children() {
        match line.keyword.as_str() {
            "connect_ip" => address = number(line).unwrap_or(address),
            "connect_port" => port = number(line).unwrap_or(port),
            "bindto" => source = number(line).or(source),
            "bind_port" => source_port = number(line).or(source_port),
            "bind_if" => link = line.text(0).map(str::to_owned),
            "fwmark" => mark = number(line).filter(|mark| *mark != 0),
            _ => {}
        }
    }
    Way { server: SocketAddr::new(address, port), source, source_port, link, mark }
}

fn program(block: &Directive, reports: &mut Reports<'_>) -> Option<Program> {
    let (mut command, mut user, mut is_dynamic) = (None, None, false);
    for line in block.children() {
        match line.keyword.as_str() {
            "misc_path" => command = command::lower(line, reports),
            "user" => user = command::user(&line.arguments),
            "misc_dynamic" => is_dynamic = true,
            _ => {}
        }
    }
    let Some(mut command) = command else {
        command::missing(block, "misc_path", reports);
        return None;
    };
    command.user = user.or(command.user);
    Some(Program { command, is_dynamic })
}

/// `<number> [reverse|noreverse]`.
fn file_weight(line: &Directive) -> Option<FileWeight> {
    let reverse = line.text(1) == Some("reverse");
    Some(FileWeight { weight: number(line)?, reverse })
}

fn datagram(block: &Directive, reports: &mut Reports<'_>) -> Datagram {
    let mut datagram =
        Datagram { payload: PAYLOAD.to_vec(), reply: None, shortest: 0, longest: 255 };
    for line in block.children() {
        let digits: String = line.arguments.iter().map(|word| word.as_str()).collect();
        match line.keyword.as_str() {
            "payload" | "require_reply" => {
                let Some(bytes) = masked(&digits) else {
                    let text = format!("`{digits}` is not made of pairs of hexadecimal digits");
                    reports.warning(codes::BAD_BYTES, text, line.span);
                    continue;
                };
                if line.keyword == *"payload" {
                    datagram.payload = bytes.into_iter().map(|(value, _)| value).collect();
                } else {
                    datagram.reply = Some(bytes);
                }
            }
            "min_reply_length" => datagram.shortest = number(line).unwrap_or(datagram.shortest),
            "max_reply_length" => datagram.longest = number(line).unwrap_or(datagram.longest),
            _ => {}
        }
    }
    datagram
}

/// Pairs of hexadecimal digits, of which an `x` stands for any: values and masks.
fn masked(digits: &str) -> Option<Vec<(u8, u8)>> {
    let nibble = |byte: &u8| match byte {
        b'x' | b'X' => Some((0, 0)),
        digit => char::from(*digit)
            .to_digit(16)
            .and_then(|value| u8::try_from(value).ok())
            .map(|value| (value, 0x0f)),
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| {
            let ((high, high_mask), (low, low_mask)) = (nibble(high)?, nibble(low)?);
            Some((high << 4 | low, high_mask << 4 | low_mask))
        })
        .collect()
}

/// 32 bytes of text.
const PAYLOAD: &[u8; 32] = b"keepalived check - of steadfast.";

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use health::Recovery;

    use super::*;

    #[test]
    fn bytes_are_pairs_of_digits_of_which_some_may_be_anything() {
        assert_eq!(
            masked("70 6x".replace(' ', "").as_str()),
            Some(vec![(0x70, 0xff), (0x60, 0xf0)])
        );
        assert_eq!(masked("xx"), Some(vec![(0, 0)]));
        assert_eq!(masked(""), Some(Vec::new()));
        assert_eq!(masked("7"), None);
        assert_eq!(masked("7g"), None);
    }

    #[test]
    fn a_program_has_a_delay_loop_of_time_and_no_retry() {
        let pace = Written::default().pace(Habit::Program, NonZeroU16::MIN, Recovery::Paced);
        assert_eq!((pace.retry, pace.timeout), (0, Duration::from_secs(60)));
    }
}
