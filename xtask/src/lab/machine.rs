//! One start of the machine: what it is given, what it says, and how it ends.
//!
//! A folder of its own is shared with it: in it stands the script that it runs, and there it leaves the exit code.
//! Output comes over an emulated serial port into our pipe, as it is written; the kernel's messages go to a file.

use std::cell::Cell;
use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use super::archive::Archive;
use super::parts::Parts;
use super::{Lab, quoted};
use crate::packages::search_path;

/// A script of the shell that the machine runs.
#[derive(Default)]
pub(crate) struct Script(Vec<u8>);

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// With the exit code of the script.
    With(u8),
    /// It had to be ended.
    TooLate,
    /// The machine ended without leaving an exit code; why, as far as it said.
    Died(String),
}

/// How one start ended.
enum Start {
    Ended(Ended),
    /// The script never ran; why, as far as the machine said.
    Failed(String),
}

impl Script {
    /// Runs `command` in `folder` with `variables` as its environment.
    pub(crate) fn of_command(
        folder: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        command: &[String],
    ) -> Self {
        let mut script = Self::in_folder(folder, variables);
        script.0.extend(b"exec");
        for word in command {
            script.0.push(b' ');
            script.0.extend(quoted(word));
        }
        script.0.push(b'\n');
        script
    }

    /// Enters `folder` with `variables` as the environment, and does nothing yet.
    pub(crate) fn in_folder(
        folder: &Path,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Self {
        let mut script = Self(b"cd ".to_vec());
        script.0.extend(quoted(folder));
        script.0.extend(b" || exit 126\n");
        for (name, value) in variables {
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let is_name = name.as_bytes().iter().all(plain);
            if is_name && name.as_bytes().first().is_some_and(|byte| !byte.is_ascii_digit()) {
                script.0.extend(b"export ");
                script.0.extend(name.as_bytes());
                script.0.push(b'=');
                script.0.extend(quoted(value));
                script.0.push(b'\n');
            }
        }
        script
    }

    /// Adds a line as it is.
    pub(crate) fn line(&mut self, line: &[u8]) {
        self.0.extend(line);
        self.0.push(b'\n');
    }
}

impl Lab<'_> {
    /// Runs `script` for at most `limit` after the start, which has a limit of its own and is tried twice. `say` hears
    /// how far it is, `each` every line of output.
    ///
    /// **Errors**: the machine does not start, with the end of what its kernel said.
    pub(crate) fn play(
        &self,
        script: &Script,
        limit: Duration,
        mut say: impl FnMut(&str),
        mut each: impl FnMut(&str),
    ) -> anyhow::Result<Ended> {
        sweep(self.folder);
        let mut failure = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                say(&format!("starting once more, since it did not start: {failure}"));
            }
            let folder = self.folder.join(format!("run-{}", std::process::id()));
            let place = folder.clone();
            self.guard.act(|| {
                fs::create_dir_all(&place)
                    .with_context(|| format!("cannot create {}", place.display()))?;
                Ok(Box::new(move || drop(fs::remove_dir_all(place))))
            })?;
            let start = self.start(&folder, script, limit, &mut say, &mut each);
            // The kernel's words outlive the run: they explain what its output does not.
            drop(fs::rename(folder.join(CONSOLE), self.folder.join(CONSOLE)));
            self.guard.undo();
            match start? {
                Start::Ended(ended) => return Ok(ended),
                Start::Failed(reason) => failure = reason,
            }
        }
        bail!("the machine does not start: {failure}");
    }

    fn start(
        &self,
        folder: &Path,
        script: &Script,
        limit: Duration,
        say: &mut impl FnMut(&str),
        each: &mut impl FnMut(&str),
    ) -> anyhow::Result<Start> {
        self.furnish(folder, script)?;
        say(&format!("starting Linux {}", self.parts.release));
        let begun = Instant::now();
        let deadline = Cell::new(begun + START_LIMIT);
        let mut started = false;
        let mut complaint = String::new();
        let status = self.guard.run_until(self.emulator(folder), &deadline, |line| {
            if started {
                each(line);
            } else if line == STARTED {
                started = true;
                deadline.set(Instant::now() + limit);
                say(&format!("started in {:.1} s", begun.elapsed().as_secs_f64()));
            } else {
                line.clone_into(&mut complaint);
            }
        })?;
        if !started {
            let last = last_words(&folder.join(CONSOLE)).unwrap_or(complaint);
            return Ok(Start::Failed(last));
        }
        let code = fs::read_to_string(folder.join("exit")).ok();
        Ok(Start::Ended(match (status, code.and_then(|code| code.trim().parse().ok())) {
            (None, _) => Ended::TooLate,
            (Some(_), Some(code)) => Ended::With(code),
            (Some(_), None) => {
                let last = last_words(&folder.join(CONSOLE)).unwrap_or_default();
                let console = self.folder.join(CONSOLE);
                Ended::Died(format!("the machine died ({last}); see {}", console.display()))
            }
        }))
    }

    /// Writes what the machine starts with.
    fn furnish(&self, folder: &Path, script: &Script) -> anyhow::Result<()> {
        // The script has our environment.
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        fs::write(folder.join("script"), &script.0)?;
        fs::write(folder.join("second"), include_bytes!("second.sh"))?;
        fs::write(folder.join("initrd"), first_files(&self.parts, folder)?)
            .context("cannot write what the machine starts with")
    }

    /// QEMU, which ends with us: also when we are killed.
    fn emulator(&self, folder: &Path) -> Command {
        let mut command = Command::new("setpriv");
        command.args([
            "--pdeathsig",
            "KILL",
            "qemu-system-x86_64",
            "-nodefaults",
            "-no-user-config",
        ]);
        command.args(["-display", "none", "-no-reboot", "-nic", "none"]);
        command.args([
            "-machine",
            "pc,accel=tcg",
            "-cpu",
            "max,la57=off",
            "-smp",
            "2",
            "-m",
            MEMORY,
        ]);
        command.arg("-kernel").arg(self.parts.kernel());
        command.arg("-initrd").arg(folder.join("initrd"));
        command.args(["-append", "console=ttyS0 quiet panic=-1 mitigations=off"]);
        command.arg("-serial").arg(option("file:", &folder.join(CONSOLE), ""));
        command.args([
            "-device",
            "virtio-serial-pci",
            "-chardev",
            "file,id=output,path=/dev/stdout",
        ]);
        command.args(["-device", "virtserialport,chardev=output,name=output"]);
        let read_only = ",security_model=none,multidevs=remap,readonly=on";
        for (name, path, rest) in
            [("root", Path::new("/"), read_only), ("run", folder, ",security_model=none")]
        {
            let share = option(&format!("local,id={name},path="), path, rest);
            command.arg("-fsdev").arg(share);
            command.arg("-device").arg(format!("virtio-9p-pci,fsdev={name},mount_tag={name}"));
        }
        command.env("PATH", search_path());
        command
    }
}

