//! Watches the servers of one service in the kernel's load balancer, by asking for nothing else: a look is cheap, however
//! many services there are.
//!
//! One line each time that they are others than before: `NANOSECONDS COUNT WEIGHT`, how many there are and the sum of
//! their weights. A service that is not there has none.

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket,
};

use crate::moment::Moment;

/// Watches the service of TCP port 80 at `address`, with a look each `every`, until the process is ended.
///
/// # Errors
/// When the kernel has no IPVS or does not say, or standard output is gone.
pub fn run(address: Ipv4Addr, every: Duration) -> Result<()> {
    let kernel = socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkGeneric,
    );
    let mut ipvs = Ipvs { kernel: kernel.context("open netlink socket")?, family: 0 };
    ipvs.find()?;
    rustix::process::nice(-20).ok();
    let mut out = io::stdout();
    let mut before = None;
    loop {
        let seen = ipvs.servers(address)?;
        if before != Some(seen) {
            let (count, weight) = seen;
            writeln!(out, "{} {count} {weight}", Moment::now().0)?;
            out.flush()?;
            before = Some(seen);
        }
        thread::sleep(every);
    }
}

struct Ipvs {
    kernel: OwnedFd,
    /// The number that generic netlink gave to IPVS.
    family: u16,
}

impl Ipvs {
    fn find(&mut self) -> Result<()> {
        let name = attribute(FAMILY_NAME, b"IPVS\0");
        self.ask(&message(CONTROL, REQUEST, GET_FAMILY, &name))?;
        let mut buffer = vec![0; 1 << 14];
        let length = recv(self.kernel.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
        let answer = buffer.get(..length).unwrap_or_default();
        ensure!(number16(answer, 4) == Some(CONTROL), "the kernel has no IPVS");
        let found = attributes(answer.get(HEADER..).unwrap_or_default());
        let found = found.into_iter().find(|(kind, _)| *kind == FAMILY_ID);
        let number = found.and_then(|(_, value)| number16(value, 0));
        self.family = number.context("the kernel does not say the number of IPVS")?;
        Ok(())
    }

    /// How many servers there are, and the sum of their weights.
    fn servers(&self, address: Ipv4Addr) -> Result<(usize, u32)> {
        let mut place = address.octets().to_vec();
        place.resize(16, 0);
        let service = [
            attribute(SERVICE_FAMILY, &2_u16.to_ne_bytes()),
            attribute(SERVICE_PROTOCOL, &6_u16.to_ne_bytes()),
            attribute(SERVICE_ADDRESS, &place),
            attribute(SERVICE_PORT, &80_u16.to_be_bytes()),
        ];
        let service = attribute(SERVICE, &service.concat());
        self.ask(&message(self.family, REQUEST | DUMP, GET_DESTINATION, &service))?;
        let (mut count, mut sum) = (0, 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let length = recv(self.kernel.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            let mut rest = buffer.get(..length).unwrap_or_default();
            while let (Some(length), Some(kind)) = (number32(rest, 0), number16(rest, 4)) {
                ensure!(kind != ERROR, "the kernel does not say what servers there are");
                if kind == DONE {
                    return Ok((count, sum));
                }
                let server = attributes(rest.get(HEADER..length).unwrap_or_default());
                let server = server.into_iter().find(|(kind, _)| *kind == DESTINATION);
                let (_, server) = server.context("an answer without a server")?;
                let weight = list(server).into_iter().find(|(kind, _)| *kind == WEIGHT);
                count += 1;
                sum += weight
                    .and_then(|(_, value)| value.first_chunk())
                    .map_or(0, |bytes| u32::from_ne_bytes(*bytes));
                rest = rest.get(length.next_multiple_of(4).max(HEADER)..).unwrap_or_default();
            }
        }
    }

    fn ask(&self, message: &[u8]) -> Result<()> {
        send(self.kernel.as_raw_fd(), message, MsgFlags::empty()).context("ask the kernel")?;
        Ok(())
    }
}

/// `struct nlmsghdr`, `struct genlmsghdr`, and attributes.
fn message(kind: u16, flags: u16, command: u8, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + 4 + attributes.len()).unwrap_or(u32::MAX);
    let mut message = length.to_ne_bytes().to_vec();
    message.extend(kind.to_ne_bytes());
    message.extend(flags.to_ne_bytes());
    // Sequence and sender, which nobody looks at: each answer is read before the next question.
    message.extend([0; 8]);
    message.extend([command, 1, 0, 0]);
    message.extend(attributes);
    message
}

/// `struct nlattr` and what it holds; each starts at a multiple of four octets.
fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut attribute = length.to_ne_bytes().to_vec();
    attribute.extend(kind.to_ne_bytes());
    attribute.extend(value);
    attribute.resize(attribute.len().next_multiple_of(4), 0);
    attribute
}

/// The attributes behind `struct genlmsghdr`.
fn attributes(body: &[u8]) -> Vec<(u16, &[u8])> {
    list(body.get(4..).unwrap_or_default())
}

fn list(mut rest: &[u8]) -> Vec<(u16, &[u8])> {
    let mut all = Vec::new();
    while let (Some(length), Some(kind)) = (number16(rest, 0), number16(rest, 2)) {
        let length = usize::from(length);
        // The upper bits say that others are inside.
        all.push((kind & 0x3fff, rest.get(4..length).unwrap_or_default()));
        rest = rest.get(length.next_multiple_of(4).max(4)..).unwrap_or_default();
    }
    all
}

fn number16(bytes: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(offset..offset + 2)?.try_into().ok()?))
}

fn number32(bytes: &[u8], offset: usize) -> Option<usize> {
    let number = u32::from_ne_bytes(bytes.get(offset..offset + 4)?.try_into().ok()?);
    usize::try_from(number).ok()
}

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
const REQUEST: u16 = 1;
const DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY`, `CTRL_ATTR_FAMILY_ID` and `CTRL_ATTR_FAMILY_NAME` of the kernel's headers.
const CONTROL: u16 = 16;
const GET_FAMILY: u8 = 3;
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
/// `IPVS_CMD_GET_DEST`, `IPVS_CMD_ATTR_*`, `IPVS_SVC_ATTR_*` and `IPVS_DEST_ATTR_WEIGHT`.
const GET_DESTINATION: u8 = 8;
const SERVICE: u16 = 1;
const DESTINATION: u16 = 2;
const SERVICE_FAMILY: u16 = 1;
const SERVICE_PROTOCOL: u16 = 2;
const SERVICE_ADDRESS: u16 = 3;
const SERVICE_PORT: u16 = 4;
const WEIGHT: u16 = 4;
