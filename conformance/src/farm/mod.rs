//! A farm: directors that balance, real servers behind them, and a client before them, on one switch.
//!
//! Namespaces are kept from one story to the next: to make and to end them takes longer than most stories, where a
//! kernel with IPVS runs under emulation.

mod browser;
mod configuration;
mod server;
mod story;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::agent::fetch;
use crate::lab::Lab;
use crate::node::{LogLine, Node};
use crate::stream::Mark;
use crate::subject::{Pair, Subject};

pub use self::browser::{Answer, Browser};
pub use self::configuration::{SECURE, plain, pool, real_server, router, service};
pub use self::server::RealServer;
pub use self::story::{Story, disband, in_lab, missing};

/// A lab with directors `a` and `b` (`192.0.2.1`, `.2`), real servers `s1` to `s3` (`192.0.2.21` to `.23`) and a client.
#[derive(Debug)]
pub struct Farm {
    /// The lab.
    pub lab: Lab,
    /// Who plays the directors.
    pub pair: Pair,
    servers: Vec<RealServer>,
}

impl Farm {
    fn build(pair: Pair) -> Result<Self> {
        let mut lab = Lab::build(&["a", "b", "s1", "s2", "s3"]).context("build lab")?;
        let mut servers = Vec::new();
        for name in SERVERS {
            servers.push(RealServer::start(lab.node(name)?.space())?);
        }
        Ok(Self { lab, pair, servers })
    }

    /// Director `a`.
    ///
    /// # Errors
    /// Never, for a farm has one.
    pub fn a(&mut self) -> Result<&mut Node> {
        self.lab.node("a")
    }

    /// Real server number `number`, from 1.
    ///
    /// # Errors
    /// When there is none.
    pub fn server(&mut self, number: usize) -> Result<&mut RealServer> {
        let index = number.checked_sub(1).context("real servers are counted from 1")?;
        self.servers.get_mut(index).with_context(|| format!("no real server {number}"))
    }

    /// Lets real servers 1 to `count` answer at port 80 with `s1`, `s2`..
    ///
    /// # Errors
    /// When one cannot.
    pub fn serve(&mut self, count: usize) -> Result<()> {
        for number in 1..=count {
            self.server(number)?.order(&format!("web 80 * 200 s{number}"))?;
        }
        Ok(())
    }

    /// The daemon of director `name`.
    #[must_use]
    pub fn subject(&self, name: &str) -> Subject {
        if name == "a" { self.pair.a } else { self.pair.b }
    }