/// An option of QEMU with a path in it, where a comma is written twice.
fn option(before: &str, path: &Path, after: &str) -> OsString {
    let mut option = OsString::from(before);
    option.push(path.to_string_lossy().replace(',', ",,"));
    option.push(after);
    option
}

/// The archive that the kernel starts with.
fn first_files(parts: &Parts, folder: &Path) -> anyhow::Result<Vec<u8>> {
    let mut archive = Archive::default();
    for path in ["bin", "modules", "proc"] {
        archive.folder(path);
    }
    let shell = fs::read(parts.shell()).context("cannot read the shell of the machine")?;
    archive.file("bin/busybox", &shell);
    for name in ["sh", "insmod", "mkdir", "mount", "ln", "hostname", "ip", "switch_root"] {
        archive.link(&format!("bin/{name}"), "busybox");
    }
    let mut names = Vec::new();
    for file in parts.with_needed(MODULES)? {
        let name = file.file_name().context("a module without a name")?.to_string_lossy();
        let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        archive.file(&format!("modules/{name}"), &bytes);
        names.push(name.into_owned());
    }
    let mut settings = Vec::new();
    let (run, modules): (PathBuf, PathBuf) = (folder.to_owned(), parts.modules());
    for (name, value) in [
        ("RUN", run.into_os_string()),
        ("RELEASE", parts.release.clone().into()),
        ("MODULE_FOLDER", modules.into_os_string()),
        ("MODULES", names.join(" ").into()),
    ] {
        settings.extend(name.bytes());
        settings.push(b'=');
        settings.extend(quoted(value));
        settings.push(b'\n');
    }
    archive.file("settings", &settings);
    archive.file("init", include_bytes!("first.sh"));
    Ok(archive.finish())
}

/// Removes what runs left that were killed.
fn sweep(folder: &Path) {
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.rsplit_once('-')).map(|(_, owner)| owner);
        if owner.is_some_and(|owner| {
            owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists()
        }) {
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// What a kernel that gave up said of it; without that, its last line that says something.
fn last_words(console: &Path) -> Option<String> {
    let text = String::from_utf8_lossy(&fs::read(console).ok()?).into_owned();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let panic = lines().find(|line| line.contains("Kernel panic"));
    panic.or_else(|| lines().next_back()).map(str::to_owned)
}

/// How often a machine is started that does not come as far as the script.
const ATTEMPTS: u32 = 2;
/// It takes five seconds, on a machine that does nothing else.
const START_LIMIT: Duration = Duration::from_secs(120);
/// The first line of output, before any of the script.
const STARTED: &str = "lab: started";
/// What the kernel says, in the folder of a run and afterwards in that of the lab.
const CONSOLE: &str = "console.log";
const MEMORY: &str = "2G";
/// What the kernel needs to reach our files and our pipe.
const MODULES: &[&str] = &["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"];
