//! BFD control packets (RFC 5880 §4.1), without authentication.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Vers |  Diag   |Sta|P|F|C|A|D|M|  Detect Mult  |    Length     |
//! |                       My Discriminator                        |
//! |                      Your Discriminator                       |
//! |                    Desired Min TX Interval                    |
//! |                   Required Min RX Interval                    |
//! |                 Required Min Echo RX Interval                 |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use core::fmt;
use core::num::{NonZeroU8, NonZeroU32};

use thiserror::Error;

/// State of a session (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdState {
    /// Held down by an administrator.
    AdminDown,
    /// Down, or just created.
    Down,
    /// The other end is heard, but does not hear us yet.
    Init,
    /// Both hear each other.
    Up,
}

impl fmt::Display for BfdState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why a session changed its state last (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdDiagnostic {
    /// 0: no diagnostic.
    None,
    /// 1: nothing was heard for the detection time.
    DetectionExpired,
    /// 3: the other end said that it is down.
    NeighborDown,
    /// 7: an administrator holds it down.
    AdministrativelyDown,
    /// Any other, by number (5 bits).
    Other(u8),
}

impl BfdDiagnostic {
    const fn number(self) -> u8 {
        match self {
            Self::None => 0,
            Self::DetectionExpired => 1,
            Self::NeighborDown => 3,
            Self::AdministrativelyDown => 7,
            Self::Other(number) => number & 0x1f,
        }
    }

    const fn of(number: u8) -> Self {
        match number {
            0 => Self::None,
            1 => Self::DetectionExpired,
            3 => Self::NeighborDown,
            7 => Self::AdministrativelyDown,
            other => Self::Other(other),
        }
    }
}

/// Meaning of a control packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdControl {
    /// Why the sender's session changed its state last.
    pub diagnostic: BfdDiagnostic,
    /// The sender's state.
    pub state: BfdState,
    /// P: the sender asks for an answer to changed parameters.
    pub poll: bool,
    /// F: the answer to that.
    pub is_final: bool,
    /// C: the sender's BFD does not share the fate of its control plane.
    pub independent: bool,
    /// D: the sender wants no periodic packets while both are Up.
    pub demand: bool,
    /// Detection time, in the sender's intervals.
    pub multiplier: NonZeroU8,
    /// The sender's name of the session.
    pub mine: NonZeroU32,
    /// The receiver's name of the session; none while it is not known.
    pub yours: Option<NonZeroU32>,
    /// Shortest interval that the sender would like to send at, in microseconds.
    pub desired_min_tx: u32,
    /// Shortest interval that the sender can receive at, in microseconds; 0 wants none.
    pub required_min_rx: u32,
    /// The same for echo packets; 0 wants none.
    pub required_min_echo_rx: u32,
}

/// Why a packet is not taken (RFC 5880 §6.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum BfdDiscard {
    /// Shorter than a packet, or than it says.
    #[error("it is shorter than it says")]
    Length,
    /// Not version 1.
    #[error("its version is not 1")]
    Version,
    /// Detect Mult is 0.
    #[error("its multiplier is 0")]
    Multiplier,
    /// The multipoint bit is set.
    #[error("it is multipoint")]
    Multipoint,
    /// The sender's discriminator is 0.
    #[error("its discriminator is 0")]
    MyDiscriminator,
    /// Our discriminator is 0 in a session that the sender takes for more than down.
    #[error("our discriminator is 0 in it, and it is not down")]
    YourDiscriminator,
    /// It is authenticated, and nothing was agreed.
    #[error("it is authenticated")]
    Authenticated,
    /// It is a question and an answer at once.
    #[error("it is poll and final at once")]
    PollAndFinal,
}

impl BfdControl {
    /// Bytes of a packet.
    pub const LEN: usize = 24;

    /// The meaning of `bytes`; what follows the packet is not looked at.
    ///
    /// **Errors**: the first reason to discard it, in the order of RFC 5880 §6.8.6.
    pub fn parse(bytes: &[u8]) -> Result<Self, BfdDiscard> {
        let packet: &[u8; Self::LEN] = bytes.first_chunk().ok_or(BfdDiscard::Length)?;
        let [first, second, multiplier, length, rest @ ..] = packet;
        if first >> 5 != 1 {
            return Err(BfdDiscard::Version);
        }
        if usize::from(*length) < Self::LEN || usize::from(*length) > bytes.len() {
            return Err(BfdDiscard::Length);
        }
        let has = |bit: u8| second & bit != 0;
        let multiplier = NonZeroU8::new(*multiplier).ok_or(BfdDiscard::Multiplier)?;
        if has(MULTIPOINT) {
            return Err(BfdDiscard::Multipoint);
        }
        let mut words = rest.chunks_exact(4).map(|word| match word {
            [a, b, c, d] => u32::from_be_bytes([*a, *b, *c, *d]),
            _ => 0,
        });
        let mut word = || words.next().unwrap_or(0);
        let mine = NonZeroU32::new(word()).ok_or(BfdDiscard::MyDiscriminator)?;
        let yours = NonZeroU32::new(word());
        let state = match second >> 6 {
            0 => BfdState::AdminDown,
            1 => BfdState::Down,
            2 => BfdState::Init,
            _ => BfdState::Up,
        };
        if yours.is_none() && matches!(state, BfdState::Init | BfdState::Up) {
            return Err(BfdDiscard::YourDiscriminator);
        }
        if has(AUTHENTICATED) {
            return Err(BfdDiscard::Authenticated);
        }
        if has(POLL) && has(FINAL) {
            return Err(BfdDiscard::PollAndFinal);
        }
        Ok(Self {
            diagnostic: BfdDiagnostic::of(first & 0x1f),
            state,
            poll: has(POLL),
            is_final: has(FINAL),
            independent: has(INDEPENDENT),
            demand: has(DEMAND),
            multiplier,
            mine,
            yours,
            desired_min_tx: word(),
            required_min_rx: word(),
            required_min_echo_rx: word(),
        })
    }