    /// Starts the daemon of director `name`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self, name: &str, configuration: &str) -> Result<()> {
        let subject = self.subject(name);
        self.lab.node(name)?.start(subject, configuration)
    }

    /// What the kernel of `name` balances, in the words of `ipvsadm -Sn`, sorted.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn table(&mut self, name: &str) -> Result<Vec<String>> {
        let text = self.lab.node(name)?.space().run("ipvsadm -Sn")?;
        let mut lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        lines.sort_unstable();
        Ok(lines)
    }

    /// Waits until the table of `name` is this.
    ///
    /// # Errors
    /// When it has not become so in time, with what it is.
    pub fn expect_table(&mut self, name: &str, expected: &[impl AsRef<str>]) -> Result<()> {
        let mut expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        expected.sort_unstable();
        let until = Instant::now() + PATIENCE;
        loop {
            let before = self.summary(name)?;
            let table = self.table(name)?;
            if table == expected {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{name} balances {table:#?}, not {expected:#?}");
            // To ask the program each time would keep the emulated machine from what is waited for.
            for _ in 0..LOOKS {
                thread::sleep(LOOK);
                if self.summary(name)? != before {
                    break;
                }
            }
        }
    }

    /// About the same as [`Self::table`], without thresholds, engines and kinds of tunnels, and with connections.
    fn summary(&mut self, name: &str) -> Result<String> {
        self.lab.node(name)?.space().read("/proc/net/ip_vs")
    }

    /// That the table of `name` stays as it is for `span`.
    ///
    /// # Errors
    /// With what it has become.
    pub fn expect_no_change(&mut self, name: &str, span: Duration) -> Result<()> {
        let before = self.table(name)?;
        self.expect_kept(name, &before, span)
    }

    /// That the table of `name` is this, each time it is looked at within `span`.
    ///
    /// # Errors
    /// With what it is.
    pub fn expect_kept(
        &mut self,
        name: &str,
        expected: &[impl AsRef<str>],
        span: Duration,
    ) -> Result<()> {
        let mut expected: Vec<&str> = expected.iter().map(AsRef::as_ref).collect();
        expected.sort_unstable();
        let until = Instant::now() + span;
        while Instant::now() < until {
            let table = self.table(name)?;
            ensure!(table == expected, "{name} balances {table:#?}, before {expected:#?}");
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Waits for a line of director `a` that contains `text`.
    ///
    /// # Errors
    /// When none came in time.
    pub fn expect_log(&mut self, text: &str) -> Result<LogLine> {
        self.a()?.expect_log(text, Mark::START, PATIENCE)
    }

    /// Waits until each of these servers was found well by a check of HTTP or TCP: a first failure is another thing than
    /// one after a success.
    ///
    /// # Errors
    /// When that has not come in time.
    pub fn expect_well(&mut self, numbers: &[u8]) -> Result<()> {
        for number in numbers {
            let log = self.a()?.log();
            let name = format!("[192.0.2.2{number}]:tcp:80 succ");
            let found = log.wait(Mark::START, PATIENCE, |line| line.text.contains(&name));
            ensure!(found.is_some(), "real server {number} was not found well");
        }
        Ok(())
    }

    /// Waits until director `a` has logged `count` lines that contain `text`.
    ///
    /// # Errors
    /// When there are fewer in time.
    pub fn expect_logs(&mut self, text: &str, count: usize) -> Result<()> {
        let log = self.a()?.log();
        let until = Instant::now() + PATIENCE;
        loop {
            let lines = log.since(Mark::START);
            let seen = lines.iter().filter(|line| line.text.contains(text)).count();
            if seen >= count {
                return Ok(());
            }
            ensure!(Instant::now() < until, "logged {seen} times, not {count}: {text}");
            thread::sleep(POLL);
        }
    }

    /// As [`Self::expect_log`], from `since` on.
    ///
    /// # Errors
    /// When none came in time.
    pub fn expect_log_since(&mut self, text: &str, since: Mark) -> Result<LogLine> {
        self.a()?.expect_log(text, since, PATIENCE)
    }

    /// Waits until the file `name` of director `a` has these lines, in any order: each is of a program, and those of one
    /// moment run side by side.
    ///
    /// # Errors
    /// When it has not in time, with what it has.
    pub fn expect_told(&mut self, name: &str, expected: &[&str]) -> Result<()> {
        let path = self.a()?.file(name);
        let mut sorted = expected.to_vec();
        sorted.sort_unstable();
        let until = Instant::now() + PATIENCE;
        loop {
            let told = fs::read_to_string(&path).unwrap_or_default();
            let mut lines: Vec<&str> = told.lines().collect();
            lines.sort_unstable();
            if lines == sorted {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{name}: told {told:?}, expected {expected:?}");
            thread::sleep(POLL);
        }
    }

    /// A script on director `a` that does this.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn script(&mut self, name: &str, lines: &str) -> Result<PathBuf> {
        let path = self.a()?.file(name);
        fs::write(&path, format!("#!/bin/sh\n{lines}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(path)
    }

    /// Runs these commands in the namespaces of node `name`, `client` included.
    ///
    /// # Errors
    /// When one fails.
    pub fn run(&mut self, name: &str, commands: &[&str]) -> Result<()> {
        let space = if name == "client" { self.lab.client() } else { self.lab.node(name)?.space() };
        for command in commands {
            space.run(command)?;
        }
        Ok(())
    }

    /// Lets the client ask `address` (with a port) for its page `count` times, one each `every`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn browse(&self, address: &str, count: u32, every: Duration) -> Result<Browser> {
        Browser::start(self.lab.client(), "pages", address, count, (every, fetch::PATIENCE))
    }

    /// The same without end, by a client who waits for each step of a request as long as `patience` says.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn browse_on(&self, address: &str, every: Duration, patience: Duration) -> Result<Browser> {
        Browser::start(self.lab.client(), "pages", address, u32::MAX, (every, patience))
    }

    /// Lets the client send `count` datagrams to `address` (with a port), each from a port of its own when the one before
    /// is answered.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn send_datagrams(&self, address: &str, count: u32) -> Result<Browser> {
        Browser::start(
            self.lab.client(),
            "datagrams",
            address,
            count,
            (Duration::ZERO, fetch::PATIENCE),
        )
    }

    /// Lets director `a` rewrite what passes: it forwards, and these servers send back through `address` of it what is for
    /// `client`.
    ///
    /// # Errors
    /// When it cannot be arranged.
    pub fn route_back(&mut self, servers: &[&str], client: &str, address: &str) -> Result<()> {
        let director = [
            "sysctl -qw net.ipv4.ip_forward=1",
            "sysctl -qw net.ipv4.conf.all.send_redirects=0",
            "sysctl -qw net.ipv4.conf.eth0.send_redirects=0",
        ];
        self.run("a", &director)?;
        for server in servers {
            self.run(server, &[&format!("ip route add {client}/32 via {address}")])?;
        }
        Ok(())
    }

    /// Lets the client reach services of `a` at `192.0.2.10`, where servers are rewritten.
    ///
    /// # Errors
    /// When it cannot be arranged.
    pub fn wire(&mut self) -> Result<()> {
        self.run("a", &["ip addr add 192.0.2.10/32 dev eth0"])?;
        self.route_back(&SERVERS, "192.0.2.100", "192.0.2.1")
    }

    /// Frames, logs, and what the directors balance and whom they know: for who wants to see why a story failed.
    fn report(&mut self) -> String {
        let mut text = self.lab.report();
        for name in DIRECTORS {
            for command in ["ipvsadm -Ln --stats", "ipvsadm -Lnc", "nft list ruleset"] {
                let Ok(node) = self.lab.node(name) else { continue };
                let shown = node.space().run(command).unwrap_or_else(|error| error.to_string());
                text.push_str(&format!("{command} of {name}:\n{shown}"));
            }
        }
        text
    }

    /// Ends what a story started. What is found afterwards of its services was left behind.
    fn clear(&mut self) -> Result<()> {
        for name in DIRECTORS {
            let node = self.lab.node(name)?;
            if node.has_daemon() {
                node.stop().with_context(|| format!("end {name}"))?;
            }
            let table = self.table(name)?;
            if !table.is_empty() {
                bail!("{name} left behind: {table:#?}");
            }
            self.lab.node(name)?.forget()?;
        }
        for server in &mut self.servers {
            server.order("close")?;
            server.order("asked")?;
        }
        Ok(())
    }
}

/// For whatever is to come: emulated time is slow, and what does not come is missing later as well.
pub const PATIENCE: Duration = Duration::from_secs(40);

const DIRECTORS: [&str; 2] = ["a", "b"];
const SERVERS: [&str; 3] = ["s1", "s2", "s3"];
/// How often a table is looked at: to ask takes a tenth of a second under emulation.
const POLL: Duration = Duration::from_millis(400);
/// How often what tells of a change is looked at, and so many times before the table is asked for anyway.
const LOOK: Duration = Duration::from_millis(100);
const LOOKS: usize = 15;
