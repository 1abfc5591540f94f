//! Virtual MAC links: made, kept, made again, given back; whoever dies meanwhile.

use std::net::Ipv4Addr;
use std::time::Duration;

use intent::{Address, IfIndex, UpperKind, UpperLink};
use kernel::link::{Link, Upper};
use kernel::sysctl::{self, Setting};
use rustix::process::Signal;
use wire::MacAddr;

use crate::Test;
use crate::daemon::Start;
use crate::ear::Ear;
use crate::world::{
    Cable, GLOBAL, NEAR, SECOND, VIRTUAL, eventually, instance, never, steady, steady_instance,
};

pub const TESTS: &[Test] = &[
    ("the_link_stands_before_the_role_and_goes_with_the_daemon", comes_and_goes),
    ("settings_of_the_parent_are_put_back_at_the_end", puts_settings_back),
    ("a_successor_of_a_killed_process_goes_on_with_the_link_as_it_stands", survives_a_child),
    ("a_daemon_that_follows_a_killed_one_puts_back_what_that_one_found", survives_the_daemon),
    ("what_a_killed_daemon_left_and_nobody_wants_is_cleared_away", clears_away),
    ("a_link_that_somebody_removes_is_made_again_without_a_step_down", makes_it_again),
    ("a_link_that_somebody_takes_down_is_taken_up_again", takes_it_up),
    ("a_link_of_somebody_else_is_used_and_given_back_as_it_was", gives_it_back),
    ("the_parent_may_go_and_come_back", follows_its_parent),
    ("the_state_of_the_parent_counts_unless_it_is_not_tracked", follows_the_state),
    ("a_reload_moves_addresses_to_the_link_and_back", moves_by_reload),
    ("a_reload_that_changes_something_else_leaves_the_link_alone", stays_through_reload),
    ("another_address_takes_another_link", changes_its_address),
    ("a_link_that_cannot_be_made_is_a_fault_that_says_why", says_why),
    ("what_a_killed_daemon_set_is_put_back_by_one_that_does_not_want_it", puts_back_for_another),
    ("daemons_in_containers_leave_each_other_s_links_alone", contained),
    ("the_last_of_two_daemons_puts_the_parent_back", puts_back_last),
    ("what_a_killed_container_left_is_cleared_away", clears_away_contained),
    ("instances_of_both_families_may_share_a_link", shares_between_families),
    ("ipv6_stays_on_a_link_until_nobody_needs_it", shares_ipv6),
    ("addresses_on_other_interfaces_have_links_of_their_own", has_more_links),
    ("a_link_of_addresses_comes_back_and_goes_by_reload", changes_more_links),
    ("a_link_that_carries_no_adverts_is_heard_by_announcements", is_heard_by_announcements),
    ("two_hundred_links_are_made_and_removed_in_time", many),
];

const VMAC: MacAddr = MacAddr([0, 0, 0x5e, 0, 1, 51]);
const NAME: &str = "vrrp.51";

fn with_vmac(more: &str) -> String {
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], &format!("  use_vmac\n{more}")))
}

fn find(cable: &mut Cable, name: &str) -> Option<Link> {
    cable.requests.links().unwrap().into_iter().find(|link| link.name == name)
}

fn wait_for(cable: &mut Cable, name: &str) -> Link {
    eventually(&format!("{name} is up"), || find(cable, name).filter(|link| link.up))
}

/// Waits until the address stands on the link of this name.
fn wait_until_on(cable: &mut Cable, name: &str, address: Ipv4Addr) -> Address {
    eventually(&format!("{address} on {name}"), || {
        let link = find(cable, name)?.index;
        cable.find(address).filter(|it| it.interface == link)
    })
}

/// `arp_ignore`, `arp_filter` and `arp_announce`.
fn parent_settings() -> [i32; 3] {
    [Setting::ArpIgnore, Setting::ArpFilter, Setting::ArpAnnounce]
        .map(|setting| sysctl::read(NEAR, setting).unwrap())
}

