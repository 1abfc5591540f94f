//! The trailer of `auth_hmac` against vectors that a Python script computes, and what is refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a panic fails the test, as it should"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "the script is read; the crate under test reads nothing"
)]

use std::io;
use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use bolero::check;
use wire::Family;
use wire::vrrp::{
    AdvertisementPacket, Discard, KeyId, Seal, Stamp, TRAILER_LEN, TrailedPacket, TrailerKey,
};

const VECTORS: &str = include_str!("vectors/auth_hmac.txt");

/// One line of the vectors.
struct Vector {
    name: &'static str,
    key: TrailerKey,
    source: IpAddr,
    id: KeyId,
    stamp: Stamp,
    message: Vec<u8>,
    trailer: Vec<u8>,
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn vectors() -> Vec<Vector> {
    let vector = |line: &'static str| {
        let words: Vec<&str> = line.split(' ').collect();
        Vector {
            name: words[0],
            key: TrailerKey::new(&hex(words[1])).unwrap(),
            source: words[2].parse().unwrap(),
            id: words[3].parse().unwrap(),
            stamp: Stamp {
                seconds: words[4].parse().unwrap(),
                fraction: words[5].parse().unwrap(),
                counter: words[6].parse().unwrap(),
            },
            message: hex(words[7]),
            trailer: hex(words[8]),
        }
    };
    VECTORS.lines().map(vector).collect()
}

/// The verdict on `bytes`, said to come from `source`.
fn verdict(bytes: &[u8], source: IpAddr, key: &TrailerKey) -> Result<(KeyId, Stamp), Discard> {
    let packet = AdvertisementPacket::new_checked(bytes)?;
    let parted = TrailedPacket::part(&packet, Family::of(source))?;
    let claim = parted.claim().ok_or(Discard::TrailerMissing)?;
    parted.verify(source, key)?;
    Ok(claim)
}

#[test]
fn the_vectors_are_what_python_makes_of_them() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/auth_hmac.py");
    match Command::new("python3").arg(script).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(String::from_utf8(output.stdout).unwrap(), VECTORS);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            println!("SKIPPED: the program python3 is missing (package python3)");
        }
        Err(error) => panic!("start python3: {error}"),
    }
}

#[test]
fn a_trailer_of_the_vectors_is_genuine() {
    for Vector { name, key, source, id, stamp, message, trailer } in vectors() {
        let bytes = [message, trailer].concat();
        assert_eq!(verdict(&bytes, source, &key), Ok((id, stamp)), "{name}");
    }
}

#[test]
fn ours_is_the_same_byte_for_byte() {
    for Vector { name, key, source, id, stamp, message, trailer } in vectors() {
        let mut bytes = [message.as_slice(), &[0xaa; TRAILER_LEN]].concat();
        Seal::new(&bytes, source, id, &key, stamp).unwrap().put(&mut bytes);
        assert_eq!(bytes, [message, trailer].concat(), "{name}");
    }
}

#[test]
fn the_seal_of_an_advertisement_serves_all_who_get_it() {
    let Vector { key, source, id, stamp, message, trailer, .. } = vectors().remove(0);
    let first = [message.as_slice(), &[0; TRAILER_LEN]].concat();
    let seal = Seal::new(&first, source, id, &key, stamp).unwrap();
    // A peer of an old release gets another checksum.
    let mut other = [message.as_slice(), &[0; TRAILER_LEN]].concat();
    other[6..8].copy_from_slice(&[0x12, 0x34]);
    seal.put(&mut other);
    assert_eq!(verdict(&other, source, &key), Ok((id, stamp)));
    assert_eq!(other[message.len()..], trailer);
    assert_eq!(Seal::new(&[0; TRAILER_LEN - 1], source, id, &key, stamp), None);
}

#[test]
fn every_bit_counts_but_those_of_the_checksum() {
    for Vector { name, key, source, message, trailer, .. } in vectors() {
        let bytes = [message.as_slice(), &trailer].concat();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x80;
            let genuine = verdict(&changed, source, &key).is_ok();
            assert_eq!(genuine, at == 6 || at == 7, "{name}, byte {at}");
        }
    }
}

#[test]
fn another_sender_or_key_is_refused() {
    let Vector { key, source, message, trailer, .. } = vectors().remove(0);
    let bytes = [message, trailer].concat();
    let other = "192.0.2.2".parse().unwrap();
    assert_eq!(verdict(&bytes, other, &key).unwrap_err(), Discard::Digest);
    let wrong = TrailerKey::new(&[7; 32]).unwrap();
    assert_eq!(verdict(&bytes, source, &wrong).unwrap_err(), Discard::Digest);
}

#[test]
fn what_is_behind_an_advertisement_is_a_trailer_or_nothing() {
    let Vector { key, source, message, trailer, .. } = vectors().remove(2);
    let judge = |bytes: &[u8]| verdict(bytes, source, &key).map(|_| ());
    assert_eq!(judge(&message), Err(Discard::TrailerMissing));
    let whole = [message.as_slice(), &trailer].concat();
    assert_eq!(judge(&whole[..whole.len() - 1]), Err(Discard::TrailerMalformed));
    assert_eq!(judge(&[whole.as_slice(), &[0]].concat()), Err(Discard::TrailerMalformed));
    assert_eq!(judge(&message[..message.len() - 1]), Err(Discard::Length));
    for (at, byte) in [(0, 2), (1, 0), (2, 1), (3, 1)] {
        let mut changed = whole.clone();
        changed[message.len() + at] = byte;
        assert_eq!(judge(&changed), Err(Discard::TrailerMalformed), "byte {at}");
    }
}

#[test]
fn a_key_has_32_to_64_bytes_and_is_not_shown() {
    for (length, is_key) in [(0, false), (31, false), (32, true), (64, true), (65, false)] {
        assert_eq!(TrailerKey::new(&vec![1; length]).is_some(), is_key, "{length}");
    }
    assert_eq!(format!("{:?}", TrailerKey::new(&[1; 32]).unwrap()), "TrailerKey(..)");
}

#[test]
fn any_bytes_with_a_trailer() {
    let key = TrailerKey::new(&[9; 32]).unwrap();
    let source: IpAddr = "192.0.2.1".parse().unwrap();
    check!().with_test_time(Duration::from_millis(700)).for_each(|bytes: &[u8]| {
        let Ok(packet) = AdvertisementPacket::new_checked(bytes) else { return };
        for family in [Family::Ipv4, Family::Ipv6] {
            let Ok(parted) = TrailedPacket::part(&packet, family) else { continue };
            assert!(parted.verify(source, &key).is_err());
            // Whatever is a packet becomes a genuine one.
            let inside = parted.advertisement().unwrap();
            let mut sealed = [inside.as_bytes(), &[0; TRAILER_LEN]].concat();
            let id = KeyId::new(3).unwrap();
            let seal = Seal::new(&sealed, source, id, &key, Stamp::default()).unwrap();
            seal.put(&mut sealed);
            let packet = AdvertisementPacket::new_checked(&sealed).unwrap();
            let parted = TrailedPacket::part(&packet, family).unwrap();
            assert_eq!(parted.verify(source, &key), Ok(()));
            assert_eq!(parted.claim(), Some((id, Stamp::default())));
        }
    });
}
