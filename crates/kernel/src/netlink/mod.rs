//! The netlink layer: messages, a socket for requests, a socket for events.

pub(crate) mod message;
pub(crate) mod outcome;
pub(crate) mod socket;
#[cfg(test)]
mod tests;

pub(crate) use socket::{EventSocket, Events};
pub use socket::{NetlinkError, RequestSocket};
