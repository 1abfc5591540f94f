//! How messages become bytes, and lists of what they carry.
//!
//! A child may be of another build than its parent (an upgrade, a respawn), so every message carries the version
//! of its enum and decoding can fail: the receiver then logs it and gives the peer up.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes that are no message of ours.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Another version.
    #[error("message of version {0}, not {VERSION}")]
    Version(u8),
    /// No version at all.
    #[error("empty message")]
    Empty,
    /// Not one of the messages.
    #[error("not a message")]
    Malformed(#[source] postcard::Error),
}

/// A message as bytes.
///
/// **Shape**: one byte of version, then the message. A message that cannot be encoded gives no bytes, which no
/// receiver takes for a message.
#[must_use]
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(message, vec![VERSION]).unwrap_or_default()
}

/// The message of `bytes`.
///
/// **Errors**: another version, or bytes that are no message.
pub fn decode<M: DeserializeOwned>(bytes: &[u8]) -> Result<M, DecodeError> {
    match bytes.split_first() {
        None => Err(DecodeError::Empty),
        Some((&VERSION, rest)) => postcard::from_bytes(rest).map_err(DecodeError::Malformed),
        Some((&version, _)) => Err(DecodeError::Version(version)),
    }
}

/// Appends one item of a list to its bytes.
pub fn append(list: &mut Vec<u8>, item: &impl Serialize) {
    // It fails for types only that we do not use, such as sequences of unknown length.
    if let Ok(bytes) = postcard::to_allocvec(item) {
        list.extend_from_slice(&bytes);
    }
}

/// The items of a list that [`append`] made.
///
/// **Errors**: bytes that are no such list.
pub fn items<T: DeserializeOwned>(mut list: &[u8]) -> Result<Vec<T>, DecodeError> {
    let mut items = Vec::new();
    while !list.is_empty() {
        let (item, rest) = postcard::take_from_bytes(list).map_err(DecodeError::Malformed)?;
        // An item of no bytes would never come to an end.
        if rest.len() == list.len() {
            return Err(DecodeError::Empty);
        }
        items.push(item);
        list = rest;
    }
    Ok(items)
}

/// Raised with every change of a message.
const VERSION: u8 = 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Change, Severity, StartOptions, Summary, ToChild, ToParent};

    #[test]
    fn messages_come_back_as_they_were() {
        for message in [
            ToParent::Ready,
            ToParent::Heartbeat(Summary { active: 1, backup: 2, fault: 0 }),
            ToParent::Log { severity: Severity::Warning, text: "a line".to_owned() },
            ToParent::ReloadFailed { reason: "why".to_owned() },
        ] {
            assert_eq!(decode::<ToParent>(&encode(&message)).expect("decodes"), message);
        }
    }

    #[test]
    fn a_list_comes_back_item_by_item() {
        let mut list = Vec::new();
        for item in ["one", "", "three"] {
            append(&mut list, &item);
        }
        assert_eq!(items::<String>(&list).expect("a list"), ["one", "", "three"]);
        assert!(items::<String>(&list[..list.len() - 1]).is_err(), "it ends early");
        assert!(items::<String>(&[]).expect("an empty list").is_empty());
        // One whose items are of no bytes would never come to an end.
        assert!(items::<()>(&[0]).is_err());
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = encode(&ToChild::Stop);
        bytes[0] = 99;
        assert!(matches!(decode::<ToChild>(&bytes), Err(DecodeError::Version(99))));
        assert!(matches!(decode::<ToChild>(&[]), Err(DecodeError::Empty)));
    }

    #[test]
    fn no_bytes_make_decoding_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = decode::<ToParent>(bytes);
            let _ = decode::<ToChild>(bytes);
            let _ = decode::<StartOptions>(bytes);
            let _ = items::<Change>(bytes);
        });
    }
}
