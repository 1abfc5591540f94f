//! Any bytes as an advert behind an authentication header, and as one with a trailer: refused or understood, never genuine
//! by themselves, and genuine once they are signed or sealed.
#![no_main]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use wire::Family;
use wire::vrrp::{
    AdvertisementPacket, AuthenticatedPacket, HeaderKey, KeyId, Seal, Stamp, TRAILER_LEN,
    TrailedPacket, TrailerKey, sign,
};

fuzz_target!(|bytes: &[u8]| {
    behind_header(bytes);
    before_trailer(bytes, Ipv4Addr::LOCALHOST.into());
    before_trailer(bytes, Ipv6Addr::LOCALHOST.into());
});

fn behind_header(bytes: &[u8]) {
    let key = HeaderKey::new(b"s3cret");
    let Ok(packet) = AuthenticatedPacket::from_ipv4(bytes) else { return };
    let _ = (packet.verify(&key), packet.sequence());
    let mut signed = bytes.to_vec();
    // What is behind the length that the datagram names is not its own.
    signed.truncate(u16::from_be_bytes([bytes[2], bytes[3]]).into());
    sign(&mut signed, &key, 7);
    let again = AuthenticatedPacket::from_ipv4(&signed).expect("signing changes no form");
    assert_eq!((again.verify(&key), again.sequence()), (Ok(()), 7));
}

fn before_trailer(bytes: &[u8], source: IpAddr) {
    let key = TrailerKey::new(&[9; TrailerKey::LEAST]).expect("a key of the least length");
    let Ok(packet) = AdvertisementPacket::new_checked(bytes) else { return };
    let Ok(parted) = TrailedPacket::part(&packet, Family::of(source)) else { return };
    let _ = (parted.verify(source, &key), parted.claim());
    let inside = parted.advertisement().expect("a part is a packet");
    let mut sealed = [inside.as_bytes(), &[0; TRAILER_LEN]].concat();
    let (id, stamp) = (KeyId::MIN, Stamp { seconds: 1, fraction: 2, counter: 3 });
    Seal::new(&sealed, source, id, &key, stamp).expect("there is room").put(&mut sealed);
    let packet = AdvertisementPacket::new_checked(&sealed).expect("it has grown");
    let parted = TrailedPacket::part(&packet, Family::of(source)).expect("its trailer has a form");
    assert_eq!((parted.verify(source, &key), parted.claim()), (Ok(()), Some((id, stamp))));
}
