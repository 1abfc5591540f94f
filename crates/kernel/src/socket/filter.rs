//! Kernel filters in classic BPF, so that packets of other people's virtual routers never wake us.
//!
//! **Source**: socket(7) `SO_ATTACH_FILTER`; linux/filter.h.

use std::collections::BTreeSet;

use intent::IfIndex;
use wire::Family;

use socket2::{SockFilter, Socket};

use super::vrrp::{Framing, VridSet};

/// Puts a program on a socket, in place of the one before.
pub(crate) fn attach(socket: &Socket, program: &[libc::sock_filter]) -> std::io::Result<()> {
    let program: Vec<SockFilter> =
        program.iter().map(|step| SockFilter::new(step.code, step.jt, step.jf, step.k)).collect();
    socket.attach_filter(&program)
}

/// Passes advertisements whose VRID is in the set, for a raw socket.
pub(super) fn vrids(family: Family, framing: Framing, set: &VridSet) -> Vec<libc::sock_filter> {
    let mut program = match family {
        // A raw IPv4 socket sees the IP header, whose length is in its first byte.
        Family::Ipv4 => behind_ipv4_header(0, framing).to_vec(),
        Family::Ipv6 => vec![statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 1)],
    };
    program.extend(member(set));
    program
}

/// Passes advertisements, of a set of VRIDs where there is one, for a packet socket that sees whole frames.
pub(super) fn advertisements(
    family: Family,
    framing: Framing,
    set: Option<&VridSet>,
) -> Vec<libc::sock_filter> {
    let protocol = match framing {
        Framing::Plain => wire::vrrp::PROTOCOL,
        Framing::Authenticated => wire::vrrp::HEADER_PROTOCOL,
    };
    let next_header = match family {
        Family::Ipv4 => ETHERNET + 9,
        Family::Ipv6 => ETHERNET + 6,
    };
    let mut program = vec![
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, next_header),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, u32::from(protocol), 1, 0),
        statement(libc::BPF_RET | libc::BPF_K, 0),
    ];
    let Some(set) = set else {
        program.push(statement(libc::BPF_RET | libc::BPF_K, u32::MAX));
        return program;
    };
    match family {
        Family::Ipv4 => program.extend(behind_ipv4_header(ETHERNET, framing)),
        Family::Ipv6 => {
            let vrid = ETHERNET + 40 + 1;
            program.push(statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, vrid));
        }
    }
    program.extend(member(set));
    program
}

/// Loads the VRID behind an IPv4 header that begins at `start`.
fn behind_ipv4_header(start: u32, framing: Framing) -> [libc::sock_filter; 2] {
    let vrid = match framing {
        Framing::Plain => 1,
        // The authentication header has 24 bytes.
        Framing::Authenticated => 25,
    };
    [
        statement(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, start),
        statement(libc::BPF_LD | libc::BPF_B | libc::BPF_IND, start + vrid),
    ]
}

/// Passes if the loaded byte is in the set.
///
/// A set is eight words of 32 bits; the filter picks the word by the VRID's upper bits and shifts it by the lower
/// ones, so that its cost does not grow with the set.
fn member(set: &VridSet) -> Vec<libc::sock_filter> {
    let mut program = vec![
        statement(libc::BPF_ST, 0),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 31),
        statement(libc::BPF_MISC | libc::BPF_TAX, 0),
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_MEM, 0),
        statement(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K, 5),
    ];
    let words = set.words();
    for (upper, word) in (0u32..).zip(words) {
        // Not this word: over the two statements that take it.
        program.push(jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, upper, 0, 2));
        program.push(statement(libc::BPF_LD | libc::BPF_IMM, word));
        let rest = 3 * (7 - upper);
        program.push(statement(libc::BPF_JMP | libc::BPF_JA, rest));
    }
    program.extend([
        statement(libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X, 0),
        statement(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 1),
        jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 0, 1),
        statement(libc::BPF_RET | libc::BPF_K, 0),
        statement(libc::BPF_RET | libc::BPF_K, u32::MAX),
    ]);
    program
}

/// Passes nothing: for the moment between opening a socket and knowing what it is for.
pub(super) fn nothing() -> Vec<libc::sock_filter> {
    vec![statement(libc::BPF_RET | libc::BPF_K, 0)]
}