fn comes_and_goes() {
    let mut cable = Cable::new();
    let near = cable.near;
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let link = wait_for(&mut cable, NAME);
    assert_eq!((link.mac, link.upper), (Some(VMAC), Some((near, Upper::PrivateMacvlan))));
    wait_until_on(&mut cable, NAME, VIRTUAL);
    for (setting, value) in [
        (Setting::ArpIgnore, 1),
        (Setting::AcceptLocal, 1),
        (Setting::RpFilter, 0),
        (Setting::PromoteSecondaries, 1),
        (Setting::DisableIpv6, 1),
    ] {
        assert_eq!(sysctl::read(NAME, setting).unwrap(), value, "{setting:?}");
    }
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(find(&mut cable, NAME), None);
    assert!(!cable.holds(VIRTUAL));
}

fn puts_settings_back() {
    let _cable = Cable::new();
    for before in [[0, 0, 0], [2, 1, 1]] {
        for (setting, value) in
            [Setting::ArpIgnore, Setting::ArpFilter, Setting::ArpAnnounce].into_iter().zip(before)
        {
            sysctl::write(NEAR, setting, value).unwrap();
        }
        let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
        assert_eq!(parent_settings(), [1, 1, 2]);
        assert_eq!(daemon.stop().0, Some(0));
        assert_eq!(parent_settings(), before);
    }
    // What somebody changed meanwhile is left to him.
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    sysctl::write(NEAR, Setting::ArpIgnore, 8).unwrap();
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(parent_settings(), [8, 1, 1]);
}

fn survives_a_child() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let index = wait_for(&mut cable, NAME).index;
    wait_until_on(&mut cable, NAME, VIRTUAL);
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Starting VRRP child process");
    daemon.wait_for("Entering MASTER");
    assert!(cable.holds(VIRTUAL));
    assert!(!daemon.news().contains("FAULT"), "{}", daemon.news());
    assert_eq!(find(&mut cable, NAME).map(|link| link.index), Some(index));
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!(find(&mut cable, NAME), None);
    assert_eq!(parent_settings(), [0, 0, 0]);
}

/// Kills all processes of a daemon at once.
fn kill(mut daemon: crate::daemon::Daemon) {
    let all = [daemon.vrrp(), daemon.process()];
    all.iter().for_each(|process| process.signal(Signal::STOP));
    all.iter().for_each(|process| process.signal(Signal::KILL));
    daemon.wait_for_end();
    eventually("all are gone", || (!all[0].lives()).then_some(()));
}

fn survives_the_daemon() {
    let mut cable = Cable::new();
    let daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let index = wait_for(&mut cable, NAME).index;
    kill(daemon);
    assert_eq!(parent_settings(), [1, 1, 2]);
    let mut next = Start::with(&with_vmac("")).until("Entering MASTER");
    assert_eq!(find(&mut cable, NAME).map(|link| link.index), Some(index));
    assert_eq!(next.stop().0, Some(0));
    assert_eq!(find(&mut cable, NAME), None);
    assert_eq!(parent_settings(), [0, 0, 0]);
}

fn clears_away() {
    let mut cable = Cable::new();
    kill(Start::with(&with_vmac("")).until("Entering MASTER"));
    wait_for(&mut cable, NAME);
    let mut next = Start::with(&steady()).until("Entering MASTER");
    wait_until_on(&mut cable, NEAR, VIRTUAL);
    assert_eq!(find(&mut cable, NAME), None);
    assert_eq!(parent_settings(), [0, 0, 0]);
    assert_eq!(next.stop().0, Some(0));
}

fn makes_it_again() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let before = wait_until_on(&mut cable, NAME, VIRTUAL).interface;
    let mut ear = Ear::at(&cable);
    daemon.mark();
    cable.requests.remove_links(&[before]).unwrap();
    daemon.wait_for("(VI_1) vrrp.51 was removed by somebody else: making it again");
    eventually("another link", || find(&mut cable, NAME).filter(|link| link.index != before));
    wait_until_on(&mut cable, NAME, VIRTUAL);
    ear.forget();
    eventually("it advertises from there", || {
        ear.listen();
        (ear.sources.last() == Some(&VMAC)).then_some(())
    });
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!((find(&mut cable, NAME), parent_settings()), (None, [0, 0, 0]));
}

