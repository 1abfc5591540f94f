//! The two messages of the health check, in the encoding of protocol buffers (protobuf.dev, "Encoding"):
//!
//! ```text
//! message HealthCheckRequest { string service = 1; }
//! message HealthCheckResponse { ServingStatus status = 1; }
//! ```
//!
//! Each is sent behind a flag of compression and its length, four bytes with the most significant first.

/// What a server says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    Serving,
    /// Anything else, by its number.
    Other(u32),
}

/// The question for `service`, with what stands before it; nothing where it would be longer than its length can say.
pub(super) fn request(service: &str) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    // What is empty is not written.
    if !service.is_empty() {
        message.push(1 << 3 | LENGTH_DELIMITED);
        write_varint(u64::try_from(service.len()).ok()?, &mut message);
        message.extend_from_slice(service.as_bytes());
    }
    let mut sent = vec![0];
    sent.extend_from_slice(&u32::try_from(message.len()).ok()?.to_be_bytes());
    sent.extend_from_slice(&message);
    Some(sent)
}

/// What an answer says, which came with what stands before it.
///
/// **Errors**: it is none, and why.
pub(super) fn response(sent: &[u8]) -> Result<Health, &'static str> {
    let (flag, rest) = sent.split_first().ok_or("the answer has no message")?;
    if *flag != 0 {
        return Err("the message is compressed, which nobody asked for");
    }
    let (length, message) = rest.split_first_chunk::<4>().ok_or("the message is cut short")?;
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    if message.len() < length {
        return Err("the message is cut short");
    }
    if message.len() > length {
        return Err("the answer has more than one message");
    }
    status(message).ok_or("the message is malformed")
}

/// The status of a message, 0 where it says none; the last counts, and fields that nobody knows are passed over.
fn status(mut message: &[u8]) -> Option<Health> {
    let mut status = 0;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let (field, kind) = (key >> 3, key & 7);
        if field == 0 || field > LAST_FIELD {
            return None;
        }
        match kind {
            0 => {
                let value = varint(&mut message)?;
                if field == 1 {
                    // Of a number that is longer than one of this type, the lower half counts.
                    status = u32::try_from(value & u64::from(u32::MAX)).ok()?;
                }
            }
            1 => message = message.get(8..)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                message = message.get(length..)?;
            }
            5 => message = message.get(4..)?,
            _ => return None,
        }
    }
    Some(if status == SERVING { Health::Serving } else { Health::Other(status) })
}

/// A status in the words of the protocol.
pub(super) fn word(status: u32) -> String {
    match status {
        0 => "UNKNOWN".to_owned(),
        SERVING => "SERVING".to_owned(),
        2 => "NOT_SERVING".to_owned(),
        3 => "SERVICE_UNKNOWN".to_owned(),
        other => other.to_string(),
    }
}

/// Seven bits a byte, the lowest first; the eighth says that more follow. Ten bytes at most.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let part = u64::from(byte & 0x7f);
        // Of the tenth byte one bit has a place.
        if part > u64::MAX >> shift {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn write_varint(mut value: u64, to: &mut Vec<u8>) {
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            to.push(byte);
            return;
        }
        to.push(byte | 0x80);
    }
}

const SERVING: u32 = 1;
const LENGTH_DELIMITED: u8 = 2;
/// Numbers of fields have 29 bits.
const LAST_FIELD: u64 = (1 << 29) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_a_name_or_nothing() {
        assert_eq!(request(""), Some(vec![0, 0, 0, 0, 0]));
        assert_eq!(request("shop"), Some(b"\0\0\0\0\x06\x0a\x04shop".to_vec()));
        let long = request(&"x".repeat(300)).unwrap();
        // 300 is 0b10_0101100.
        assert_eq!(long[..8], [0, 0, 0, 1, 47, 0x0a, 0xac, 0x02]);
        assert_eq!(long.len(), 5 + 303);
    }

    #[test]
    fn an_answer_has_one_number() {
        assert_eq!(response(b"\0\0\0\0\x02\x08\x01"), Ok(Health::Serving));
        assert_eq!(response(b"\0\0\0\0\x02\x08\x02"), Ok(Health::Other(2)));
        // What has its default is not written.
        assert_eq!(response(b"\0\0\0\0\0"), Ok(Health::Other(0)));
        // The last counts.
        assert_eq!(response(b"\0\0\0\0\x04\x08\x02\x08\x01"), Ok(Health::Serving));
        // 1 in more bytes than it needs; -1 as ten.
        assert_eq!(response(b"\0\0\0\0\x03\x08\x81\0"), Ok(Health::Serving));
        let minus_one = b"\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(response(minus_one), Ok(Health::Other(u32::MAX)));
    }

    #[test]
    fn fields_that_nobody_knows_are_passed_over() {
        let many = b"\0\0\0\0\x16\x10\x07\x19\0\0\0\0\0\0\0\0\x22\x02ab\x2d\0\0\0\0\x08\x01";
        assert_eq!(response(many), Ok(Health::Serving));
        // The first field as a text is another field.
        assert_eq!(response(b"\0\0\0\0\x03\x0a\x01\x01"), Ok(Health::Other(0)));
    }

    #[test]
    fn what_is_no_answer_says_why() {
        for (sent, why) in [
            (&b""[..], "the answer has no message"),
            (b"\x01\0\0\0\x02\x08\x01", "the message is compressed, which nobody asked for"),
            (b"\0\0\0", "the message is cut short"),
            (b"\0\0\0\0\x02\x08", "the message is cut short"),
            (b"\0\xff\xff\xff\xff\x08\x01", "the message is cut short"),
            (b"\0\0\0\0\x02\x08\x01\0\0\0\0\0", "the answer has more than one message"),
            (b"\0\0\0\0\x01\x08", "the message is malformed"),
            (b"\0\0\0\0\x02\x08\x80", "the message is malformed"),
            (b"\0\0\0\0\x02\0\0", "the message is malformed"),
            (b"\0\0\0\0\x02\x0b\x0c", "the message is malformed"),
            (b"\0\0\0\0\x02\x12\x09", "the message is malformed"),
            (b"\0\0\0\0\x03\x11\0\0", "the message is malformed"),
            (
                b"\0\0\0\0\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                "the message is malformed",
            ),
            (
                b"\0\0\0\0\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
                "the message is malformed",
            ),
        ] {
            assert_eq!(response(sent), Err(why), "{sent:02x?}");
        }
    }

    #[test]
    fn any_bytes_are_an_answer_or_none() {
        bolero::check!().with_iterations(20_000).for_each(|bytes: &[u8]| {
            let _ = response(bytes);
            let _ = status(bytes);
        });
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        bolero::check!().with_type::<u64>().with_iterations(5000).for_each(|value| {
            let mut bytes = Vec::new();
            write_varint(*value, &mut bytes);
            assert_eq!(
                bytes.len(),
                usize::try_from(64 - value.leading_zeros()).unwrap().div_ceil(7).max(1)
            );
            assert_eq!(varint(&mut bytes.as_slice()), Some(*value));
        });
    }
}