/// Passes ARP, or IPv6 neighbour advertisements, of these interfaces, for a packet socket of that protocol; of all where
/// none are said, or more than a short program can name.
pub(super) fn neighbours(
    family: Family,
    interfaces: Option<&BTreeSet<IfIndex>>,
) -> Vec<libc::sock_filter> {
    const NEXT_HEADER: u32 = ETHERNET + 6;
    const TYPE: u32 = ETHERNET + 40;
    /// Two steps for each become 24 bytes; the kernel has 20 kB (`optmem_max`) for this program and the one before.
    const MOST: usize = 250;
    let is = |value| jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, 1);
    let is_not = |value| jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 1, 0);
    let pass = || statement(libc::BPF_RET | libc::BPF_K, u32::MAX);
    let drop = || statement(libc::BPF_RET | libc::BPF_K, 0);
    let byte = |at| statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, at);
    let mut program = match family {
        Family::Ipv4 => Vec::new(),
        Family::Ipv6 => {
            vec![byte(NEXT_HEADER), is_not(58), drop(), byte(TYPE), is_not(136), drop()]
        }
    };
    let Some(interfaces) = interfaces.filter(|all| all.len() <= MOST) else {
        program.push(pass());
        return program;
    };
    program.push(statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, INTERFACE));
    program.extend(interfaces.iter().flat_map(|one| [is(one.0), pass()]));
    program.push(drop());
    program
}

/// Passes news of routes of these protocols that go, of routes that take another one's place by a hand, and of rules
/// that go, on a netlink socket.
///
/// Routing daemons replace routes by thousands, of their own protocols: theirs do not count.
pub(crate) fn paths(protocols: &[u8]) -> Vec<libc::sock_filter> {
    const PROTOCOL: u32 = 16 + 5;
    let length = |list: &[u8]| 2 + 2 * u32::try_from(list.len()).unwrap_or(0);
    let is = |value| jump(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, 1);
    let pass = || statement(libc::BPF_RET | libc::BPF_K, u32::MAX);
    let drop = || statement(libc::BPF_RET | libc::BPF_K, 0);
    let among = |list: &[u8]| {
        let mut program = vec![statement(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, PROTOCOL)];
        program.extend(list.iter().flat_map(|one| [is(u32::from(*one)), pass()]));
        program.push(drop());
        program
    };
    let mut program = vec![
        statement(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 4),
        is(loaded(RTM_DELRULE)),
        pass(),
        is(loaded(RTM_DELROUTE)),
        // Over the next one.
        statement(libc::BPF_JMP | libc::BPF_JA, 1),
        statement(libc::BPF_JMP | libc::BPF_JA, length(protocols)),
    ];
    program.extend(among(protocols));
    program.extend([
        is(loaded(RTM_NEWROUTE)),
        statement(libc::BPF_JMP | libc::BPF_JA, 1),
        drop(),
        statement(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 6),
        jump(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, loaded(NLM_F_REPLACE), 1, 0),
        drop(),
    ]);
    program.extend(among(&BY_HAND));
    program
}

/// A number of the host's order as the filter loads it: it takes all bytes for the network's order.
fn loaded(number: u16) -> u32 {
    u16::from_be_bytes(number.to_ne_bytes()).into()
}

const NLM_F_REPLACE: u16 = 0x100;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_DELRULE: u16 = 33;
/// `RTPROT_BOOT`, which is the `ip` command, `RTPROT_STATIC`, `RTPROT_DHCP`.
const BY_HAND: [u8; 3] = [3, 4, 16];

/// Bytes of an Ethernet header.
const ETHERNET: u32 = 14;

fn statement(code: u32, k: u32) -> libc::sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: u16::try_from(code).unwrap_or(0), jt, jf, k }
}