fn takes_it_up() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let link = wait_until_on(&mut cable, NAME, VIRTUAL).interface;
    cable.requests.set_link_up(link, false).unwrap();
    wait_for(&mut cable, NAME);
    wait_until_on(&mut cable, NAME, VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
}

/// Makes a link as an administrator would.
fn make(cable: &mut Cable, name: &str, mac: MacAddr) -> IfIndex {
    let kind = UpperKind::PrivateMacvlan(mac);
    let link = UpperLink { parent: cable.near, name: name.to_owned(), kind };
    cable.requests.create_upper_links(&[link]).remove(0).unwrap();
    find(cable, name).unwrap().index
}

fn gives_it_back() {
    let mut cable = Cable::new();
    let mine = make(&mut cable, "mine", VMAC);
    for (alias, up) in [(None, false), (Some("rack 7".to_owned()), true)] {
        let text = alias.clone().unwrap_or_default();
        cable.requests.set_aliases(&[(mine, text)]).remove(0).unwrap();
        cable.requests.set_link_up(mine, up).unwrap();
        let before = find(&mut cable, "mine").unwrap();
        let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
        wait_until_on(&mut cable, "mine", VIRTUAL);
        assert_eq!(find(&mut cable, NAME), None);
        assert_eq!(daemon.stop().0, Some(0));
        let after = find(&mut cable, "mine").unwrap();
        assert_eq!((after.index, &after.alias, after.up), (mine, &alias, up));
        assert_eq!(before.upper, after.upper);
        for setting in
            [Setting::ArpIgnore, Setting::AcceptLocal, Setting::DisableIpv6, Setting::RpFilter]
        {
            assert_eq!(sysctl::read("mine", setting).unwrap(), 0, "{setting:?}");
        }
        assert_eq!(parent_settings(), [0, 0, 0]);
    }
}

fn puts_back_for_another() {
    let mut cable = Cable::new();
    let mine = make(&mut cable, "mine", VMAC);
    kill(Start::with(&with_vmac("")).until("Entering MASTER"));
    assert_eq!(
        (sysctl::read("mine", Setting::ArpIgnore).unwrap(), parent_settings()),
        (1, [1, 1, 2])
    );
    let mut next = Start::with(&steady()).until("Entering MASTER");
    let after = find(&mut cable, "mine").unwrap();
    assert_eq!((after.index, after.alias, after.up), (mine, None, false));
    for setting in [Setting::ArpIgnore, Setting::AcceptLocal, Setting::DisableIpv6] {
        assert_eq!(sysctl::read("mine", setting).unwrap(), 0, "{setting:?}");
    }
    assert_eq!(parent_settings(), [0, 0, 0]);
    assert_eq!(next.stop().0, Some(0));
}

/// A second virtual router with a virtual MAC, on the same parent.
fn second_with_vmac() -> String {
    let more = "  use_vmac\n  down_timer_adverts 100\n";
    format!("{GLOBAL}{}", instance("VI_2", 52, 255, &[SECOND], more))
}

fn contained() {
    let mut cable = Cable::new();
    let mut one = Start::with(&with_vmac("")).in_container().until("Entering MASTER");
    let index = wait_until_on(&mut cable, NAME, VIRTUAL).interface;
    let mut two = Start::with(&second_with_vmac()).in_container().until("Entering MASTER");
    wait_until_on(&mut cable, "vrrp.52", SECOND);
    assert_eq!(two.stop_in_container(), Some(0));
    assert_eq!(find(&mut cable, "vrrp.52"), None);
    assert_eq!(find(&mut cable, NAME).map(|link| link.index), Some(index));
    assert!(!one.log().contains("removed"), "{}", one.log());
    assert_eq!(one.stop_in_container(), Some(0));
    assert_eq!(find(&mut cable, NAME), None);
}

fn puts_back_last() {
    let _cable = Cable::new();
    for in_container in [true, false] {
        let start = |configuration: &str| {
            let start = Start::with(configuration);
            let start = if in_container { start.in_container() } else { start };
            start.until("Entering MASTER")
        };
        let stop = |mut daemon: crate::daemon::Daemon| {
            let code = if in_container { daemon.stop_in_container() } else { daemon.stop().0 };
            assert_eq!(code, Some(0));
        };
        let one = start(&with_vmac(""));
        let two = start(&second_with_vmac());
        stop(one);
        assert_eq!(parent_settings(), [1, 1, 2]);
        stop(two);
        assert_eq!(parent_settings(), [0, 0, 0]);
    }
}

