#!/usr/bin/env python3
"""Vectors for the trailer of `auth_hmac`, computed by Python's hmac, hashlib and struct alone.

Prints one vector a line: name, key, source address, key id, seconds, fraction, counter, advertisement, trailer.
Bytes are hexadecimal. `auth_hmac.txt` beside this file holds what it prints; a test compares the two.
"""

import hashlib
import hmac
import ipaddress
import struct


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def advertisement(version, source, destination, priority, interval, addresses) -> bytes:
    packed = b"".join(ipaddress.ip_address(address).packed for address in addresses)
    header = struct.pack("!BBBBHH", version << 4 | 1, 51, priority, len(addresses), interval, 0)
    message = header + packed + (b"\0" * 8 if version == 2 else b"")
    pseudo = b""
    if version == 3:
        source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        if source.version == 4:
            pseudo = source.packed + destination.packed + struct.pack("!BBH", 0, 112, len(message))
        else:
            pseudo = source.packed + destination.packed + struct.pack("!IHBB", len(message), 0, 0, 112)
    return message[:6] + struct.pack("!H", checksum(pseudo + message)) + message[8:]


def trailer(key, source, key_id, seconds, fraction, counter, message) -> bytes:
    address = ipaddress.ip_address(source)
    pseudo = bytes([address.version if address.version == 4 else 6, message[0] >> 4, message[1], 0])
    pseudo += address.packed.ljust(16, b"\0")
    head = struct.pack("!BBHIHH", 1, key_id, 0, seconds, fraction, counter)
    signed = pseudo + message[:6] + b"\0\0" + message[8:] + head + b"\0" * 16
    return head + hmac.new(key, signed, hashlib.sha256).digest()[:16]


TEXT = b"a key of thirty-two bytes, as is"
BINARY = bytes(range(64))
MIDDLE = hashlib.sha256(b"steadfast").digest() + b"more"

VECTORS = [
    ("v2_ipv4", TEXT, "192.0.2.1", 1, 1_800_000_000, 0, 0,
     advertisement(2, "192.0.2.1", "224.0.0.18", 150, 1, ["192.0.2.10"])),
    ("v2_ipv4_three_addresses", BINARY, "192.0.2.1", 255, 0, 65_535, 65_535,
     advertisement(2, "192.0.2.1", "224.0.0.18", 1, 255, ["192.0.2.10", "192.0.2.11", "192.0.2.12"])),
    ("v3_ipv4", TEXT, "192.0.2.1", 7, 1_800_000_000, 32_768, 3,
     advertisement(3, "192.0.2.1", "224.0.0.18", 150, 100, ["192.0.2.10"])),
    ("v3_ipv4_resign", MIDDLE, "203.0.113.254", 7, 4_294_967_295, 1, 2,
     advertisement(3, "203.0.113.254", "192.0.2.2", 0, 4095, ["192.0.2.10"])),
    ("v3_ipv6", BINARY, "fe80::1", 2, 1_900_000_000, 12_345, 54_321,
     advertisement(3, "fe80::1", "ff02::12", 200, 30, ["fe80::10", "2001:db8::10"])),
    ("v3_ipv6_long_source", MIDDLE, "2001:db8:1:2:3:4:5:6", 9, 1, 2, 3,
     advertisement(3, "2001:db8:1:2:3:4:5:6", "2001:db8::2", 100, 100, ["fe80::10"])),
]

for name, key, source, key_id, seconds, fraction, counter, message in VECTORS:
    made = trailer(key, source, key_id, seconds, fraction, counter, message)
    print(name, key.hex(), source, key_id, seconds, fraction, counter, message.hex(), made.hex())
