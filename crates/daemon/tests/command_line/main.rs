//! The command line of the real program: what it prints, and the exit codes that scripts rely on. Nothing here
//! needs a privilege or a network but loopback.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a panic fails the test, as it should"
)]

mod check;
mod config_test;
mod explain;
mod flags;
mod genhash;
mod program;
