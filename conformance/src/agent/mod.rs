//! What the harness runs inside the namespaces: one program, several small jobs.
//!
//! The test process stays outside, so that it needs no privilege and may have threads; each job below is the `lab`
//! program started again inside, speaking lines on its standard output. None of them decides anything.

pub mod capture;
pub mod fetch;
pub mod hand;
pub mod hold;
pub mod ping;
pub mod post;
pub mod send;
pub mod server;
