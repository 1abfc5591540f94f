//! The network of the demonstration: a bridge, and a cable from it into each of five namespaces.
//!
//! ```text
//!                      bridge
//!     to-a |  to-b |  | to-client | to-web-1 | to-web-2
//!     eth0 |  eth0 |  | eth0      | eth0     | eth0
//!      router a   b    client      web-1      web-2
//! ```

use std::net::{IpAddr, Ipv4Addr};

use anyhow::Context as _;
use intent::{Address, Flags, IfIndex, Lifetime};
use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use kernel::sysctl::{self, Setting};
use wire::MacAddr;

use super::web::Web;

/// One of the two machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Router {
    /// The one that prefers the first virtual router.
    A,
    /// The one that prefers the second.
    B,
}

impl Router {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::A, Self::B];

    /// Its name in the time line.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    /// The Ethernet address of its `eth0`.
    pub(super) const fn mac(self) -> MacAddr {
        match self {
            Self::A => MacAddr([0x02, 0, 0, 0, 0, 0x0a]),
            Self::B => MacAddr([0x02, 0, 0, 0, 0, 0x0b]),
        }
    }

    /// Who has this Ethernet address.
    pub(super) fn of(mac: MacAddr) -> Option<Self> {
        Self::ALL.into_iter().find(|router| router.mac() == mac)
    }

    /// The other machine.
    pub(super) const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    const fn address(self) -> Ipv4Addr {
        match self {
            Self::A => Ipv4Addr::new(10, 101, 1, 185),
            Self::B => Ipv4Addr::new(10, 101, 1, 186),
        }
    }
}

/// The namespaces, and the switch between them.
#[derive(Debug)]
pub(super) struct Topology {
    a: Namespace,
    b: Namespace,
    client: Namespace,
    webs: [Namespace; 2],
    bridge: RequestSocket,
    ports: [IfIndex; 2],
}

/// Number of `eth0` in the client's namespace.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientLink(pub(super) IfIndex);

impl Topology {
    /// Builds it in the namespace of this process.
    ///
    /// **Errors**: the kernel refuses a namespace, a bridge or veth links.
    pub(super) fn build() -> anyhow::Result<(Self, ClientLink)> {
        let mut bridge = RequestSocket::open()?;
        bridge.create_bridge(BRIDGE)?;
        let master = index(&mut bridge, BRIDGE)?;
        bridge.set_link_up(master, true)?;
        let (a, b, client) = (Namespace::create()?, Namespace::create()?, Namespace::create()?);
        let (port_a, _) = plug(&mut bridge, master, &a, "a", Router::A.mac(), Router::A.address())?;
        let (port_b, _) = plug(&mut bridge, master, &b, "b", Router::B.mac(), Router::B.address())?;
        let (_, link) = plug(&mut bridge, master, &client, "client", CLIENT_MAC, CLIENT)?;
        let webs = [Namespace::create()?, Namespace::create()?];
        for (web, home) in Web::ALL.into_iter().zip(&webs) {
            plug(&mut bridge, master, home, web.name(), web_mac(web), web.address())?;
            home.within(serve_virtual_address)??;
        }
        Ok((Self { a, b, client, webs, bridge, ports: [port_a, port_b] }, ClientLink(link)))
    }

    /// Where a router lives.
    pub(super) const fn router(&self, router: Router) -> &Namespace {
        match router {
            Router::A => &self.a,
            Router::B => &self.b,
        }
    }

    /// Where the client lives.
    pub(super) const fn client(&self) -> &Namespace {
        &self.client
    }

    /// Where a web server lives.
    pub(super) const fn web(&self, web: Web) -> &Namespace {
        let [one, two] = &self.webs;
        match web {
            Web::One => one,
            Web::Two => two,
        }
    }

    /// Pulls the cable of a router out of the bridge's side, or plugs it in again: its `eth0` has no carrier then.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn set_cable(&mut self, router: Router, plugged: bool) -> anyhow::Result<()> {
        let [a, b] = self.ports;
        let port = match router {
            Router::A => a,
            Router::B => b,
        };
        self.bridge.set_link_up(port, plugged).context("cable of a router")
    }
}

/// Lays a cable from the bridge to `eth0` of a namespace, which gets an address. Returns both ends.
fn plug(
    bridge: &mut RequestSocket,
    master: IfIndex,
    namespace: &Namespace,
    name: &str,
    mac: MacAddr,
    address: Ipv4Addr,
) -> anyhow::Result<(IfIndex, IfIndex)> {
    let MacAddr([_, rest @ ..]) = mac;
    let [r1, r2, r3, r4, r5] = rest;
    let port_mac = MacAddr([0x06, r1, r2, r3, r4, r5]);
    let port_name = format!("to-{name}");
    let there = (LINK, mac);
    bridge.create_veth((&port_name, port_mac), there, std::os::fd::AsFd::as_fd(namespace))?;
    let port = index(bridge, &port_name)?;
    bridge.set_master(port, master)?;
    bridge.set_link_up(port, true)?;
    let link = namespace.within(|| set_up(address))??;
    Ok((port, link))
}

/// Brings the links of this namespace up.
fn set_up(address: Ipv4Addr) -> anyhow::Result<IfIndex> {
    let mut requests = RequestSocket::open()?;
    let loopback = index(&mut requests, "lo")?;
    requests.set_link_up(loopback, true)?;
    let link = index(&mut requests, LINK)?;
    requests.set_link_up(link, true)?;
    for outcome in requests.set_addresses(&[own(link, address)]) {
        outcome?;
    }
    Ok(link)
}

/// Makes this namespace a real server behind direct routing: it has the page's address, and does not say so by ARP.
fn serve_virtual_address() -> anyhow::Result<()> {
    sysctl::write("all", Setting::ArpIgnore, 1)?;
    sysctl::write("all", Setting::ArpAnnounce, 2)?;
    let mut requests = RequestSocket::open()?;
    let loopback = index(&mut requests, "lo")?;
    let address = Address { prefix: 32, ..own(loopback, PAGE) };
    for outcome in requests.set_addresses(&[address]) {
        outcome?;
    }
    Ok(())
}

fn own(interface: IfIndex, address: Ipv4Addr) -> Address {
    Address {
        interface,
        address: IpAddr::V4(address),
        prefix: 22,
        peer: None,
        broadcast: None,
        scope: 0,
        label: None,
        lifetime: Lifetime::Forever,
        preferred: Lifetime::Forever,
        flags: Flags::default(),
        protocol: 0,
    }
}

fn index(requests: &mut RequestSocket, name: &str) -> anyhow::Result<IfIndex> {
    requests.index_of(name)?.with_context(|| format!("link {name} is not there"))
}

/// The interface that the example configurations name.
pub(super) const LINK: &str = "eth0";
/// The client's address.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 101, 2, 10);
/// The virtual address whose web page is asked for.
pub(super) const PAGE: Ipv4Addr = Ipv4Addr::new(10, 101, 0, 101);
const CLIENT_MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0c]);

const fn web_mac(web: Web) -> MacAddr {
    match web {
        Web::One => MacAddr([0x02, 0, 0, 0, 0, 0x11]),
        Web::Two => MacAddr([0x02, 0, 0, 0, 0, 0x12]),
    }
}

const BRIDGE: &str = "lan";
