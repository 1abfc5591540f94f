//! The checks of real servers in `keepalived_check.data`: what is asked of whom, how often, and what came of it.

use std::fmt::Write as _;

use config::model::{
    Balance, Balancing, Check, CheckKind, Datagram, GrpcHealth, Pages, Regex, VirtualServer, Way,
};
use health::{Recovery, Verdict};
use status::Condition;

use super::{command, standing};
use crate::compat::balance;

/// The checks of one virtual server.
pub(super) fn of_virtual_server(
    text: &mut String,
    server: &VirtualServer,
    it: &Balance,
    seen: Option<&status::VirtualServer>,
    global: &Balancing,
) {
    let (name, protocol) = (balance::virtual_server(server), balance::protocol(server));
    for real in &it.servers {
        let standing = seen.and_then(|seen| standing::real_server(seen, real.back, protocol));
        for (check, found) in real.checks.iter().zip(standing::checks(standing, &real.checks)) {
            let _ = writeln!(text, " {name} -> {}", balance::server(real.back, protocol));
            if let Some(found) = found {
                stands(text, found, seen.is_some_and(|seen| seen.suspended));
            }
            one(text, check, found, check.log_failures.unwrap_or(global.logs_failures));
        }
    }
}

/// What a check says now.
fn stands(text: &mut String, it: &status::Check, is_suspended: bool) {
    let _ = writeln!(text, "   Enabled = {}", yes(!is_suspended));
    let _ = writeln!(text, "   Up = {}", yes(it.state == Condition::Up));
    let _ = writeln!(text, "   Has run = {}", yes(it.last.is_some()));
    let _ = writeln!(text, "   Current weight = {}", it.adds);
}

fn one(text: &mut String, check: &Check, seen: Option<&status::Check>, logs_failures: bool) {
    let pace = &check.pace;
    // The others are told when there is something to be told.
    if !matches!(check.kind, CheckKind::File(..) | CheckKind::Bfd(_)) {
        let _ = writeln!(text, "   Alpha = {}", yes(check.start == Verdict::Down));
        let _ = writeln!(text, "   Delay loop = {} us", pace.delay_loop.as_micros());
        let _ = writeln!(text, "   Warmup = {} us", pace.warmup.as_micros());
        let _ = writeln!(text, "   Retries = {}", pace.retry);
        if pace.retry > 0 {
            let delay = pace.delay_before_retry.as_micros();
            let _ = writeln!(text, "   Delay before retry = {delay} us");
        }
        if let (Some(seen), true) = (seen, pace.retry > 0) {
            let _ = writeln!(text, "   Retries iterations = {}", seen.failures);
        }
    }
    let _ = writeln!(text, "   Log all failures = {}", yes(logs_failures));
    let word = balance::check_word(&check.kind);
    match &check.kind {
        CheckKind::Http(way, pages) | CheckKind::Https(way, pages) => {
            connection(text, way, check);
            let _ =
                writeln!(text, "   Keepalive method = {word}, http protocol {}", pages.protocol);
            self::pages(text, pages, pace.recovery);
            return;
        }
        CheckKind::Tcp(way)
        | CheckKind::Grpc(way, _)
        | CheckKind::Smtp(way, _)
        | CheckKind::Dns(way, ..)
        | CheckKind::Udp(way, _)
        | CheckKind::Ping(way) => connection(text, way, check),
        CheckKind::Misc(_) | CheckKind::File(..) | CheckKind::Bfd(_) => {}
    }
    let _ = writeln!(text, "   Keepalive method = {word}");
    let _ = match &check.kind {
        CheckKind::Grpc(_, asked) => return health(text, asked),
        CheckKind::Smtp(_, name) => writeln!(text, "   helo = {name}"),
        CheckKind::Dns(_, kind, name) => writeln!(text, "   Type = {kind}\n   Name = {name}"),
        CheckKind::Udp(_, datagram) => return reply(text, datagram),
        CheckKind::Misc(program) => {
            let dynamic = if program.is_dynamic { "YES" } else { "NO" };
            let words = command(&program.command.words);
            let seconds = pace.timeout.as_secs();
            writeln!(text, "   script = {words}\n   timeout = {seconds}\n   dynamic = {dynamic}")
        }
        CheckKind::File(name, _) => writeln!(text, "     Tracked file = {name}"),
        CheckKind::Bfd(name) => {
            let alpha = if check.start == Verdict::Down { "ON" } else { "OFF" };
            writeln!(text, "   Name = {name}\n   Alpha is {alpha}")
        }
        CheckKind::Tcp(_) | CheckKind::Ping(_) | CheckKind::Http(..) | CheckKind::Https(..) => {
            Ok(())
        }
    };
}