fn clears_away_contained() {
    let mut cable = Cable::new();
    let mut one = Start::with(&with_vmac("")).in_container().until("Entering MASTER");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    // What starts a container ends all that is in it; the first to hear of it is to do nothing more.
    let inside = one.process().children();
    inside.iter().flat_map(|first| first.children()).for_each(|it| it.signal(Signal::STOP));
    one.process().signal(Signal::KILL);
    one.wait_for_end();
    wait_for(&mut cable, NAME);
    let mut two = Start::with(&second_with_vmac()).in_container().until("Entering MASTER");
    eventually("it is cleared away", || find(&mut cable, NAME).is_none().then_some(()));
    assert_eq!(two.stop_in_container(), Some(0));
    assert_eq!(parent_settings(), [0, 0, 0]);
}

/// An IPv6 instance of unicast, whose link is that of all with its VRID, or with the address in `more`.
fn ipv6(name: &str, address: &str, peer: &str, more: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n  interface {NEAR}\n  virtual_router_id 61\n  priority 255\n  \
         advert_int 0.1\n  down_timer_adverts 100\n  use_vmac {more}\n  vmac_xmit_base\n  \
         unicast_src_ip fe80::ff:fe00:1\n  unicast_peer {{\n    {peer}\n  }}\n  \
         virtual_ipaddress {{\n    {address}/64\n  }}\n}}\n"
    )
}

const EAST: &str = "east0";

/// A second interface; its other end stays here.
fn add_east(cable: &mut Cable) -> IfIndex {
    let here = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
    let (near, far) = ((EAST, MacAddr([2, 0, 0, 0, 1, 1])), ("east1", MacAddr([2, 0, 0, 0, 1, 2])));
    cable.requests.create_veth(near, far, std::os::fd::AsFd::as_fd(&here)).unwrap();
    for name in [EAST, "east1"] {
        let link = find(cable, name).unwrap().index;
        cable.requests.set_link_up(link, true).unwrap();
    }
    eventually("it runs", || find(cable, EAST).filter(|link| link.running)).index
}

/// Addresses on both interfaces, of both families.
fn on_two_interfaces(more: &str) -> String {
    let excluded = format!(
        "  virtual_ipaddress_excluded {{\n    10.9.7.100/24 dev {EAST}\n    2001:db8::7/64 dev {EAST}\n  }}\n"
    );
    format!("{GLOBAL}{}", steady_instance(&[VIRTUAL], &format!("  use_vmac\n{more}{excluded}")))
}

const THERE: Ipv4Addr = Ipv4Addr::new(10, 9, 7, 100);

fn has_more_links() {
    let mut cable = Cable::new();
    let east = add_east(&mut cable);
    let mut daemon = Start::with(&on_two_interfaces("  use_vmac_addr\n")).until("Entering MASTER");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    wait_until_on(&mut cable, "vrrp1.51", THERE);
    let links = ["vrrp1.51", "vrrp6.51"].map(|name| wait_for(&mut cable, name));
    assert_eq!(links.clone().map(|it| it.upper), [Some((east, Upper::PrivateMacvlan)); 2]);
    let macs = [1, 2].map(|kind| Some(MacAddr([0, 0, 0x5e, 0, kind, 51])));
    assert_eq!(links.clone().map(|it| it.mac), macs);
    eventually("IPv6", || holds_on(&mut cable, links[1].index, "2001:db8::7").then_some(()));
    let settings = |setting| ["vrrp1.51", "vrrp6.51"].map(|it| sysctl::read(it, setting).unwrap());
    assert_eq!(settings(Setting::DisableIpv6), [1, 0]);
    assert_eq!(sysctl::read("vrrp1.51", Setting::ArpIgnore).unwrap(), 1);
    assert_eq!(sysctl::read(EAST, Setting::ArpFilter).unwrap(), 1);
    // A successor goes on with all of them.
    daemon.mark();
    daemon.vrrp().signal(Signal::KILL);
    daemon.wait_for("Entering MASTER");
    for link in &links {
        assert_eq!(find(&mut cable, &link.name).map(|it| it.index), Some(link.index));
    }
    assert!(cable.holds(THERE) && holds_on(&mut cable, links[1].index, "2001:db8::7"));
    assert_eq!(daemon.stop().0, Some(0));
    let left = cable.requests.links().unwrap();
    assert!(left.iter().all(|link| !link.name.starts_with("vrrp")), "{left:?}");
    assert_eq!(sysctl::read(EAST, Setting::ArpFilter).unwrap(), 0);
}

