//! Values to bytes, in network byte order.

use crate::{Oid, Value, VarBind};

/// Bytes that are being written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) {
        let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        self.u32(length);
        self.bytes.extend_from_slice(octets);
        while !self.bytes.len().is_multiple_of(4) {
            self.bytes.push(0);
        }
    }

    /// A name: below `internet` (1.3.6.1) the first five sub-identifiers are one byte (RFC 2741 §5.1).
    pub(crate) fn oid(&mut self, oid: &Oid, include: bool) {
        let (prefix, rest) = match oid.parts() {
            [1, 3, 6, 1, prefix, rest @ ..] if (1..=255).contains(prefix) => {
                (u8::try_from(*prefix).unwrap_or(0), rest)
            }
            parts => (0, parts),
        };
        self.u8(u8::try_from(rest.len()).unwrap_or(u8::MAX));
        self.u8(prefix);
        self.u8(u8::from(include));
        self.u8(0);
        rest.iter().for_each(|part| self.u32(*part));
    }

    pub(crate) fn bind(&mut self, bind: &VarBind) {
        self.u16(bind.value.kind());
        self.u16(0);
        self.oid(&bind.name, false);
        match &bind.value {
            Value::Integer(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
            Value::Octets(octets) | Value::Opaque(octets) => self.octets(octets),
            Value::Name(name) => self.oid(name, false),
            Value::IpAddress(address) => self.octets(&address.octets()),
            Value::Counter32(number) | Value::Gauge32(number) | Value::TimeTicks(number) => {
                self.u32(*number);
            }
            Value::Counter64(number) => self.bytes.extend_from_slice(&number.to_be_bytes()),
            Value::Null | Value::NoSuchObject | Value::NoSuchInstance | Value::EndOfView => {}
        }
    }
}
