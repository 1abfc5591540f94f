//! A stream of bytes, cut into messages.

use crate::pdu::Pdu;
use crate::read::Malformed;

/// What came in and is no whole message yet.
#[derive(Debug, Default)]
pub struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Takes in what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next message; none while it is not there as a whole.
    ///
    /// **Errors**: what came is no message; the stream is of no use any more.
    pub fn next_pdu(&mut self) -> Result<Option<Pdu>, Malformed> {
        let Some(length) = Pdu::length(&self.bytes, LONGEST)? else { return Ok(None) };
        if self.bytes.len() < length {
            return Ok(None);
        }
        let rest = self.bytes.split_off(length);
        let whole = core::mem::replace(&mut self.bytes, rest);
        Pdu::parse(&whole).map(Some)
    }
}

/// Bytes of the longest message that is taken, without its header: some thousand names in one request.
const LONGEST: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdu::{Body, Header};

    fn ping(packet: u32) -> Pdu {
        Pdu { header: Header { packet, ..Header::default() }, body: Body::Ping }
    }

    #[test]
    fn messages_come_out_however_they_were_cut() {
        let bytes = [ping(1).emit(), ping(2).emit()].concat();
        for size in 1..bytes.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for part in bytes.chunks(size) {
                frames.push(part);
                while let Some(pdu) = frames.next_pdu().expect("messages") {
                    found.push(pdu);
                }
            }
            assert_eq!(found, [ping(1), ping(2)], "in parts of {size}");
        }
    }

    #[test]
    fn what_says_it_is_endless_is_refused_before_it_comes() {
        let mut frames = Frames::default();
        let mut bytes = ping(1).emit();
        bytes[16..20].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]);
        frames.push(&bytes);
        assert_eq!(frames.next_pdu(), Err(Malformed::TooLong(0x7fff_ffff)));
        let mut frames = Frames::default();
        frames.push(b"GET / HTTP/1.1");
        assert_eq!(frames.next_pdu(), Err(Malformed::Version(b'G')));
    }
}
