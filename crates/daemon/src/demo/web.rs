//! A web server of the farm: a process of its own that answers every request with its name.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use kernel::eventloop::{EventLoop, Token};
use kernel::namespace::Namespace;
use kernel::process::{Child, Ended, Spawn, Stdio};
use rustix::process::Signal;

use crate::compat::exit;
use crate::terminal::eprint;

/// One of the two web servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Web {
    /// The first.
    One,
    /// The second.
    Two,
}

impl Web {
    /// Both of them.
    pub(super) const ALL: [Self; 2] = [Self::One, Self::Two];

    /// Its name, and what it answers.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::One => "web-1",
            Self::Two => "web-2",
        }
    }

    /// Its own address, as `web-farm.conf` has it.
    pub(super) const fn address(self) -> Ipv4Addr {
        match self {
            Self::One => Ipv4Addr::new(10, 101, 1, 187),
            Self::Two => Ipv4Addr::new(10, 101, 1, 188),
        }
    }

    /// Who says this.
    pub(super) fn of(answer: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|web| answer.trim_end() == web.name())
    }

    const fn word(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
        }
    }
}

/// Answers until it is killed.
pub(super) fn serve(web: Web) -> ExitCode {
    let listener = match TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)) {
        Ok(listener) => listener,
        Err(error) => {
            eprint(&format!("{}: port {PORT}: {error}\n", web.name()));
            return ExitCode::from(exit::FATAL);
        }
    };
    for stream in listener.incoming().flatten() {
        // Whoever says nothing holds the others up for a moment only.
        let _ = answer(stream, web);
    }
    ExitCode::SUCCESS
}

fn answer(mut stream: TcpStream, web: Web) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut buffer = [0; 512];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < LONGEST_HEAD {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        head.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    let body = format!("{}\n", web.name());
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// A web server's process, running or not.
#[derive(Debug)]
pub(super) struct Server {
    web: Web,
    child: Option<Child>,
    /// Its end is part of the play.
    is_dismissed: bool,
}

impl Server {
    pub(super) const fn new(web: Web) -> Self {
        Self { web, child: None, is_dismissed: false }
    }

    pub(super) const fn web(&self) -> Web {
        self.web
    }

    /// Starts it where it lives.
    ///
    /// **Errors**: the kernel refuses.
    pub(super) fn start(&mut self, home: &Namespace, events: &EventLoop) -> anyhow::Result<()> {
        let arguments = ["demo", "--inside", "--web", self.web.word()];
        let child = Spawn {
            program: "/proc/self/exe".into(),
            arg0: self.web.name().into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            without: Vec::new(),
            descriptors: Vec::new(),
            stdio: Stdio::Inherited,
            namespace: Some(home.descriptor()?),
        }
        .start()?;
        events.add(&child, self.token())?;
        (self.child, self.is_dismissed) = (Some(child), false);
        Ok(())
    }

    /// Kills it.
    ///
    /// **Errors**: it must not be signalled.
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        self.is_dismissed = true;
        if let Some(child) = &self.child {
            child.signal(Signal::KILL)?;
        }
        Ok(())
    }

    pub(super) const fn runs(&self) -> bool {
        self.child.is_some()
    }

    /// Looks whether its end has come.
    ///
    /// **Errors**: it ended although nobody made it.
    pub(super) fn tend(&mut self, events: &EventLoop) -> anyhow::Result<Option<Ended>> {
        let Some(child) = &mut self.child else { return Ok(None) };
        let Some(ended) = child.ended()? else { return Ok(None) };
        let _ = events.remove(&*child);
        self.child = None;
        anyhow::ensure!(self.is_dismissed, "{} {ended}", self.web.name());
        Ok(Some(ended))
    }

    /// Its end.
    pub(super) const fn token(&self) -> Token {
        Token(20 + self.web as u64)
    }
}

/// The port that all ask for.
pub(super) const PORT: u16 = 80;
const PATIENCE: Duration = Duration::from_millis(500);
const LONGEST_HEAD: usize = 4096;
