use core::net::Ipv4Addr;

use super::*;
use crate::Value;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(core::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

/// A message is these bytes, and these bytes are that message.
fn check(header: Header, body: Body, bytes: &str) {
    let pdu = Pdu { header, body };
    assert_eq!(pdu.emit(), hex(bytes));
    assert_eq!(Pdu::parse(&hex(bytes)), Ok(pdu));
}

fn header(session: u32, transaction: u32, packet: u32) -> Header {
    Header { session, transaction, packet }
}

#[test]
fn a_session_is_opened_with_a_name_and_a_text() {
    let id = Oid::new(&[1, 3, 6, 1, 4, 1, 9586, 100, 5]);
    let body = Body::Open { timeout: 5, id, description: b"Keepalived".to_vec() };
    check(
        header(0, 0, 1),
        body,
        "01 01 10 00  00000000 00000000 00000001 00000028 \
         05 000000  04 04 00 00 00000001 00002572 00000064 00000005 \
         0000000a 4b656570 616c6976 65640000",
    );
}

#[test]
fn a_subtree_is_registered_by_its_name() {
    let subtree = Oid::new(&[1, 3, 6, 1, 2, 1, 68]);
    let body = Body::Register { priority: 127, subtree };
    check(
        header(7, 0, 2),
        body,
        "01 03 10 00  00000007 00000000 00000002 00000010 \
         00 7f 00 00  02 02 00 00 00000001 00000044",
    );
}

#[test]
fn names_outside_of_internet_stand_as_a_whole() {
    let asked = |start: &[u32], include, end: &[u32]| Asked {
        start: Oid::new(start),
        include,
        end: Oid::new(end),
    };
    let body = Body::GetNext(vec![asked(&[1, 2, 3], true, &[]), asked(&[], false, &[1, 3, 6, 1])]);
    check(
        header(7, 8, 9),
        body,
        "01 06 10 00  00000007 00000008 00000009 0000002c \
         03 00 01 00 00000001 00000002 00000003  00 00 00 00 \
         00 00 00 00  04 00 00 00 00000001 00000003 00000006 00000001",
    );
}

#[test]
fn every_type_of_value_comes_back() {
    let values = [
        Value::Integer(-2),
        Value::Octets(b"abcde".to_vec()),
        Value::Null,
        Value::Name(Oid::new(&[1, 3])),
        Value::IpAddress(Ipv4Addr::new(192, 0, 2, 1)),
        Value::Counter32(1),
        Value::Gauge32(2),
        Value::TimeTicks(3),
        Value::Opaque(Vec::new()),
        Value::Counter64(1 << 32),
        Value::NoSuchObject,
        Value::NoSuchInstance,
        Value::EndOfView,
    ];
    let bind = |value: &Value| VarBind { name: Oid::new(&[1]), value: value.clone() };
    let response =
        Response { uptime: 9, error: 17, index: 1, binds: values.iter().map(bind).collect() };
    check(
        header(1, 2, 3),
        Body::Response(response),
        "01 12 10 00  00000001 00000002 00000003 000000e0  00000009 0011 0001 \
         0002 0000 01000000 00000001 fffffffe \
         0004 0000 01000000 00000001 00000005 61626364 65000000 \
         0005 0000 01000000 00000001 \
         0006 0000 01000000 00000001 02000000 00000001 00000003 \
         0040 0000 01000000 00000001 00000004 c0000201 \
         0041 0000 01000000 00000001 00000001 \
         0042 0000 01000000 00000001 00000002 \
         0043 0000 01000000 00000001 00000003 \
         0044 0000 01000000 00000001 00000000 \
         0046 0000 01000000 00000001 00000001 00000000 \
         0080 0000 01000000 00000001 \
         0081 0000 01000000 00000001 \
         0082 0000 01000000 00000001",
    );
}

#[test]
fn the_other_byte_order_and_a_context_are_understood() {
    let bytes = hex("01 05 08 00  07000000 08000000 09000000 18000000 \
                     02000000 61620000  01 04 00 00 01000000  00 00 00 00 00 00 00 00");
    // The last four bytes begin another name, whose end is missing.
    assert_eq!(Pdu::parse(&bytes), Err(Malformed::Short));
    let bytes = hex("01 05 08 00  07000000 08000000 09000000 14000000 \
                     02000000 61620000  01 04 00 00 01000000  00 00 00 00");
    let asked = Asked { start: Oid::new(&[1, 3, 6, 1, 4, 1]), ..Asked::default() };
    let pdu = Pdu { header: header(7, 8, 9), body: Body::Get(vec![asked]) };
    assert_eq!(Pdu::parse(&bytes), Ok(pdu));
}

#[test]
fn what_is_no_message_says_why() {
    let refused = |bytes: &str| Pdu::parse(&hex(bytes)).unwrap_err();
    let head = "00000000 00000000 00000000";
    assert_eq!(refused("01 0d 10"), Malformed::Short);
    assert_eq!(refused(&format!("02 0d 10 00 {head} 00000000")), Malformed::Version(2));
    assert_eq!(refused(&format!("01 63 10 00 {head} 00000000")), Malformed::Kind(99));
    assert_eq!(refused(&format!("01 0d 10 00 {head} 00000001 00")), Malformed::Rest);
    let long = format!("01 05 10 00 {head} 00000004 7c 01 00 00");
    assert_eq!(refused(&long), Malformed::Name);
    let number = format!("01 0c 10 00 {head} 00000008 0003 0000 00 00 00 00");
    assert_eq!(refused(&number), Malformed::ValueKind(3));
    let address = format!("01 0c 10 00 {head} 00000010 0040 0000 00 00 00 00 00000001 01000000");
    assert_eq!(refused(&address), Malformed::Address);
}

#[test]
fn no_bytes_make_parsing_panic_and_what_is_parsed_is_emitted_alike() {
    bolero::check!().for_each(|bytes: &[u8]| {
        if let Ok(pdu) = Pdu::parse(bytes) {
            assert_eq!(Pdu::parse(&pdu.emit()), Ok(pdu));
        }
        let mut frames = crate::Frames::default();
        frames.push(bytes);
        while let Ok(Some(_)) = frames.next_pdu() {}
    });
}