fn changes_more_links() {
    let mut cable = Cable::new();
    add_east(&mut cable);
    let with = on_two_interfaces("  use_vmac_addr\n");
    let mut daemon = Start::with(&with).until("Entering MASTER");
    let before = wait_until_on(&mut cable, "vrrp1.51", THERE).interface;
    let own = wait_until_on(&mut cable, NAME, VIRTUAL).interface;
    daemon.mark();
    cable.requests.remove_links(&[before]).unwrap();
    daemon.wait_for("(VI_1) vrrp1.51 was removed by somebody else: making it again");
    wait_until_on(&mut cable, "vrrp1.51", THERE);
    for (configuration, link) in [(on_two_interfaces(""), EAST), (with, "vrrp1.51")] {
        daemon.reload(&configuration);
        daemon.wait_for("Reload finished");
        wait_until_on(&mut cable, link, THERE);
        assert_eq!(find(&mut cable, "vrrp6.51").is_some(), link != EAST);
        assert_eq!(sysctl::read(EAST, Setting::ArpFilter).unwrap(), i32::from(link != EAST));
        assert_eq!(cable.find(VIRTUAL).map(|it| it.interface), Some(own));
    }
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert_eq!(daemon.stop().0, Some(0));
}

fn is_heard_by_announcements() {
    let cable = Cable::new();
    let mut ear = Ear::at(&cable);
    let once = "  garp_master_repeat 1\n  garp_master_delay 0\n  garp_extra_if 1\n";
    let mut daemon = Start::with(&with_vmac(&format!("{once}  vmac_xmit_base\n"))).go();
    daemon.wait_for("Entering MASTER");
    eventually("two periods", || {
        ear.listen();
        let own = ear.announced.iter().filter(|mac| **mac == VMAC);
        (own.count() >= 3).then_some(())
    });
    // Adverts tell switches enough.
    daemon.reload(&with_vmac(once));
    daemon.wait_for("Reload finished");
    ear.forget();
    never(Duration::from_millis(1500), "an announcement", || {
        ear.listen();
        ear.announced.contains(&VMAC).then_some(())
    });
    assert_eq!(daemon.stop().0, Some(0));
}

fn holds_on(cable: &mut Cable, link: IfIndex, address: &str) -> bool {
    let address: std::net::IpAddr = address.parse().unwrap();
    let all = cable.requests.addresses().unwrap();
    all.iter().any(|it| it.interface == link && it.address == address)
}

fn shares_between_families() {
    let mut cable = Cable::new();
    let mac = "02:00:00:00:aa:01";
    let v6 = ipv6("VI_6", "2001:db8::61", "fe80::2", mac);
    let v4 = steady_instance(&[VIRTUAL], &format!("  use_vmac {mac}\n"));
    for both in [format!("{GLOBAL}{v4}{v6}"), format!("{GLOBAL}{v6}{v4}")] {
        let mut daemon = Start::with(&both).until("(VI_6) Entering MASTER");
        let link = eventually("an address", || cable.find(VIRTUAL)).interface;
        eventually("the other", || holds_on(&mut cable, link, "2001:db8::61").then_some(()));
        let links = cable.requests.links().unwrap();
        let name = links.into_iter().find(|it| it.index == link).unwrap().name;
        let settings = || {
            [Setting::ArpIgnore, Setting::AcceptLocal, Setting::AddrGenMode, Setting::DisableIpv6]
                .map(|setting| sysctl::read(&name, setting).unwrap())
        };
        assert_eq!(settings(), [1, 1, 1, 0]);
        // Whoever comes next finds both at work.
        daemon.mark();
        daemon.vrrp().signal(Signal::KILL);
        daemon.wait_for("(VI_6) Entering MASTER");
        assert!(holds_on(&mut cable, link, "2001:db8::61"), "{}", daemon.log());
        assert_eq!(settings(), [1, 1, 1, 0]);
        daemon.reload(&format!("{GLOBAL}{v4}"));
        daemon.wait_for("Reload finished");
        eventually("IPv6 is off", || (settings() == [1, 1, 1, 1]).then_some(()));
        assert_eq!(cable.find(VIRTUAL).map(|it| it.interface), Some(link));
        daemon.reload(&both);
        daemon.wait_for("(VI_6) Entering MASTER");
        eventually("IPv6 is on", || (settings() == [1, 1, 1, 0]).then_some(()));
        assert_eq!(daemon.stop().0, Some(0));
        assert_eq!(find(&mut cable, &name), None);
    }
}

