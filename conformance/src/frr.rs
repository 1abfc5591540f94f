//! FRR's BFD daemon as the other end of a session: an implementation that shares nothing with either subject.
//!
//! Its packages are fetched and unpacked below `target/lab`, never installed. It reads interfaces from no other daemon: with
//! both addresses given it needs none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};

use crate::node::Node;
use crate::subject::beside_test;

/// Where its program is, fetched if need be.
///
/// # Errors
/// The reason why there is none, fit for a `SKIPPED:` line.
pub fn provide() -> Result<PathBuf, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let place = beside_test("../lab/frr").ok_or("no place to unpack FRR")?;
    if !place.join(PROGRAM).is_file() {
        fetch(&place).map_err(|error| format!("FRR cannot be fetched: {error:#}"))?;
    }
    place.canonicalize().map_err(|error| error.to_string())
}

/// Unpacks it at `place`, which gets its name when it is complete.
fn fetch(place: &Path) -> Result<()> {
    let fetching = place.with_extension(std::process::id().to_string());
    fs::create_dir_all(&fetching)?;
    let fetched = fetch_into(&fetching);
    if fetched.is_ok() {
        fs::rename(&fetching, place)?;
    } else {
        drop(fs::remove_dir_all(&fetching));
    }
    fetched
}

fn fetch_into(folder: &Path) -> Result<()> {
    // The user that apt changes to for downloads cannot write here.
    let words = ["60", "apt-get", "-q", "-o", "APT::Sandbox::User=root", "download"];
    run(Command::new("timeout").args(words).args(PACKAGES), folder)?;
    for entry in fs::read_dir(folder)?.flatten() {
        let package = entry.path();
        if package.extension().is_some_and(|it| it == "deb") {
            run(Command::new("dpkg-deb").arg("--extract").arg(&package).arg("."), folder)?;
            fs::remove_file(package)?;
        }
    }
    ensure!(folder.join(PROGRAM).is_file(), "the package has no {PROGRAM}");
    Ok(())
}

fn run(command: &mut Command, folder: &Path) -> Result<()> {
    let output = command.current_dir(folder).output().with_context(|| format!("{command:?}"))?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let last = told.lines().last().unwrap_or_default();
    ensure!(output.status.success(), "{last}; apt-get update may help");
    Ok(())
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

const PACKAGES: [&str; 2] = ["frr", "libyang2"];
const PROGRAM: &str = "usr/lib/frr/bfdd";
