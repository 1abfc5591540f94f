//! What keepalived calls virtual servers and real servers: in its log, on its pipes, in its letters.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use config::model::{Protocol, VirtualServer};
use intent::service::Back;

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

/// `[192.0.2.11]:tcp:8080`.
pub(crate) fn server(back: Back, protocol: &str) -> String {
    trio(back.address, protocol, back.port)
}

/// The same for the other end of a check.
pub(crate) fn endpoint(server: SocketAddr, protocol: &str) -> String {
    trio(server.ip(), protocol, server.port())
}

fn trio(address: IpAddr, protocol: &str, port: u16) -> String {
    format!("[{address}]:{protocol}:{port}")
}