fn shares_ipv6() {
    let mut cable = Cable::new();
    let (first, second) =
        (ipv6("VI_1", "2001:db8::61", "fe80::2", ""), ipv6("VI_2", "2001:db8::62", "fe80::3", ""));
    let both = format!("{GLOBAL}{first}{second}");
    let mut daemon = Start::with(&both).until("(VI_2) Entering MASTER");
    let link = wait_for(&mut cable, "vrrp.61").index;
    let addresses = ["2001:db8::61", "2001:db8::62"];
    for (left, stays, goes) in
        [(&first, addresses[0], addresses[1]), (&second, addresses[1], addresses[0])]
    {
        eventually("both stand", || {
            addresses.iter().all(|it| holds_on(&mut cable, link, it)).then_some(())
        });
        daemon.reload(&format!("{GLOBAL}{left}"));
        daemon.wait_for("Reload finished");
        eventually("one is gone", || (!holds_on(&mut cable, link, goes)).then_some(()));
        assert!(holds_on(&mut cable, link, stays), "{}", daemon.log());
        assert_eq!(sysctl::read("vrrp.61", Setting::DisableIpv6).unwrap(), 0);
        daemon.reload(&both);
        daemon.wait_for("Entering MASTER");
    }
    assert!(!daemon.log().contains("removed by somebody else"), "{}", daemon.log());
    assert_eq!(daemon.stop().0, Some(0));
}

fn follows_its_parent() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    let near = cable.near;
    cable.requests.remove_links(&[near]).unwrap();
    // It may be seen going down before it is gone.
    daemon.wait_for("FAULT STATE");
    daemon.wait_for("interface near0 does not exist");
    daemon.mark();
    drop(cable);
    let mut cable = Cable::new();
    daemon.wait_for("(VI_1) Entering MASTER STATE");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!((find(&mut cable, NAME), parent_settings()), (None, [0, 0, 0]));
}

fn follows_the_state() {
    let mut cable = Cable::new();
    let near = cable.near;
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    cable.requests.set_link_up(near, false).unwrap();
    daemon.wait_for("(VI_1) Entering FAULT STATE (base interface near0 down)");
    cable.wait_until_gone(VIRTUAL);
    daemon.mark();
    cable.requests.set_link_up(near, true).unwrap();
    daemon.wait_for("(VI_1) Entering MASTER STATE");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    daemon.reload(&with_vmac("  dont_track_primary\n"));
    daemon.wait_for("Reload finished");
    daemon.mark();
    cable.requests.set_link_up(near, false).unwrap();
    never(Duration::from_millis(500), "a fault", || daemon.news().contains("FAULT").then_some(()));
    assert_eq!(daemon.stop().0, Some(0));
}

