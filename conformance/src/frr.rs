//! FRR's BFD daemon as the other end of a session: an implementation that shares nothing with either subject.
//!
//! Its packages are fetched and unpacked below `target/lab`, never installed. It reads interfaces from no other daemon: with
//! both addresses given it needs none.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::node::Node;
use crate::packages::Unpacked;

/// Where its program is, fetched if need be.
///
/// # Errors
/// The reason why there is none, fit for a `SKIPPED:` line.
pub fn provide() -> Result<PathBuf, String> {
    FRR.provide()
}

/// Starts it on `node` with this configuration. What it logs stands in the log of the node.
///
/// # Errors
/// When it is missing or cannot be started.
pub fn start(node: &mut Node, configuration: &str) -> Result<()> {
    let place = provide().map_err(anyhow::Error::msg)?;
    fs::write(node.file("bfdd.conf"), configuration)?;
    // It insists on a group of its own; nobody outside sees this list.
    let groups = fs::read_to_string("/etc/group")?;
    fs::write(node.file("group"), format!("{groups}frrvty:x:9998:root\n"))?;
    let (frr, here) = (place.display(), node.file(""));
    let here = here.display();
    let script = format!(
        "cd {here} && mount --bind group /etc/group && mount -t tmpfs none /var/tmp || exit 1; \
         libraries={frr}/usr/lib/$(uname -m)-linux-gnu; \
         exec env LD_LIBRARY_PATH=$libraries/frr:$libraries {frr}/{PROGRAM} -u root -g root \
         -f bfdd.conf -i {here}/bfdd.pid --vty_socket {here} -P 0 -z {here}/zserv \
         --bfdctl {here}/bfdd.sock --log stdout --log-level debug"
    );
    let mut command = node.space().command(Path::new("sh"));
    command.args(["-c", &script]);
    node.launch("bfdd of FRR", command)
}

const FRR: Unpacked = Unpacked { name: "frr", packages: &["frr", "libyang2"], program: PROGRAM };
const PROGRAM: &str = "usr/lib/frr/bfdd";
