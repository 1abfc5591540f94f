//! What of a rule sends packets elsewhere: by maps, in turn, by hashes, and by what rules remembered of earlier packets.

use std::net::IpAddr;
use std::time::Duration;

use wire::Family;

use super::rule::{CMP_NEQ, FIRST, Field, Rule, VERDICT, be};
use super::set::milliseconds;
use crate::address::octets;
use crate::netlink::message::Builder;

impl Rule {
    /// Goes where the map of verdicts sends the fields' bytes; goes on if it has none for them.
    #[must_use]
    pub fn go_by(self, fields: &[Field], verdicts: &str) -> Self {
        self.load_all(fields).lookup(verdicts, (FIRST, Some(VERDICT)), false)
    }

    /// Goes to the next of `count` elements of a map of verdicts, whose keys are 0 and so on, in host order.
    #[must_use]
    pub fn go_in_turn(self, count: u32, verdicts: &str) -> Self {
        self.expression("numgen", |data| {
            data.attribute(NUMGEN_DREG, &be(FIRST))
                .attribute(NUMGEN_MODULUS, &be(count))
                .attribute(NUMGEN_TYPE, &be(NUMGEN_INCREMENTAL))
                .attribute(NUMGEN_OFFSET, &be(0))
        })
        .lookup(verdicts, (FIRST, Some(VERDICT)), false)
    }

    /// Goes to the one of `count` elements of such a map that a hash of the fields' bytes chooses.
    #[must_use]
    pub fn go_by_hash(self, fields: &[Field], count: u32, verdicts: &str) -> Self {
        let length = fields.iter().map(|field| field.len().next_multiple_of(4)).sum();
        self.load_all(fields)
            .expression("hash", |data| {
                data.attribute(HASH_SREG, &be(FIRST))
                    .attribute(HASH_DREG, &be(SECOND))
                    .attribute(HASH_LEN, &be(length))
                    .attribute(HASH_MODULUS, &be(count))
                    .attribute(HASH_SEED, &be(SEED))
                    .attribute(HASH_OFFSET, &be(0))
                    .attribute(HASH_TYPE, &be(HASH_JENKINS))
            })
            .lookup(verdicts, (SECOND, Some(VERDICT)), false)
    }

    /// Has a map say `value` of the fields' bytes; if it says something already, that stays and gets its whole time
    /// again. Goes on if the map is not full.
    #[must_use]
    pub fn remember(self, fields: &[Field], map: &str, value: [u8; 4], time: Duration) -> Self {
        self.load_all(fields)
            .constant(SECOND, &value)
            .learn(map, DYNSET_UPDATE, |data| data.attribute(DYNSET_TIMEOUT, &milliseconds(time)))
    }

    /// Gives what a map says of the fields' bytes its whole time again; goes on if it says something.
    ///
    /// An update takes a value, though it changes none that is there. nft shows it, and not the question whether there
    /// is one.
    #[must_use]
    pub fn keep(self, fields: &[Field], map: &str, time: Duration) -> Self {
        let asked = self.load_all(fields).lookup(map, (FIRST, Some(SECOND)), false);
        asked.remember(fields, map, [0; 4], time)
    }

    /// Has a map say nothing of the fields' bytes any more, and goes on. This takes a value too, whichever.
    #[must_use]
    pub fn forget(self, fields: &[Field], map: &str) -> Self {
        self.load_all(fields).constant(SECOND, &[0; 4]).learn(map, DYNSET_DELETE, |data| data)
    }

    /// Goes on if the field has one of the bits.
    #[must_use]
    pub fn any_bit(self, field: Field, bits: &[u8]) -> Self {
        self.load(field, FIRST).bits(FIRST, bits).compare(CMP_NEQ, &vec![0; bits.len()])
    }

    /// Goes on if the packet is not for this host itself, as far as its destination and mark say.
    #[must_use]
    pub fn is_foreign(self) -> Self {
        self.expression("fib", |data| {
            data.attribute(FIB_DREG, &be(FIRST))
                .attribute(FIB_RESULT, &be(FIB_ADDRESS_TYPE))
                .attribute(FIB_FLAGS, &be(FIB_DESTINATION | FIB_MARK))
        })
        .compare(CMP_NEQ, &RTN_LOCAL.to_ne_bytes())
    }

    /// Rewrites the destination of this connection, and the source of what comes back.
    #[must_use]
    pub fn dnat(self, address: IpAddr, port: Option<u16>) -> Self {
        let rule = self.constant(FIRST, &octets(address));
        let (family, next) = match address {
            IpAddr::V4(_) => (Family::Ipv4, FIRST + 1),
            IpAddr::V6(_) => (Family::Ipv6, FIRST + 4),
        };
        match port {
            Some(port) => rule.constant(next, &port.to_be_bytes()).rewrite(family, true),
            None => rule.rewrite(family, false),
        }
    }

