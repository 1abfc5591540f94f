//! Advertisements made by hand: the peer that no daemon can play, right or wrong in one respect.

use std::net::IpAddr;

use crate::flavour::Flavour;

/// An advertisement as the client of a lab would send it.
///
/// What [`Self::new`] gives is right in every respect; a scenario then spoils what it is about.
#[derive(Clone, Debug)]
pub struct Forged {
    /// The kind of VRRP that the right one is of.
    pub flavour: Flavour,
    /// Version nibble.
    pub version: u8,
    /// Type nibble; 1 is the only one there is.
    pub kind: u8,
    /// Virtual router identifier.
    pub vrid: u8,
    /// Priority.
    pub priority: u8,
    /// The field of the interval as it is sent: seconds in version 2, centiseconds in version 3.
    pub interval: u16,
    /// The addresses carried.
    pub addresses: Vec<IpAddr>,
    /// The number of addresses claimed; none claims what is carried.
    pub count: Option<u8>,
    /// Password, where the kind has one.
    pub password: [u8; 8],
    /// Authentication type of version 2.
    pub auth_type: u8,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Added to the right checksum.
    pub checksum_error: u16,
    /// Bytes cut off the end, after the checksum was made.
    pub cut: usize,
}

impl Forged {
    /// An advertisement of `priority` for the usual instance of `flavour`.
    #[must_use]
    pub fn new(flavour: Flavour, priority: u8) -> Self {
        let v2 = matches!(flavour, Flavour::V2 | Flavour::V2Pass);
        let unit = if v2 { 1_000 } else { 10 };
        let interval = u16::try_from(flavour.interval().as_millis() / unit).unwrap_or(u16::MAX);
        let mut addresses = vec![flavour.address()];
        if flavour == Flavour::V3Ipv6 {
            addresses.insert(0, IpAddr::from([0xfe80, 0, 0, 0, 0, 0, 0, 0x10]));
        }
        let with_password = flavour == Flavour::V2Pass;
        Self {
            flavour,
            version: if v2 { 2 } else { 3 },
            kind: 1,
            vrid: 51,
            priority,
            interval,
            addresses,
            count: None,
            password: if with_password { *b"s3cret\0\0" } else { [0; 8] },
            auth_type: u8::from(with_password),
            ttl: 255,
            checksum_error: 0,
            cut: 0,
        }
    }

    /// Where such a packet goes.
    #[must_use]
    pub const fn destination(&self) -> &'static str {
        match self.flavour {
            Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => "224.0.0.18",
            Flavour::V3Ipv6 => "ff02::12",
        }
    }

    /// The VRRP message, with its checksum (RFC 3768 §5.3.8, RFC 9568 §5.2.8).
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let carried = u8::try_from(self.addresses.len()).unwrap_or(u8::MAX);
        let count = self.count.unwrap_or(carried);
        let mut message = vec![self.version << 4 | self.kind, self.vrid, self.priority, count];
        let [high, low] = self.interval.to_be_bytes();
        message.extend(if self.version == 2 { [self.auth_type, low] } else { [high, low] });
        message.extend([0, 0]);
        for address in &self.addresses {
            match address {
                IpAddr::V4(address) => message.extend(address.octets()),
                IpAddr::V6(address) => message.extend(address.octets()),
            }
        }
        if self.version == 2 {
            message.extend(self.password);
        }
        let pseudo = if self.version == 2 { Vec::new() } else { self.pseudo_header(&message) };
        let sum = checksum(&[pseudo, message.clone()].concat()).wrapping_add(self.checksum_error);
        for (place, byte) in message.iter_mut().skip(6).zip(sum.to_be_bytes()) {
            *place = byte;
        }
        message.truncate(message.len().saturating_sub(self.cut));
        message
    }

    /// The client's address, the group's, the protocol and the length (RFC 8200 §8.1; RFC 9568 for IPv4).
    fn pseudo_header(&self, message: &[u8]) -> Vec<u8> {
        let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
        let mut header = Vec::new();
        if self.flavour == Flavour::V3Ipv6 {
            header.extend(CLIENT_LINK_LOCAL);
            header.extend([0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12]);
            header.extend([0, 0]);
            header.extend(length);
            header.extend([0, 0, 0, 112]);
        } else {
            header.extend([192, 0, 2, 100, 224, 0, 0, 18, 0, 112]);
            header.extend(length);
        }
        header
    }
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| {
        let (high, low) = (pair.first().copied(), pair.get(1).copied());
        u32::from(u16::from_be_bytes([high.unwrap_or(0), low.unwrap_or(0)]))
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(u16::MAX)
}

/// What the kernel makes of the client's MAC `02:00:00:00:00:64`.
const CLIENT_LINK_LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 0x64];
