//! How packets get to a server, and at which port.

use std::net::IpAddr;

use intent::service::{Back, Forwarding, Front, Tunnel, TunnelChecksum};
use wire::Family;

use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::model::place;
use crate::syntax::Directive;

/// Lowers `NAT|DR|TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`.
pub(super) fn lower(line: &Directive, reports: &mut Reports<'_>) -> Option<Forwarding> {
    let mut words = line.arguments.iter().map(|word| word.as_str());
    let method = words.next()?;
    let (mut kind, mut port, mut checksum) = ("ipip", None, TunnelChecksum::Without);
    while let Some(word) = words.next() {
        match word {
            "type" => kind = words.next()?,
            "port" => port = words.next().and_then(|text| text.parse().ok()),
            "csum" => checksum = TunnelChecksum::Full,
            "remcsum" => checksum = TunnelChecksum::Remote,
            _ => {}
        }
    }
    let tunnel = match (method, kind, port) {
        ("NAT", ..) => return Some(Forwarding::Nat),
        ("DR", ..) => return Some(Forwarding::DirectRoute),
        ("TUN", "ipip", _) => Tunnel::IpIp,
        ("TUN", "gre", _) => Tunnel::Gre { checksum },
        ("TUN", "gue", Some(port)) => Tunnel::Gue { port, checksum },
        ("TUN", "gue", None) => {
            reports
                .warning(codes::TUNNEL, "a GUE tunnel without a port: it is left out", line.span)
                .help("write `type gue port N`");
            return None;
        }
        _ => return None,
    };
    Some(Forwarding::Tunnel(tunnel))
}

/// Where a server is, with what cannot be as written said.
pub(super) fn place_diagnosed(
    back: Back,
    forwarding: Forwarding,
    fronts: &[Front],
    line: &Directive,
    reports: &mut Reports<'_>,
) -> Option<Back> {
    let own = Family::of(back.address);
    if !matches!(forwarding, Forwarding::Tunnel(_)) && fronts.iter().any(|it| it.family() != own) {
        let name = line.keyword.as_str();
        let text = format!("{name} {} is of another family than what it serves", back.address);
        reports
            .warning(codes::SERVER_FAMILY, format!("{text}: it is left out"), line.span)
            .help("only `lvs_method TUN` reaches another family");
        return None;
    }
    let [front] = fronts else { return Some(back) };
    let placed = place(back, forwarding, front);
    if back.port != 0 && placed.port != back.port {
        let text = format!(
            "only NAT can change a port: `{} {} {}` is at port {}",
            line.keyword.as_str(),
            back.address,
            back.port,
            placed.port
        );
        reports.warning(codes::PORT_ADAPTED, text, line.span);
    }
    Some(placed)
}

/// `192.0.2.1:80` or `[2001:db8::1]:80`: what a web server is called that has no name.
pub(super) fn socket_name(address: IpAddr, port: u16) -> String {
    Back { address, port }.to_string()
}