    /// The packet's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; Self::LEN] {
        let state = match self.state {
            BfdState::AdminDown => 0,
            BfdState::Down => 1,
            BfdState::Init => 2,
            BfdState::Up => 3,
        };
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = bit(self.poll, POLL)
            | bit(self.is_final, FINAL)
            | bit(self.independent, INDEPENDENT)
            | bit(self.demand, DEMAND);
        let head =
            [1 << 5 | self.diagnostic.number(), state << 6 | flags, self.multiplier.get(), 24];
        let words = [
            u32::from_be_bytes(head),
            self.mine.get(),
            self.yours.map_or(0, NonZeroU32::get),
            self.desired_min_tx,
            self.required_min_rx,
            self.required_min_echo_rx,
        ];
        let mut bytes = [0; Self::LEN];
        for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }
}

const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;
const INDEPENDENT: u8 = 0x08;
const AUTHENTICATED: u8 = 0x04;
const DEMAND: u8 = 0x02;
const MULTIPOINT: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;

    /// Up, poll, demand; 300 ms and 50 ms.
    const BYTES: [u8; 24] = [
        0x23, 0xe2, 0x05, 0x18, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x00, 0x04, 0x93,
        0xe0, 0x00, 0x00, 0xc3, 0x50, 0x00, 0x00, 0x00, 0x07,
    ];

    fn control() -> BfdControl {
        BfdControl {
            diagnostic: BfdDiagnostic::NeighborDown,
            state: BfdState::Up,
            poll: true,
            is_final: false,
            independent: false,
            demand: true,
            multiplier: NonZeroU8::new(5).unwrap(),
            mine: NonZeroU32::new(0x1122_3344).unwrap(),
            yours: NonZeroU32::new(0x5566_7788),
            desired_min_tx: 300_000,
            required_min_rx: 50_000,
            required_min_echo_rx: 7,
        }
    }

    #[test]
    fn a_packet_is_its_bytes_and_the_bytes_are_the_packet() {
        assert_eq!(control().emit(), BYTES);
        assert_eq!(BfdControl::parse(&BYTES), Ok(control()));
        // What follows belongs to nobody.
        let longer: Vec<u8> = BYTES.into_iter().chain([9, 9]).collect();
        assert_eq!(BfdControl::parse(&longer), Ok(control()));
    }

    #[track_caller]
    fn discarded(change: &[(usize, u8)], expected: BfdDiscard) {
        let mut bytes = BYTES;
        for (index, value) in change {
            bytes[*index] = *value;
        }
        assert_eq!(BfdControl::parse(&bytes), Err(expected));
    }

    #[test]
    fn every_reason_to_discard_has_its_packet() {
        assert_eq!(BfdControl::parse(&BYTES[..23]), Err(BfdDiscard::Length));
        assert_eq!(BfdControl::parse(&[]), Err(BfdDiscard::Length));
        discarded(&[(3, 23)], BfdDiscard::Length);
        discarded(&[(3, 25)], BfdDiscard::Length);
        discarded(&[(0, 0x43)], BfdDiscard::Version);
        discarded(&[(0, 0x03)], BfdDiscard::Version);
        discarded(&[(2, 0)], BfdDiscard::Multiplier);
        discarded(&[(1, 0xe3)], BfdDiscard::Multipoint);
        discarded(&[(4, 0), (5, 0), (6, 0), (7, 0)], BfdDiscard::MyDiscriminator);
        discarded(&[(8, 0), (9, 0), (10, 0), (11, 0)], BfdDiscard::YourDiscriminator);
        discarded(&[(1, 0xe6)], BfdDiscard::Authenticated);
        discarded(&[(1, 0xf2)], BfdDiscard::PollAndFinal);
    }

    #[test]
    fn down_and_admin_down_need_not_know_our_discriminator() {
        for (byte, state) in [(0x40, BfdState::Down), (0x00, BfdState::AdminDown)] {
            let mut bytes = BYTES;
            bytes[1] = byte;
            bytes[8..12].fill(0);
            let control = BfdControl::parse(&bytes).unwrap();
            assert_eq!((control.state, control.yours), (state, None));
        }
    }

    #[test]
    fn whatever_is_taken_comes_back_as_it_was() {
        bolero::check!().for_each(|bytes: &[u8]| {
            if let Ok(control) = BfdControl::parse(bytes) {
                assert_eq!(BfdControl::parse(&control.emit()), Ok(control));
            }
        });
    }
}