fn connection(text: &mut String, way: &Way, check: &Check) {
    let server = way.server;
    let _ = writeln!(text, "   Connection\n     Dest = [{}]:{}", server.ip(), server.port());
    if let Some(source) = way.source {
        let _ = writeln!(text, "     Bind to = [{source}]:{}", way.source_port.unwrap_or(0));
    }
    if let Some(link) = &way.link {
        let _ = writeln!(text, "     Bind i/f = {link}");
    }
    if let Some(mark) = way.mark {
        let _ = writeln!(text, "     Mark = {mark}");
    }
    let timeout = check.pace.timeout;
    let _ = writeln!(text, "     Timeout = {:.6}", timeout.as_secs_f64());
}

fn pages(text: &mut String, pages: &Pages, recovery: Recovery) {
    let _ = writeln!(text, "   Enable SNI {}", set(pages.tls.tells_name));
    let _ = writeln!(text, "   Fast recovery {}", set(recovery == Recovery::Fast));
    for page in &pages.pages {
        let _ = writeln!(text, "   Checked url = {}", page.path);
        if let Some(digest) = &page.digest {
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "     digest = {digest}");
        }
        if !page.statuses.is_empty() {
            text.push_str("     HTTP Status Code(s)\n");
        }
        for range in &page.statuses {
            let _ = if range.start() == range.end() {
                writeln!(text, "       {}", range.start())
            } else {
                writeln!(text, "       {}-{}", range.start(), range.end())
            };
        }
        if let Some(regex) = &page.regex {
            expression(text, regex);
        }
    }
}

fn health(text: &mut String, asked: &GrpcHealth) {
    let _ = writeln!(text, "   Service = {}\n   VirtualHost = {}", asked.service, asked.host);
    let _ = writeln!(text, "   TLS = {}", yes(asked.tls.is_some()));
    let Some(tls) = &asked.tls else { return };
    if let Some(name) = &asked.server_name {
        let _ = writeln!(text, "     SNI name = {name}");
    }
    let _ = writeln!(text, "     Verify = {}", yes(tls.verifies));
    if let Some(file) = &tls.authorities {
        let _ = writeln!(text, "     CA file = {file}");
    }
    if let Some(name) = &tls.holder {
        let _ = writeln!(text, "     Certificate name = {name}");
    }
    let _ = writeln!(text, "     Min days = {}", tls.days_left);
}

fn expression(text: &mut String, regex: &Regex) {
    let _ = writeln!(text, "     Regex = \"{}\"", regex.text);
    if regex.must_not_match {
        text.push_str("     Regex no match\n");
    }
    if regex.from > 0 || regex.to.is_some() {
        let to = regex.to.unwrap_or(0);
        let _ = writeln!(text, "     Regex min offset = {}, max_offset = {to}", regex.from);
    }
}

fn reply(text: &mut String, datagram: &Datagram) {
    let _ = writeln!(text, "   Require reply = {}", yes(datagram.reply.is_some()));
    let Some(reply) = &datagram.reply else { return };
    let _ = writeln!(text, "     Min reply length = {}", datagram.shortest);
    let _ = writeln!(text, "     Max reply length = {}", datagram.longest);
    if !reply.is_empty() {
        let is_masked = reply.iter().any(|(_, mask)| *mask != u8::MAX);
        let _ = writeln!(text, "     Reply data len = {}", reply.len());
        let _ = writeln!(text, "     Reply data mask = {}", yes(is_masked));
    }
}

const fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

const fn set(is_set: bool) -> &'static str {
    if is_set { "set" } else { "unset" }
}
