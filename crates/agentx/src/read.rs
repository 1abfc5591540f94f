//! Bytes to values, in either byte order.

use core::net::Ipv4Addr;

use crate::{Oid, Value, VarBind};

/// Bytes that are no message of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another version of the protocol.
    #[error("version {0} of AgentX, not 1")]
    Version(u8),
    /// A message of a type that does not exist, or that no master sends.
    #[error("message of type {0}")]
    Kind(u8),
    /// A value of a type that does not exist.
    #[error("value of type {0}")]
    ValueKind(u16),
    /// A message longer than any that is taken.
    #[error("message of {0} bytes")]
    TooLong(u32),
    /// It ends before what it says it holds.
    #[error("message that ends early")]
    Short,
    /// Something stands behind what it holds.
    #[error("message with bytes left over")]
    Rest,
    /// A name of more sub-identifiers than names have.
    #[error("name that is too long")]
    Name,
    /// An address that is not of four bytes.
    #[error("address that is none")]
    Address,
}

/// Bytes that are being read.
#[derive(Debug)]
pub(crate) struct Reader<'b> {
    bytes: &'b [u8],
    order: Order,
}

/// Which byte of a number comes first (RFC 2741 §6.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The greatest.
    Network,
    /// The least.
    Little,
}

impl<'b> Reader<'b> {
    pub(crate) const fn new(bytes: &'b [u8], order: Order) -> Self {
        Self { bytes, order }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Malformed::Short)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(Malformed::Short)?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.take(count).map(|_| ())
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        let bytes = self.array()?;
        Ok(match self.order {
            Order::Network => u16::from_be_bytes(bytes),
            Order::Little => u16::from_le_bytes(bytes),
        })
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        let bytes = self.array()?;
        Ok(match self.order {
            Order::Network => u32::from_be_bytes(bytes),
            Order::Little => u32::from_le_bytes(bytes),
        })
    }

    fn u64(&mut self) -> Result<u64, Malformed> {
        let bytes = self.array()?;
        Ok(match self.order {
            Order::Network => u64::from_be_bytes(bytes),
            Order::Little => u64::from_le_bytes(bytes),
        })
    }

    fn i32(&mut self) -> Result<i32, Malformed> {
        Ok(self.u32()?.cast_signed())
    }

    pub(crate) fn octets(&mut self) -> Result<Vec<u8>, Malformed> {
        let length = usize::try_from(self.u32()?).map_err(|_| Malformed::Short)?;
        let octets = self.take(length)?.to_vec();
        self.skip(length.next_multiple_of(4) - length)?;
        Ok(octets)
    }

    /// A name, and whether it is included in a range that begins with it.
    pub(crate) fn oid(&mut self) -> Result<(Oid, bool), Malformed> {
        let [count, prefix, include, _] = self.array()?;
        let prefix = u32::from(prefix);
        let mut parts = if prefix == 0 { Vec::new() } else { vec![1, 3, 6, 1, prefix] };
        if parts.len() + usize::from(count) > Oid::LONGEST {
            return Err(Malformed::Name);
        }
        for _ in 0..count {
            parts.push(self.u32()?);
        }
        Ok((Oid::new(&parts), include != 0))
    }

    pub(crate) fn bind(&mut self) -> Result<VarBind, Malformed> {
        let kind = self.u16()?;
        self.skip(2)?;
        let (name, _) = self.oid()?;
        let value = match kind {
            2 => Value::Integer(self.i32()?),
            4 => Value::Octets(self.octets()?),
            5 => Value::Null,
            6 => Value::Name(self.oid()?.0),
            64 => {
                let octets: [u8; 4] = self.octets()?.try_into().map_err(|_| Malformed::Address)?;
                Value::IpAddress(Ipv4Addr::from(octets))
            }
            65 => Value::Counter32(self.u32()?),
            66 => Value::Gauge32(self.u32()?),
            67 => Value::TimeTicks(self.u32()?),
            68 => Value::Opaque(self.octets()?),
            70 => Value::Counter64(self.u64()?),
            128 => Value::NoSuchObject,
            129 => Value::NoSuchInstance,
            130 => Value::EndOfView,
            other => return Err(Malformed::ValueKind(other)),
        };
        Ok(VarBind { name, value })
    }

    pub(crate) fn binds(&mut self) -> Result<Vec<VarBind>, Malformed> {
        let mut binds = Vec::new();
        while !self.is_empty() {
            binds.push(self.bind()?);
        }
        Ok(binds)
    }
}