/// `SKF_AD_OFF + SKF_AD_IFINDEX`: the interface where a packet arrived.
const INTERFACE: u32 = 0xffff_f008;

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program on bytes, as the kernel does: the few instructions that the filters use.
    fn run(program: &[libc::sock_filter], bytes: &[u8]) -> u32 {
        let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
        loop {
            let step = program[at];
            let k = step.k;
            at += 1;
            let code = u32::from(step.code);
            if code == libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH {
                x = u32::from(bytes[k as usize] & 0xf) * 4;
            } else if code == libc::BPF_LD | libc::BPF_B | libc::BPF_IND {
                a = u32::from(bytes[(x + k) as usize]);
            } else if code == libc::BPF_LD | libc::BPF_B | libc::BPF_ABS {
                a = u32::from(bytes[k as usize]);
            } else if code == libc::BPF_LD | libc::BPF_H | libc::BPF_ABS {
                a = u16::from_be_bytes([bytes[k as usize], bytes[k as usize + 1]]).into();
            } else if code == libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K {
                at += usize::from(if a & k == 0 { step.jf } else { step.jt });
            } else if code == libc::BPF_ST {
                memory[k as usize] = a;
            } else if code == libc::BPF_LD | libc::BPF_W | libc::BPF_MEM {
                a = memory[k as usize];
            } else if code == libc::BPF_ALU | libc::BPF_AND | libc::BPF_K {
                a &= k;
            } else if code == libc::BPF_ALU | libc::BPF_RSH | libc::BPF_K {
                a >>= k;
            } else if code == libc::BPF_ALU | libc::BPF_RSH | libc::BPF_X {
                a >>= x;
            } else if code == libc::BPF_MISC | libc::BPF_TAX {
                x = a;
            } else if code == libc::BPF_LD | libc::BPF_IMM {
                a = k;
            } else if code == libc::BPF_JMP | libc::BPF_JA {
                at += k as usize;
            } else if code == libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K {
                at += usize::from(if a == k { step.jt } else { step.jf });
            } else if code == libc::BPF_RET | libc::BPF_K {
                return k;
            } else {
                panic!("instruction {code:#x} is not known here");
            }
        }
    }

    #[test]
    fn every_vrid_passes_if_and_only_if_it_is_in_the_set() {
        let members = [1u8, 31, 32, 63, 64, 128, 200, 255];
        let set: VridSet = members.iter().filter_map(|vrid| wire::Vrid::new(*vrid)).collect();
        for vrid in 0..=255u8 {
            let mut v4 = vec![0x46; 24];
            v4.extend([0x31, vrid, 100, 1]);
            let passes = members.contains(&vrid);
            let plain = Framing::Plain;
            assert_eq!(run(&vrids(Family::Ipv4, plain, &set), &v4) != 0, passes, "IPv4 {vrid}");
            let mut header = vec![0x45; 20 + 24];
            header.extend([0x21, vrid, 100, 1]);
            let program = vrids(Family::Ipv4, Framing::Authenticated, &set);
            assert_eq!(run(&program, &header) != 0, passes, "behind a header {vrid}");
            assert_eq!(
                run(&vrids(Family::Ipv6, plain, &set), &[0x31, vrid, 100, 1]) != 0,
                passes,
                "IPv6 {vrid}"
            );
            let mut v6 = vec![0; 54];
            v6[20] = 112;
            v6.extend([0x31, vrid, 100, 1]);
            v4[9] = 112;
            v4.splice(0..0, [0; 14]);
            for (family, mut packet, next_header) in
                [(Family::Ipv4, v4, 23), (Family::Ipv6, v6, 20)]
            {
                assert_eq!(run(&advertisements(family, plain, Some(&set)), &packet) != 0, passes);
                assert_ne!(run(&advertisements(family, plain, None), &packet), 0);
                packet[next_header] = 17;
                assert_eq!(run(&advertisements(family, plain, Some(&set)), &packet), 0);
                assert_eq!(run(&advertisements(family, plain, None), &packet), 0);
            }
        }
    }
    #[test]
    fn only_news_of_routes_like_ours_pass() {
        let message = |kind: u16, flags: u16, protocol: u8| {
            let mut bytes = vec![0; 28];
            bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
            bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
            bytes[21] = protocol;
            bytes
        };
        for protocols in [&[18][..], &[18, 4, 99], &[]] {
            let program = paths(protocols);
            let passes = |bytes: Vec<u8>| run(&program, &bytes) != 0;
            for protocol in 0..=255 {
                let ours = protocols.contains(&protocol);
                assert_eq!(passes(message(25, 0, protocol)), ours, "{protocols:?} {protocol}");
                let by_hand = [3, 4, 16].contains(&protocol);
                assert_eq!(passes(message(24, 0x100, protocol)), by_hand);
                assert!(!passes(message(24, 0x600, protocol)));
                assert!(passes(message(33, 0, protocol)));
                assert!(!passes(message(32, 0, protocol)) && !passes(message(16, 0x100, protocol)));
            }
        }
    }
}
