//! Debian packages that the project's commands use: the one list, and how the missing ones get installed.
//!
//! Nothing that is installed may start: a policy file that refuses it stands while `apt-get` runs and is gone
//! afterwards, also after a failure or an interrupt; one that stood there before comes back.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::process::Guard;

/// A package and the program in it that is run.
pub(crate) struct Needed {
    package: &'static str,
    program: &'static str,
}

/// Everything that tests run and a minimal system may lack. A test that runs another program adds its package here.
pub(crate) const TESTS: &[Needed] = &[
    Needed { package: "g++", program: "c++" },
    Needed { package: "iproute2", program: "ip" },
    Needed { package: "ipvsadm", program: "ipvsadm" },
    Needed { package: "keepalived", program: "keepalived" },
    Needed { package: "nftables", program: "nft" },
    Needed { package: "procps", program: "sysctl" },
    Needed { package: "python3", program: "python3" },
    Needed { package: "tcpdump", program: "tcpdump" },
    Needed { package: "tshark", program: "tshark" },
    Needed { package: "util-linux", program: "nsenter" },
];

/// What the virtual machine of the lab is run with.
pub(crate) const LAB: &[Needed] = &[
    Needed { package: "kmod", program: "depmod" },
    Needed { package: "qemu-system-x86", program: "qemu-system-x86_64" },
    Needed { package: "util-linux", program: "setpriv" },
];

/// What came of asking for packages.
pub(crate) enum Provision {
    There,
    /// Some are missing and were not to be installed; what to type.
    Missing(String),
}

/// Sees to it that `needed` is there: installs what is missing if `installs` says so and we are root.
///
/// **Errors**: those of `install`.
pub(crate) fn provide(
    guard: &Guard,
    needed: &[Needed],
    installs: bool,
    mut each: impl FnMut(&str),
) -> anyhow::Result<Provision> {
    let missing = missing(needed);
    if missing.is_empty() {
        return Ok(Provision::There);
    }
    let by_hand = command_line(&missing);
    if !installs || !nix::unistd::geteuid().is_root() {
        return Ok(Provision::Missing(format!("missing; as root: {by_hand}")));
    }
    each(&format!("installing {}; by hand: {by_hand}", missing.join(" ")));
    install(guard, &missing, each)?;
    Ok(Provision::There)
}

/// The packages whose program is nowhere.
fn missing(needed: &[Needed]) -> Vec<&'static str> {
    let path = search_path();
    let is_there = |program: &str| env::split_paths(&path).any(|dir| dir.join(program).is_file());
    needed.iter().filter(|needed| !is_there(needed.program)).map(|needed| needed.package).collect()
}

/// `PATH` with the folders of administrators, which a user's lacks on Debian.
pub(crate) fn search_path() -> String {
    let path = env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin")
}

/// What somebody has to type who may.
fn command_line(packages: &[&str]) -> String {
    format!("apt-get update && apt-get install -y --no-install-recommends {}", packages.join(" "))
}

/// Installs `packages`; refreshes the lists first when there are none, or when the first attempt fails for their age.
///
/// **Errors**: `apt-get` is missing or fails.
fn install(guard: &Guard, packages: &[&str], mut each: impl FnMut(&str)) -> anyhow::Result<()> {
    Policy::clear_stale(Path::new(POLICY))?;
    guard.act(|| {
        let policy = Policy::refuse(PathBuf::from(POLICY))?;
        Ok(Box::new(move || policy.withdraw()))
    })?;
    let result = (|| {
        let mut install = vec!["install", "-y", "--no-install-recommends"];
        install.extend(packages);
        if has_lists() && apt(guard, &install, &mut each)? {
            return Ok(());
        }
        if !apt(guard, &["update"], &mut each)? || !apt(guard, &install, &mut each)? {
            bail!("apt-get cannot install {}", packages.join(" "));
        }
        Ok(())
    })();
    guard.undo();
    result
}

/// Whether `apt-get` succeeds with `arguments`.
///
/// **Errors**: it is missing.
pub(crate) fn apt(
    guard: &Guard,
    arguments: &[&str],
    each: impl FnMut(&str),
) -> anyhow::Result<bool> {
    let mut command = Command::new("apt-get");
    command
        .args(["-q", "-o", "DPkg::Lock::Timeout=120", "-o", "Dpkg::Use-Pty=0"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("PATH", search_path());
    let status = guard.run(command, Duration::from_secs(300), each)?;
    Ok(status.is_some_and(|status| status.success()))
}

/// Whether `apt-get update` has ever run here.
fn has_lists() -> bool {
    fs::read_dir("/var/lib/apt/lists").is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

/// The file that forbids maintainer scripts to start a service.
struct Policy {
    path: PathBuf,
    /// The file that stood there, if one did.
    saved: Option<PathBuf>,
}

impl Policy {
    fn refuse(path: PathBuf) -> anyhow::Result<Self> {
        let saved = path.exists().then(|| saved_path(&path));
        if let Some(saved) = &saved {
            fs::rename(&path, saved).with_context(|| format!("cannot move {}", path.display()))?;
        }
        let policy = Self { path, saved };
        let written = fs::write(&policy.path, TEXT)
            .and_then(|()| fs::set_permissions(&policy.path, fs::Permissions::from_mode(0o755)));
        if let Err(error) = written {
            let path = policy.path.display().to_string();
            policy.withdraw();
            return Err(error).with_context(|| format!("cannot write {path}"));
        }
        Ok(policy)
    }

    #[expect(clippy::print_stderr, reason = "a program for a terminal")]
    fn withdraw(self) {
        let done = match &self.saved {
            Some(saved) => fs::rename(saved, &self.path),
            None => fs::remove_file(&self.path),
        };
        if let Err(error) = done {
            eprintln!("cannot put {} back: {error}", self.path.display());
        }
    }

    /// Withdraws what a run that was killed left behind.
    fn clear_stale(path: &Path) -> anyhow::Result<()> {
        if fs::read_to_string(path).is_ok_and(|text| text == TEXT) {
            let saved = Some(saved_path(path)).filter(|saved| saved.exists());
            Self { path: path.to_owned(), saved }.withdraw();
        }
        Ok(())
    }
}

fn saved_path(path: &Path) -> PathBuf {
    path.with_extension("d.before-steadfast")
}

const POLICY: &str = "/usr/sbin/policy-rc.d";
const TEXT: &str = "#!/bin/sh\n# Written by cargo xtask test while it installs packages: nothing may start.\nexit 101\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str) -> PathBuf {
        let folder = env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder.join("policy-rc.d")
    }

    fn check(name: &str, before: Option<&str>) {
        let path = place(name);
        if let Some(text) = before {
            fs::write(&path, text).unwrap();
        }
        let policy = Policy::refuse(path.clone()).unwrap();
        assert!(fs::read_to_string(&path).unwrap().ends_with("\nexit 101\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o755);
        policy.withdraw();
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
        // A run that was killed leaves its policy: the next one starts from the one before.
        drop(Policy::refuse(path.clone()).unwrap());
        Policy::clear_stale(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).ok().as_deref(), before);
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_policy_leaves_nothing_behind() {
        check("none", None);
    }

    #[test]
    fn a_policy_that_stood_before_comes_back() {
        check("before", Some("#!/bin/sh\nexit 0\n"));
    }

    #[test]
    fn the_line_to_type_names_every_package() {
        assert_eq!(
            command_line(&["tshark", "nftables"]),
            "apt-get update && apt-get install -y --no-install-recommends tshark nftables"
        );
    }
}