    /// Sends a copy of the packet, as it is, to the link address of a neighbour.
    #[must_use]
    pub fn copy_to(self, address: IpAddr) -> Self {
        self.constant(FIRST, &octets(address))
            .expression("dup", |data| data.attribute(DUP_ADDRESS, &be(FIRST)))
    }

    /// Drops the packet and tells its sender that nobody listens there.
    #[must_use]
    pub fn refuse(self, family: Family) -> Self {
        let code = match family {
            Family::Ipv4 => ICMP_PORT_UNREACHABLE,
            Family::Ipv6 => ICMPV6_PORT_UNREACHABLE,
        };
        self.expression("reject", |data| {
            data.attribute(REJECT_TYPE, &be(REJECT_BY_ICMP)).attribute(REJECT_CODE, &[code])
        })
    }

    /// Asks whether the connection is tracked. That any rule asks makes the kernel join fragments before rules see them,
    /// so that all of a packet has its ports.
    #[must_use]
    pub fn is_untracked(self) -> Self {
        self.expression("ct", |data| {
            data.attribute(CT_DREG, &be(FIRST)).attribute(CT_KEY, &be(CT_STATE))
        })
        .bits(FIRST, &CT_UNTRACKED.to_ne_bytes())
        .compare(CMP_NEQ, &[0; 4])
    }

    /// With the address in the first register, and the port behind it.
    fn rewrite(self, family: Family, has_port: bool) -> Self {
        let (number, port) = match family {
            Family::Ipv4 => (NFPROTO_IPV4, FIRST + 1),
            Family::Ipv6 => (NFPROTO_IPV6, FIRST + 4),
        };
        self.expression("nat", |data| {
            let data = data
                .attribute(NAT_TYPE, &be(NAT_DESTINATION))
                .attribute(NAT_FAMILY, &be(number))
                .attribute(NAT_ADDRESS, &be(FIRST));
            if has_port { data.attribute(NAT_PORT, &be(port)) } else { data }
        })
    }

    /// Changes what a map says of the first register; its value is in the second.
    fn learn(self, map: &str, operation: u32, more: impl FnOnce(Builder) -> Builder) -> Self {
        self.expression("dynset", |data| {
            let data = data
                .text(DYNSET_NAME, map)
                .attribute(DYNSET_OPERATION, &be(operation))
                .attribute(DYNSET_KEY, &be(FIRST))
                .attribute(DYNSET_DATA, &be(SECOND));
            more(data)
        })
    }
}

/// Behind an IPv6 address and ports: `NFT_REG32_08`.
const SECOND: u32 = FIRST + 8;
/// The same everywhere, so that a client finds the same server after a takeover.
const SEED: u32 = 0x5afe_1b1b;

const NUMGEN_DREG: u16 = 1;
const NUMGEN_MODULUS: u16 = 2;
const NUMGEN_TYPE: u16 = 3;
const NUMGEN_OFFSET: u16 = 4;
const NUMGEN_INCREMENTAL: u32 = 0;
const HASH_SREG: u16 = 1;
const HASH_DREG: u16 = 2;
const HASH_LEN: u16 = 3;
const HASH_MODULUS: u16 = 4;
const HASH_SEED: u16 = 5;
const HASH_OFFSET: u16 = 6;
const HASH_TYPE: u16 = 7;
const HASH_JENKINS: u32 = 0;
const DYNSET_NAME: u16 = 1;
const DYNSET_OPERATION: u16 = 3;
const DYNSET_KEY: u16 = 4;
const DYNSET_DATA: u16 = 5;
const DYNSET_TIMEOUT: u16 = 6;
const DYNSET_UPDATE: u32 = 1;
const DYNSET_DELETE: u32 = 2;
const FIB_DREG: u16 = 1;
const FIB_RESULT: u16 = 2;
const FIB_FLAGS: u16 = 3;
const FIB_ADDRESS_TYPE: u32 = 3;
const FIB_DESTINATION: u32 = 2;
const FIB_MARK: u32 = 4;
const RTN_LOCAL: u32 = 2;
const NAT_TYPE: u16 = 1;
const NAT_FAMILY: u16 = 2;
const NAT_ADDRESS: u16 = 3;
const NAT_PORT: u16 = 5;
const NAT_DESTINATION: u32 = 1;
const NFPROTO_IPV4: u32 = 2;
const NFPROTO_IPV6: u32 = 10;
const DUP_ADDRESS: u16 = 1;
const REJECT_TYPE: u16 = 1;
const REJECT_CODE: u16 = 2;
const REJECT_BY_ICMP: u32 = 0;
const ICMP_PORT_UNREACHABLE: u8 = 3;
const ICMPV6_PORT_UNREACHABLE: u8 = 4;
const CT_DREG: u16 = 1;
const CT_KEY: u16 = 2;
const CT_STATE: u32 = 0;
/// `NF_CT_STATE_UNTRACKED_BIT`.
const CT_UNTRACKED: u32 = 1 << 6;
