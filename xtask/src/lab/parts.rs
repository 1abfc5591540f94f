//! What the machine is made of, below `target/lab/parts`: Debian's kernel with its modules, and a shell that needs no
//! library. Both come as packages that are unpacked and never installed, which takes no privilege.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::packages::{apt, search_path};
use crate::process::Guard;

/// Kernel, modules and shell.
pub(crate) struct Parts {
    folder: PathBuf,
    /// As `uname -r` says it.
    pub(crate) release: String,
}

impl Parts {
    /// Finds what a former run fetched, or fetches it.
    ///
    /// **Errors**: not Debian on this processor, or a package that cannot be had.
    pub(crate) fn provide(
        guard: &Guard,
        lab: &Path,
        mut say: impl FnMut(&str),
    ) -> anyhow::Result<Self> {
        let folder = lab.join("parts");
        if let Some(release) = release(&folder) {
            return Ok(Self { folder, release });
        }
        // It gets its name when it is complete: another run never sees a half.
        let unpacked = lab.join(format!("fetching-{}", std::process::id()));
        fs::create_dir_all(&unpacked)
            .with_context(|| format!("cannot create {}", unpacked.display()))?;
        let place = unpacked.clone();
        guard.act(|| Ok(Box::new(move || drop(fs::remove_dir_all(place)))))?;
        let fetched = fetch(guard, &unpacked, &mut say);
        if fetched.is_ok() && release(&folder).is_none() {
            drop(fs::remove_dir_all(&folder));
            drop(fs::rename(&unpacked, &folder));
        }
        guard.undo();
        fetched?;
        let release = release(&folder).context("the package has no kernel")?;
        Ok(Self { folder, release })
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.folder.join(format!("boot/vmlinuz-{}", self.release))
    }

    pub(crate) fn shell(&self) -> PathBuf {
        self.folder.join("bin/busybox")
    }

    pub(crate) fn modules(&self) -> PathBuf {
        self.folder.join("lib/modules").join(&self.release)
    }

    /// The files of `modules` and of what they need, in the order in which they are loaded.
    ///
    /// **Errors**: the kernel has no such module.
    pub(crate) fn with_needed(&self, modules: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let mut modprobe = Command::new("modprobe");
        modprobe.arg("--show-depends").arg("--set-version").arg(&self.release);
        modprobe.arg("--dirname").arg(&self.folder).arg("--all").args(modules);
        let lines = output(modprobe)?;
        let mut files = Vec::new();
        for line in lines.lines() {
            // The others are built in.
            if let Some(file) = line.trim().strip_prefix("insmod ").map(PathBuf::from)
                && !files.contains(&file)
            {
                files.push(file);
            }
        }
        Ok(files)
    }
}

/// The release of the kernel in `folder`, if one is there.
fn release(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder.join("boot")).ok()?;
    entries
        .flatten()
        .find_map(|entry| entry.file_name().to_str()?.strip_prefix("vmlinuz-").map(str::to_owned))
}

fn fetch(guard: &Guard, folder: &Path, say: &mut impl FnMut(&str)) -> anyhow::Result<()> {
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("--print-architecture");
    let processor = output(dpkg).context("only Debian's packages are known here")?;
    ensure!(processor.trim() == "amd64", "only for amd64, and this is {}", processor.trim());
    let kernel = match kernel_package()? {
        Some(kernel) => kernel,
        None if nix::unistd::geteuid().is_root() => {
            apt(guard, &["update"], &mut *say)?;
            kernel_package()?.with_context(|| format!("no package {NEWEST} in the lists of apt"))?
        }
        None => bail!("no package {NEWEST} in the lists of apt; as root: apt-get update"),
    };
    say(&format!("fetching {kernel} and {SHELL} (70 MB)"));
    let mut download = Command::new("apt-get");
    // The user that apt changes to for downloads cannot write here.
    download.args(["-q", "-o", "APT::Sandbox::User=root", "download", &kernel, SHELL]);
    run(guard, download, folder)
        .context("as root, apt-get update may help, since lists grow old")?;
    let packages: Vec<_> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    for package in packages.iter().filter(|path| path.extension().is_some_and(|it| it == "deb")) {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--extract").arg(package).arg(".");
        run(guard, unpack, folder)?;
        fs::remove_file(package)?;
    }
    let release = release(folder).context("the package has no kernel")?;
    drop_drivers(&folder.join("lib/modules").join(&release).join("kernel"))?;
    let mut depmod = Command::new("depmod");
    depmod.args(["--basedir", ".", &release]);
    run(guard, depmod, folder)
}

/// The package that is the newest kernel, as far as apt knows.
fn kernel_package() -> anyhow::Result<Option<String>> {
    let mut depends = Command::new("apt-cache");
    depends.args(["depends", "--important", NEWEST]);
    let lines = output(depends).unwrap_or_default();
    let name = lines.lines().find_map(|line| line.trim().strip_prefix("Depends: linux-image-"));
    Ok(name.map(|name| format!("linux-image-{}", name.trim())))
}

/// Removes the drivers of hardware, which are nine tenths of the package.
fn drop_drivers(kernel: &Path) -> anyhow::Result<()> {
    let drivers = kernel.join("drivers");
    for entry in fs::read_dir(&drivers)?.flatten() {
        if !KEPT_DRIVERS.iter().any(|kept| entry.file_name() == *kept) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    for folder in [kernel.join("sound"), drivers.join("net/ethernet"), drivers.join("net/wireless")]
    {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Runs a command in `folder`; what it wrote explains a failure.
fn run(guard: &Guard, mut command: Command, folder: &Path) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.current_dir(folder).env("PATH", search_path());
    let mut said = Vec::new();
    let status = guard.run(command, LIMIT, |line| said.push(line.to_owned()))?;
    ensure!(status.is_some_and(|status| status.success()), "{name} failed: {}", said.join("; "));
    Ok(())
}

fn output(mut command: Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.env("PATH", search_path()).env("LC_ALL", "C").output();
    let output = output.with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

/// The package that needs the newest kernel's package.
const NEWEST: &str = "linux-image-amd64";
const SHELL: &str = "busybox-static";
/// Folders of drivers that a machine without hardware can use.
const KEPT_DRIVERS: &[&str] = &["block", "char", "net", "virtio"];
/// For each command: the package comes over a network.
const LIMIT: Duration = Duration::from_secs(10 * 60);
