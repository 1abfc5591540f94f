//! Reports what the nodes put on the wire, stamped by the kernel when it arrived at the switch.
//!
//! One line a frame: `NANOSECONDS PORT HEX`. Only frames that a scenario looks at are reported: ARP, VRRP (also behind
//! an authentication header), neighbour advertisements and echo replies, and by which hosts tell switches and routers of
//! themselves: multicast reports and router solicitations. Frames are taken as they enter a port of the
//! switch, so the port says which node sent them, whatever the addresses inside claim.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IoSliceMut, Write};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::net::if_::if_nameindex;
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType,
    recvmsg, setsockopt, socket, sockopt,
};
use socket2::{SockFilter, SockRef};

/// Captures until the process is ended.
///
/// # Errors
/// When the kernel refuses the packet socket, or standard output is gone.
pub fn run() -> Result<()> {
    let (mut ports, mut strangers) = (ports()?, BTreeSet::new());
    let fd =
        socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll)
            .context("open packet socket")?;
    SockRef::from(&fd).attach_filter(&INCOMING).context("filter frames")?;
    setsockopt(&fd, sockopt::ReceiveTimestampns, &true).context("ask for time stamps")?;
    // Only root outside may exceed the limit; the ordinary size serves a lab without load. A thousand instances say
    // in a moment what takes 16 MB.
    setsockopt(&fd, sockopt::RcvBufForce, &(64 << 20)).ok();
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "ready")?;
    out.flush()?;
    let mut buffer = [0_u8; 2048];
    let mut space = nix::cmsg_space!(nix::sys::time::TimeSpec, nix::sys::time::TimeSpec);
    let mut flags = MsgFlags::MSG_DONTWAIT;
    loop {
        let mut slices = [IoSliceMut::new(&mut buffer)];
        let message =
            match recvmsg::<LinkAddr>(fd.as_raw_fd(), &mut slices, Some(&mut space), flags) {
                Err(Errno::EAGAIN) => {
                    // Nothing waits: what was seen is told before the next wait.
                    out.flush()?;
                    flags = MsgFlags::empty();
                    continue;
                }
                message => message.context("receive frame")?,
            };
        flags = MsgFlags::MSG_DONTWAIT;
        let Some(from) = message.address else { continue };
        // Some may have come before the filter did.
        if from.pkttype() == PACKET_OUTGOING {
            continue;
        }
        let index = from.ifindex();
        let is_known = ports.iter().any(|(known, _)| *known == index);
        if !is_known && strangers.insert(index) {
            // A cable may have come meanwhile. What is no port, as the switch itself, is asked about once.
            ports = self::ports()?;
        }
        let Some((_, port)) = ports.iter().find(|(known, _)| *known == index) else { continue };
        let mut stamp = 0;
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(time) = control {
                stamp = i128::from(time.tv_sec()) * 1_000_000_000 + i128::from(time.tv_nsec());
            }
        }
        let length = message.bytes;
        let Some(frame) = buffer.get(..length) else { continue };
        if wanted(frame) {
            writeln!(out, "{stamp} {port} {}", hex(frame))?;
        }
    }
}

/// The switch's ports by interface index, under the names of their nodes.
fn ports() -> Result<Vec<(usize, String)>> {
    let mut ports = Vec::new();
    for interface in &if_nameindex().context("list interfaces")? {
        let name = interface.name().to_string_lossy();
        if let Some(node) = name.strip_prefix("sw-") {
            ports.push((usize::try_from(interface.index())?, node.to_owned()));
        }
    }
    Ok(ports)
}

fn wanted(frame: &[u8]) -> bool {
    let at = |offset: usize| frame.get(offset).copied();
    match (at(12), at(13)) {
        (Some(0x08), Some(0x06)) => true,
        (Some(0x08), Some(0x00)) => match at(23) {
            Some(112 | 51 | IGMP) => true,
            Some(1) => at(34) == Some(0),
            _ => false,
        },
        (Some(0x86), Some(0xdd)) => match at(20) {
            Some(112 | 51 | HOP_BY_HOP) => true,
            Some(58) => matches!(at(54), Some(129 | 133 | 136)),
            _ => false,
        },
        _ => false,
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).map_or('?', |d| char::from(*d));
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Multicast reports of IPv4.
const IGMP: u8 = 2;
/// Those of IPv6 have an option for routers before them.
const HOP_BY_HOP: u8 = 0;
/// Of `linux/if_packet.h`.
const PACKET_OUTGOING: u8 = 4;

/// What arrives, in the kernel's classic filter language: the switch floods an advertisement through every other port,
/// and copies of thousands would fill the socket.
const INCOMING: [SockFilter; 4] = [
    // A = type of the packet: `SKF_AD_OFF + SKF_AD_PKTTYPE` of `linux/filter.h`.
    SockFilter::new(0x20, 0, 0, 0xffff_f004),
    // `PACKET_OUTGOING`.
    SockFilter::new(0x15, 0, 1, 4),
    SockFilter::new(0x06, 0, 0, 0),
    SockFilter::new(0x06, 0, 0, u32::MAX),
];