fn moves_by_reload() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&steady()).until("Entering MASTER");
    wait_until_on(&mut cable, NEAR, VIRTUAL);
    let mut ear = Ear::at(&cable);
    for (configuration, name, mac) in
        [(with_vmac(""), NAME, VMAC), (steady(), NEAR, MacAddr([2, 0, 0, 0, 0, 1]))]
    {
        ear.forget();
        daemon.reload(&configuration);
        daemon.wait_for("Reload finished");
        wait_until_on(&mut cable, name, VIRTUAL);
        eventually("adverts and announcements from there", || {
            ear.listen();
            let announced = ear.announced.last() == Some(&mac);
            (ear.sources.last() == Some(&mac) && announced).then_some(())
        });
        assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
        assert!(!ear.priorities.contains(&0));
    }
    assert_eq!((find(&mut cable, NAME), parent_settings()), (None, [0, 0, 0]));
    assert_eq!(daemon.stop().0, Some(0));
}

fn stays_through_reload() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    let index = wait_until_on(&mut cable, NAME, VIRTUAL).interface;
    let mut ear = Ear::at(&cable);
    let more = format!("{}{}", with_vmac(""), instance("VI_2", 52, 150, &[SECOND], ""));
    daemon.reload(&more);
    daemon.wait_for("(VI_2) Entering MASTER");
    assert_eq!(find(&mut cable, NAME).map(|link| link.index), Some(index));
    assert!(!daemon.news().contains("VI_1) "), "{}", daemon.news());
    ear.listen();
    assert!(ear.announced.iter().all(|mac| *mac != VMAC), "{:?}", ear.announced);
    // Through the parent, and back: the link stays.
    for more in ["  vmac_xmit_base\n", ""] {
        daemon.reload(&with_vmac(more));
        daemon.wait_for("Reload finished");
        ear.forget();
        let expected = if more.is_empty() { VMAC } else { MacAddr([2, 0, 0, 0, 0, 1]) };
        eventually("adverts from there", || {
            ear.listen();
            (ear.sources.last() == Some(&expected)).then_some(())
        });
        assert_eq!(find(&mut cable, NAME).map(|link| link.index), Some(index));
    }
    assert_eq!(daemon.stop().0, Some(0));
}

fn changes_its_address() {
    let mut cable = Cable::new();
    let mut daemon = Start::with(&with_vmac("")).until("Entering MASTER");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    let other = with_vmac("").replace("use_vmac", "use_vmac 02:03:04:05:06");
    daemon.reload(&other);
    daemon.wait_for("Reload finished");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    let link = wait_for(&mut cable, NAME);
    assert_eq!(link.mac, Some(MacAddr([2, 3, 4, 5, 6, 51])));
    assert!(!daemon.news().contains("STATE"), "{}", daemon.news());
    assert_eq!(daemon.stop().0, Some(0));
    assert_eq!((find(&mut cable, NAME), parent_settings()), (None, [0, 0, 0]));
}

fn says_why() {
    let mut cable = Cable::new();
    // The name is somebody else's.
    make(&mut cable, NAME, MacAddr([2, 0, 0, 0, 0, 9]));
    let named = with_vmac("").replace("use_vmac", "use_vmac vrrp.51");
    let mut daemon = Start::with(&named).go();
    daemon.wait_for("(VI_1) cannot make virtual link vrrp.51: create link: ");
    daemon.wait_for("Entering FAULT STATE (init) (no virtual link on interface near0)");
    let link = find(&mut cable, NAME).unwrap().index;
    cable.requests.remove_links(&[link]).unwrap();
    daemon.wait_for("(VI_1) Entering MASTER STATE");
    wait_until_on(&mut cable, NAME, VIRTUAL);
    assert_eq!(daemon.stop().0, Some(0));
}

fn many() {
    let mut cable = Cable::new();
    let one = |vrid: u8| {
        let address = Ipv4Addr::new(10, 9, 1, vrid);
        instance(&format!("VI_{vrid}"), vrid, 255, &[address], "  use_vmac\n")
    };
    let all: String = (1..=200).map(one).collect();
    let mut daemon = Start::with(&format!("{GLOBAL}{all}")).go();
    daemon.wait_for("(VI_200) Entering MASTER");
    wait_until_on(&mut cable, "vrrp.200", Ipv4Addr::new(10, 9, 1, 200));
    let (code, took) = daemon.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "{took:?}");
    let left = cable.requests.links().unwrap();
    assert!(left.iter().all(|link| !link.name.starts_with("vrrp")), "{left:?}");
    assert_eq!(parent_settings(), [0, 0, 0]);
}
