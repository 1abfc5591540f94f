//! What keepalived calls virtual servers and real servers: in its log, on its pipes, in its letters.

use std::net::{IpAddr, Ipv4Addr};

use config::model::{CheckKind, Command, Protocol, VirtualServer};
use control::Served;
use intent::service::{Back, Front};
use wire::Family;

/// `[192.0.2.1]:tcp:80`, `FWM 7` or `[web]:0`.
pub(crate) fn virtual_server(server: &VirtualServer) -> String {
    let port = server.port.unwrap_or(0);
    if let Some(group) = &server.group {
        return format!("[{group}]:0");
    }
    if let Some(mark) = server.mark {
        return format!("FWM {mark}");
    }
    let address = server.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    trio(address, protocol(server), port)
}

/// The word for the protocol in the names of a virtual server and its servers: marks have none.
pub(crate) const fn protocol(server: &VirtualServer) -> &'static str {
    match (server.mark, server.protocol) {
        (Some(_), _) => "none",
        (None, Protocol::Tcp) => "tcp",
        (None, Protocol::Udp) => "udp",
        (None, Protocol::Sctp) => "sctp",
    }
}

/// What clients reach.
pub(crate) fn served(server: &VirtualServer) -> Served {
    match (&server.group, server.mark) {
        (Some(group), _) => Served::Group(group.clone()),
        (None, Some(mark)) => Served::Mark(mark),
        (None, None) => {
            let address = server.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
            Served::Address(address, server.port.unwrap_or(0))
        }
    }
}

/// `[192.0.2.11]:tcp:8080`.
pub(crate) fn server(back: Back, protocol: &str) -> String {
    trio(back.address, protocol, back.port)
}

/// What parent and checker process know a virtual server by: two of one name may balance a group, each a protocol, or a
/// mark, each a family.
pub(crate) fn key(server: &VirtualServer) -> String {
    let mut key = format!("{} {}", virtual_server(server), protocol(server));
    let front = server.balance.as_ref().and_then(|balance| balance.fronts.first());
    if let Some(Front::Mark { family: Family::Ipv6, .. }) = front
        && server.group.is_none()
    {
        key.push_str(" inet6");
    }
    key
}

/// What they know a real server by.
pub(crate) fn server_key(key: &str, back: Back) -> String {
    format!("{key} {back}")
}

/// What they know the program of a check by: the same program is the same, wherever it stands.
pub(crate) fn program_key(server_key: &str, command: &Command) -> String {
    let user = command.user.as_ref();
    let name = user.map_or("", |user| user.name.as_str());
    let group = user.and_then(|user| user.group.as_deref()).unwrap_or_default();
    format!("{server_key} {name}:{group} {}", command.words.join("\0"))
}

/// Subject of a letter about a real server.
pub(crate) fn server_subject(server: &str, service: &str, is_up: bool) -> String {
    let state = super::changes::up_or_down(is_up);
    format!("Realserver {server} of virtual server {service} - {state}")
}

/// Subject of a letter about a virtual server.
pub(crate) fn service_subject(service: &str, is_up: bool) -> String {
    format!("Virtualserver {service} - {}", super::changes::up_or_down(is_up))
}

/// The block of a check.
pub(crate) const fn check_word(kind: &CheckKind) -> &'static str {
    match kind {
        CheckKind::Tcp(_) => "TCP_CHECK",
        CheckKind::Http(..) => "HTTP_GET",
        CheckKind::Https(..) => "SSL_GET",
        CheckKind::Grpc(..) => "GRPC_CHECK",
        CheckKind::Smtp(..) => "SMTP_CHECK",
        CheckKind::Dns(..) => "DNS_CHECK",
        CheckKind::Udp(..) => "UDP_CHECK",
        CheckKind::Ping(_) => "PING_CHECK",
        CheckKind::Misc(_) => "MISC_CHECK",
        CheckKind::File(..) => "FILE_CHECK",
        CheckKind::Bfd(_) => "BFD_CHECK",
    }
}

/// What a check is called that asks nobody by address: its program, file or session.
pub(crate) fn check_name(kind: &CheckKind) -> Option<String> {
    match kind {
        CheckKind::Misc(program) => Some(program.command.words.join(" ")),
        CheckKind::File(name, _) | CheckKind::Bfd(name) => Some(name.clone()),
        CheckKind::Tcp(_)
        | CheckKind::Http(..)
        | CheckKind::Https(..)
        | CheckKind::Grpc(..)
        | CheckKind::Smtp(..)
        | CheckKind::Dns(..)
        | CheckKind::Udp(..)
        | CheckKind::Ping(_) => None,
    }
}

/// Text of a letter about a check.
pub(crate) fn check_text(kind: &CheckKind, is_up: bool) -> String {
    let word = if is_up { "succeed" } else { "failed" };
    match kind {
        CheckKind::Tcp(_) => format!("=> TCP CHECK {word} on service <="),
        CheckKind::Http(..) | CheckKind::Https(..) if !is_up => {
            "=> CHECK failed on service : HTTP request failed <=".to_owned()
        }
        CheckKind::Http(..) | CheckKind::Https(..) | CheckKind::Smtp(..) => {
            format!("=> CHECK {word} on service <=")
        }
        CheckKind::Grpc(..) => format!("=> GRPC CHECK {word} on service <="),
        CheckKind::Dns(..) => format!("=> DNS_CHECK: {word} on service <="),
        CheckKind::Udp(..) => format!("=> UDP CHECK {word} on service <="),
        CheckKind::Ping(_) => format!("=> ICMP CHECK {word} on service <="),
        CheckKind::Misc(_) => format!("=> MISC CHECK {word} on service <="),
        CheckKind::File(..) => format!("=> FILE CHECK {word} on service <="),
        CheckKind::Bfd(name) => {
            format!("=> BFD CHECK {name} {} on service <=", super::changes::up_or_down(is_up))
        }
    }
}

fn trio(address: IpAddr, protocol: &str, port: u16) -> String {
    format!("[{address}]:{protocol}:{port}")
}
