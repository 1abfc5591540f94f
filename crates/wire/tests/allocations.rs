//! What is done to an advert between two sendings takes no memory.

#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

use std::net::Ipv4Addr;

use allocation_counter::measure;
use wire::vrrp::{
    Addresses, Advertisement, Authentication, Checksum, HeaderKey, KeyId, MULTICAST_V4, Prepared,
    Seal, Stamp, TrailerKey, sign,
};
use wire::{Family, MaxAdvertiseInterval, Priority, Version, Vrid};

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

fn advertisement(version: Version, authentication: Authentication) -> Advertisement<'static> {
    Advertisement {
        version,
        vrid: Vrid::new(51).unwrap(),
        priority: Priority(100),
        interval: MaxAdvertiseInterval::Seconds(1),
        authentication,
        addresses: Addresses::new(Family::Ipv4, &[]).unwrap(),
    }
}

#[test]
fn a_sealed_advert() {
    let advert = advertisement(Version::V2, Authentication::None);
    let checksum = Checksum::AsV2;
    let mut prepared =
        Prepared::ipv4_with_checksum(&advert, SOURCE, MULTICAST_V4, 255, checksum).unwrap();
    prepared = prepared.with_room_for_trailer();
    let (id, key) = (KeyId::MIN, TrailerKey::new(&[7; 32]).unwrap());
    let mut bytes = prepared.as_bytes().to_vec();
    let taken = measure(|| {
        prepared.set_priority(Priority(101));
        prepared.set_identification(2);
        bytes.copy_from_slice(prepared.as_bytes());
        let message = bytes.get_mut(prepared.start()..).unwrap();
        let seal = Seal::new(message, SOURCE.into(), id, &key, Stamp::default());
        seal.unwrap().put(message);
    });
    assert_eq!(taken.count_total, 0);
}

#[test]
fn a_signed_advert() {
    let advert = advertisement(Version::V2, Authentication::Header);
    let prepared = Prepared::ipv4_with_header(&advert, SOURCE, MULTICAST_V4, 255).unwrap();
    let key = HeaderKey::new(b"s3cret");
    let mut bytes = prepared.as_bytes().to_vec();
    assert_eq!(measure(|| sign(&mut bytes, &key, 7)).count_total, 0);
}
