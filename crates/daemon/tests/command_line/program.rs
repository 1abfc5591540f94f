//! The program run to its end, with a directory for files.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a run left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program to its end, in a directory where nothing is. One that does not end is killed, and fails the
/// test.
pub(crate) fn run(words: &[&str]) -> Run {
    called(Path::new(env!("CARGO_BIN_EXE_steadfast")), words)
}

/// The same under another name.
pub(crate) fn called(program: &Path, words: &[&str]) -> Run {
    let files = Files::new();
    let (out, err) = (files.path("out"), files.path("err"));
    let mut child = Command::new(program)
        .args(words)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&out).unwrap())
        .stderr(std::fs::File::create(&err).unwrap())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > end {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{words:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |path: &Path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
    Run { code: status.code(), out: read(&out), err: read(&err) }
}

/// A directory that ends with the test.
#[derive(Debug)]
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = directory.join(format!("command-line-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// One file with this content.
    pub(crate) fn with(name: &str, content: impl AsRef<[u8]>) -> Self {
        let files = Self::new();
        files.write(name, content);
        files
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The name of a file as an argument.
    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// Text without the name of the directory.
    pub(crate) fn without(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A configuration that nothing is to be said about.
pub(crate) const GOOD: &str = "\
vrrp_instance VI_1 {
    interface lo
    virtual_router_id 51
    priority 100
    advert_int 1
    virtual_ipaddress {
        127.0.0.9/32
    }
}
";

/// One with an error of each kind, and a word that is none of ours.
pub(crate) const BAD: &str = "\
global_defs {
    router_id here
    colour blue
}
vrrp_instance VI_1 {
    interface lo
    virtual_router_id
    priorty 100
    virtual_ipaddress {
        192.0.2.300/24
        192.0.2.1/24
    }
}
include nowhere/*.conf
";
