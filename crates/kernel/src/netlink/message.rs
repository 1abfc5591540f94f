//! Netlink messages as bytes: a header, a family's own header, and attributes that may nest.
//!
//! **Source**: netlink(7), rtnetlink(7); linux/netlink.h. Lengths are in host order and pieces are padded to
//! four bytes. Reading never panics: what does not fit ends the iteration.

/// Length of `struct nlmsghdr`.
pub(crate) const HEADER_LEN: usize = 16;
/// Length of `struct nlattr`.
const ATTRIBUTE_LEN: usize = 4;
/// Bits of an attribute type that name it; the others say "nested" and "network order".
const ATTRIBUTE_MASK: u16 = 0x3fff;
const NESTED: u16 = 0x8000;
const NLM_F_ACK: u16 = 4;

/// A message under construction.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    open: Vec<usize>,
}

impl Builder {
    /// A message of this type and these flags; the socket fills in the sequence number.
    pub(crate) fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&0u32.to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        Self { bytes, open: Vec::new() }
    }

    /// Lets the kernel answer only if it refuses the request.
    pub(crate) fn quiet(mut self) -> Self {
        if let Some([_, _, _, _, _, _, low, high]) = self.bytes.first_chunk_mut::<8>() {
            [*low, *high] = (u16::from_ne_bytes([*low, *high]) & !NLM_F_ACK).to_ne_bytes();
        }
        self
    }

    /// The family's own header, padded.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.bytes.extend_from_slice(body);
        self.pad();
        self
    }

    /// One attribute.
    pub(crate) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_LEN + value.len()).unwrap_or(u16::MAX);
        self.bytes.extend_from_slice(&length.to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.pad();
        self
    }

    /// An attribute of four bytes in host order.
    pub(crate) fn number(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_ne_bytes())
    }

    /// A text with its final NUL.
    pub(crate) fn text(self, kind: u16, value: &str) -> Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes)
    }

    /// Begins an attribute that holds attributes.
    pub(crate) fn open(mut self, kind: u16) -> Self {
        self.open.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0, 0]);
        self.bytes.extend_from_slice(&(kind | NESTED).to_ne_bytes());
        self
    }

    /// Ends the attribute begun last.
    pub(crate) fn close(mut self) -> Self {
        if let Some(start) = self.open.pop() {
            let length = u16::try_from(self.bytes.len().saturating_sub(start)).unwrap_or(u16::MAX);
            if let Some(field) = self.bytes.get_mut(start..start.saturating_add(2)) {
                field.copy_from_slice(&length.to_ne_bytes());
            }
        }
        self
    }

    /// Bytes written raw inside an open attribute.
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self.pad();
        self
    }

    /// The message with its length and `sequence` in the header.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if let Some(header) = self.bytes.first_chunk_mut::<HEADER_LEN>() {
            header[..4].copy_from_slice(&length.to_ne_bytes());
            header[8..12].copy_from_slice(&sequence.to_ne_bytes());
        }
        self.bytes
    }

    fn pad(&mut self) {
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }
}

/// One received message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// `nlmsg_type`.
    pub(crate) kind: u16,
    /// `nlmsg_flags`.
    pub(crate) flags: u16,
    /// `nlmsg_seq`.
    pub(crate) sequence: u32,
    /// What follows the header.
    pub(crate) payload: &'a [u8],
}

/// The messages in one datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let header = self.0.first_chunk::<HEADER_LEN>()?;
        let [l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = *header;
        let length = usize::try_from(u32::from_ne_bytes([l0, l1, l2, l3])).ok()?;
        let payload = self.0.get(HEADER_LEN..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}

/// The attributes in a piece of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'a>(pub(crate) &'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    /// Type and value.
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let [l0, l1, k0, k1] = *self.0.first_chunk::<ATTRIBUTE_LEN>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = self.0.get(ATTRIBUTE_LEN..length)?;
        self.0 = self.0.get(aligned(length)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & ATTRIBUTE_MASK, value))
    }
}

/// A value of four bytes in host order.
pub(crate) fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_ne_bytes(*value.first_chunk()?))
}

/// A text up to its NUL; bytes that are not UTF-8 are replaced.
pub(crate) fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

const fn aligned(length: usize) -> usize {
    (length.saturating_add(3)) & !3
}
