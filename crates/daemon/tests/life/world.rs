//! What the tests stand on: a cable, directories, configurations, and waiting with a bound.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use intent::{Address, Flags, IfIndex, Lifetime};
use kernel::namespace::Namespace;
use kernel::netlink::RequestSocket;
use wire::MacAddr;

pub const NEAR: &str = "near0";
pub const FAR: &str = "far0";
pub const NEAR_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 1);
pub const VIRTUAL: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 100);
pub const SECOND: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 101);

/// A cable from this thread's namespace into another; both ends are up, the near one has an address.
pub struct Cable {
    pub near: IfIndex,
    pub there: Namespace,
    pub requests: RequestSocket,
}

impl Cable {
    pub fn new() -> Self {
        let there = Namespace::create().unwrap();
        let mut requests = RequestSocket::open().unwrap();
        let near = (NEAR, MacAddr([2, 0, 0, 0, 0, 1]));
        let far = (FAR, MacAddr([2, 0, 0, 0, 0, 2]));
        requests.create_veth(near, far, there.as_fd()).unwrap();
        let near = requests.index_of(NEAR).unwrap().expect("near end");
        requests.set_link_up(near, true).unwrap();
        let up = || {
            let mut requests = RequestSocket::open().unwrap();
            let far = requests.index_of(FAR).unwrap().expect("far end");
            requests.set_link_up(far, true).unwrap();
        };
        there.within(up).unwrap();
        let mut cable = Self { near, there, requests };
        eventually("a carrier", || {
            let links = cable.requests.links().unwrap();
            links.into_iter().find(|link| link.index == near && link.running)
        });
        cable.add(NEAR_ADDRESS);
        cable
    }

    /// Gives the near end an address of the host's own.
    pub fn add(&mut self, address: Ipv4Addr) {
        let results = self.requests.set_addresses(&[permanent(self.near, address)]);
        results.into_iter().for_each(|result| result.unwrap());
    }

    /// The address as the kernel has it, if it stands.
    pub fn find(&mut self, address: Ipv4Addr) -> Option<Address> {
        let all = self.requests.addresses().unwrap();
        all.into_iter().find(|it| it.address == IpAddr::V4(address))
    }

    pub fn holds(&mut self, address: Ipv4Addr) -> bool {
        self.find(address).is_some()
    }

    pub fn wait_until_held(&mut self, address: Ipv4Addr) {
        eventually(&format!("{address} stands"), || self.holds(address).then_some(()));
    }

    pub fn wait_until_gone(&mut self, address: Ipv4Addr) {
        eventually(&format!("{address} is gone"), || (!self.holds(address)).then_some(()));
    }
}

pub fn permanent(interface: IfIndex, address: Ipv4Addr) -> Address {
    Address {
        interface,
        address: address.into(),
        prefix: 24,
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

/// A directory of one test.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Place {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let path = format!("/run/life-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        std::fs::create_dir(&path).unwrap();
        Self(path.into())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in one stroke: a daemon may be reading the one before it.
    pub fn write(&self, name: &str, text: &str) {
        let (path, whole) = (self.path(name), self.path("new"));
        std::fs::write(&whole, text).unwrap();
        std::fs::rename(&whole, &path).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    pub fn directory(&self) -> &Path {
        &self.0
    }
}

/// A configuration of one instance that takes over within half a second.
pub fn one_instance() -> String {
    format!("{GLOBAL}{}", instance("VI_1", 51, 150, &[VIRTUAL], ""))
}

/// One that is Active at once, and keeps its role through whatever pause a busy machine puts it to.
pub fn steady() -> String {
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], ""))
}

/// The instance of [`steady`].
pub fn steady_instance(addresses: &[Ipv4Addr], more: &str) -> String {
    instance("VI_1", 51, 255, addresses, &format!("  down_timer_adverts 100\n{more}"))
}

/// A line of an instance that is no owner, and soon Active all the same: its successor resumes even where the machine
/// needs a second to start it.
pub const RESUMABLE: &str = "down_timer_adverts 15\n";

/// One instance on the near end of the cable.
pub fn instance(name: &str, vrid: u8, priority: u8, addresses: &[Ipv4Addr], more: &str) -> String {
    let list: String = addresses.iter().map(|it| format!("    {it}/24\n")).collect();
    format!(
        "vrrp_instance {name} {{\n  interface {NEAR}\n  virtual_router_id {vrid}\n  priority {priority}\n  \
         advert_int 0.1\n{more}  virtual_ipaddress {{\n{list}  }}\n}}\n"
    )
}

pub const GLOBAL: &str = "global_defs {\n  vrrp_version 3\n}\n";

/// Asks again and again until there is an answer.
pub fn eventually<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    within(Duration::from_secs(8), what, ask)
}

/// Asks again and again until there is an answer, no longer than `bound`.
pub fn within<T>(bound: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + bound;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "not within {bound:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Watches for `span` that something never happens.
pub fn never<T>(span: Duration, what: &str, mut ask: impl FnMut() -> Option<T>) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        assert!(ask().is_none(), "happened: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
