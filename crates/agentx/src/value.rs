//! What names stand for.

use core::net::Ipv4Addr;

use crate::Oid;

/// A value.
///
/// **Source**: RFC 2741 §5.4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A signed number.
    Integer(i32),
    /// Bytes.
    Octets(Vec<u8>),
    /// Nothing, where a request names no value.
    Null,
    /// A name.
    Name(Oid),
    /// An IPv4 address.
    IpAddress(Ipv4Addr),
    /// A number that only grows, and begins anew behind the greatest.
    Counter32(u32),
    /// A number that grows and shrinks.
    Gauge32(u32),
    /// Hundredths of a second.
    TimeTicks(u32),
    /// Bytes in an encoding of their own.
    Opaque(Vec<u8>),
    /// A number that only grows.
    Counter64(u64),
    /// There is no such kind of value.
    NoSuchObject,
    /// There is no value of this name, though there are others of its kind.
    NoSuchInstance,
    /// There is no name behind this one.
    EndOfView,
}

impl Value {
    /// The number of its type.
    pub(crate) const fn kind(&self) -> u16 {
        match self {
            Self::Integer(_) => 2,
            Self::Octets(_) => 4,
            Self::Null => 5,
            Self::Name(_) => 6,
            Self::IpAddress(_) => 64,
            Self::Counter32(_) => 65,
            Self::Gauge32(_) => 66,
            Self::TimeTicks(_) => 67,
            Self::Opaque(_) => 68,
            Self::Counter64(_) => 70,
            Self::NoSuchObject => 128,
            Self::NoSuchInstance => 129,
            Self::EndOfView => 130,
        }
    }
}

/// A name with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarBind {
    /// The name.
    pub name: Oid,
    /// Its value.
    pub value: Value,
}
