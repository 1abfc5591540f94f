//! Where many instances live: 250 on each of the links `w0`, `w1`, ...
//!
//! Instance i is virtual router `1 + i % 250` on link `i / 250`, with the one virtual address `10.(100 + link).1.vrid`.
//! On link k, router n of the lab has `10.(100 + k).0.n/16` and the client `.100`.

use std::net::Ipv4Addr;

/// Where one instance lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Number of its link.
    pub link: usize,
    /// Its virtual router identifier.
    pub vrid: u8,
    /// Its virtual address.
    pub address: Ipv4Addr,
}

/// What all instances of a file have in common.
#[derive(Clone, Copy, Debug)]
pub struct Herd {
    /// How many.
    pub count: usize,
    /// `version`.
    pub version: u8,
    /// `advert_int`, as it is written.
    pub interval: &'static str,
    /// `priority`.
    pub priority: u8,
}

impl Herd {
    /// `count` instances of version 2 with one second and priority 100.
    #[must_use]
    pub const fn new(count: usize) -> Self {
        Self { count, version: 2, interval: "1", priority: 100 }
    }

    /// Of version 3, with this interval.
    #[must_use]
    pub const fn quick(mut self, interval: &'static str) -> Self {
        self.version = 3;
        self.interval = interval;
        self
    }

    /// The file, with these lines in the `virtual_ipaddress` of the first instance too.
    #[must_use]
    pub fn render(&self, more: &[&str]) -> String {
        let mut text =
            String::from("global_defs {\n    router_id bench\n    vrrp_garp_master_delay 1\n}\n");
        for index in 0..self.count {
            let Place { link, vrid, address } = place(index);
            let Self { version, interval, priority, .. } = self;
            let interface = interface(link);
            text.push_str(&format!(
                "vrrp_instance VI_{index} {{\n    interface {interface}\n    version {version}\n    \
                 virtual_router_id {vrid}\n    priority {priority}\n    advert_int {interval}\n    \
                 virtual_ipaddress {{\n        {address}/32\n"
            ));
            if index == 0 {
                for line in more {
                    text.push_str(&format!("        {line}\n"));
                }
            }
            text.push_str("    }\n}\n");
        }
        text
    }
}

/// Where instance `index` lives.
#[must_use]
pub fn place(index: usize) -> Place {
    let link = index / PER_LINK;
    let vrid = u8::try_from(index % PER_LINK + 1).unwrap_or(u8::MAX);
    let net = u8::try_from(100 + link).unwrap_or(u8::MAX);
    Place { link, vrid, address: Ipv4Addr::new(10, net, 1, vrid) }
}

/// How many links `count` instances need.
#[must_use]
pub const fn links(count: usize) -> usize {
    count.div_ceil(PER_LINK)
}

/// The name of link `link` on a node.
#[must_use]
pub fn interface(link: usize) -> String {
    format!("w{link}")
}

const PER_LINK: usize = 250;
