//! The number of IPVS among the families of generic netlink, which the kernel gives out as they come.
//!
//! **Source**: linux/genetlink.h.

use rustix::io::Errno;

use super::{ACK, IpvsError, REQUEST, attributes};
use crate::netlink::message::Builder;
use crate::netlink::{NetlinkError, RequestSocket};

/// Asks for it, which makes the kernel look for the module.
///
/// **Errors**: [`IpvsError::Missing`] where it finds none.
pub(super) fn find(socket: &mut RequestSocket) -> Result<u16, IpvsError> {
    let operation = "find IPVS";
    let mut found = None;
    let read = socket.dump(
        operation,
        request,
        || {},
        |message| {
            found = found.or_else(|| parse(message.payload));
        },
    );
    match read {
        Err(NetlinkError::Refused { errno: Errno::NOENT, .. }) => Err(IpvsError::Missing),
        other => {
            other.map_err(IpvsError::of(operation))?;
            found.ok_or(IpvsError::Missing)
        }
    }
}

pub(super) fn request() -> Builder {
    Builder::new(CONTROL, REQUEST | ACK).body(&[GET_FAMILY, 1, 0, 0]).text(FAMILY_NAME, "IPVS")
}

pub(super) fn parse(payload: &[u8]) -> Option<u16> {
    let (_, value) = attributes(payload).find(|(kind, _)| *kind == FAMILY_ID)?;
    Some(u16::from_ne_bytes(*value.first_chunk()?))
}

/// `GENL_ID_CTRL`.
const CONTROL: u16 = 0x10;
/// `CTRL_CMD_GETFAMILY`.
const GET_FAMILY: u8 = 3;
/// `CTRL_ATTR_FAMILY_ID`.
const FAMILY_ID: u16 = 1;
/// `CTRL_ATTR_FAMILY_NAME`.
const FAMILY_NAME: u16 = 2;
