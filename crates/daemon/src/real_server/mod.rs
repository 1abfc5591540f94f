//! `steadfast real-server`: makes this host a real server behind direct routing, says whether it is one, and takes
//! it back.
//!
//! Settings come before addresses, and go after them: at no moment does the host answer ARP for a virtual address.
//! What will be done is written down first, so that it can be taken back wherever it was interrupted.

mod needs;
mod record;

use std::io;
use std::net::IpAddr;
use std::process::ExitCode;

use intent::{AddressKey, Prefix};
use kernel::link::Link;
use kernel::namespace;
use kernel::netlink::{NetlinkError, RequestSocket};
use kernel::socket::Claim;
use kernel::sysctl::{self, Setting, SysctlError};
use needs::{Host, Lack, Quiet};
use record::{Added, Changed, Keeper, Record};
use rustix::io::Errno;

use crate::compat;
use crate::terminal::{eprint, print};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// The virtual addresses; none for those that were set before.
    pub(crate) addresses: Vec<IpAddr>,
    /// The link that holds them.
    pub(crate) link: String,
    pub(crate) task: Task,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Do what is lacking.
    Apply,
    /// Only say what is lacking.
    Check,
    /// Take back what was done.
    Remove,
}

/// Why it cannot be done.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Kernel(#[from] NetlinkError),
    #[error("{0}{help}", help = privilege(&.0.source))]
    Setting(#[from] SysctlError),
    #[error("{0}{help}", help = privilege(.0))]
    File(#[from] io::Error),
    #[error("another `steadfast real-server` is at work: try again")]
    Busy,
    #[error("no address was set by this command: name the addresses")]
    Nameless,
    #[error(
        "nothing was set by this command in this network namespace: there is nothing to take back"
    )]
    Nothing,
}

/// Does it, and says what was done and what is lacking.
pub(crate) fn run(options: &Options) -> ExitCode {
    match work(options) {
        Ok(lacks) if lacks.is_empty() => ExitCode::SUCCESS,
        Ok(lacks) => {
            lacks.iter().for_each(|lack| eprint(&format!("{lack}\n")));
            ExitCode::from(compat::exit::IMPAIRED)
        }
        Err(failure) => {
            eprint(&format!("{failure}\n"));
            ExitCode::from(compat::exit::FATAL)
        }
    }
}

/// Returns what is lacking in the end.
fn work(options: &Options) -> Result<Vec<Lack>, Failure> {
    let keeper = Keeper::of(namespace::number()?);
    let mut requests = RequestSocket::open()?;
    let _alone = match options.task {
        Task::Check => None,
        Task::Apply | Task::Remove => Some(alone()?),
    };
    let mut record = keeper.read()?;
    match options.task {
        Task::Check => check(&mut requests, &record, options),
        Task::Apply => apply(&mut requests, &keeper, &mut record, options),
        Task::Remove => remove(&mut requests, &keeper, &mut record, options).map(|()| Vec::new()),
    }
}

fn check(
    requests: &mut RequestSocket,
    record: &Record,
    options: &Options,
) -> Result<Vec<Lack>, Failure> {
    let (lacks, wanted) = examine(requests, record, options)?;
    if lacks.is_empty() {
        print(&format!("real server for {}: all stands\n", list(&wanted)));
    }
    Ok(lacks)
}

fn examine(
    requests: &mut RequestSocket,
    record: &Record,
    options: &Options,
) -> Result<(Vec<Lack>, Vec<IpAddr>), Failure> {
    let wanted = match options.addresses.as_slice() {
        [] => record.added.iter().map(|it| it.address).collect(),
        named => named.to_vec(),
    };
    if wanted.is_empty() {
        return Err(Failure::Nameless);
    }
    Ok((needs::lacks(&look(requests)?, &wanted, &options.link), wanted))
}

fn apply(
    requests: &mut RequestSocket,
    keeper: &Keeper,
    record: &mut Record,
    options: &Options,
) -> Result<Vec<Lack>, Failure> {
    let (lacks, wanted) = examine(requests, record, options)?;
    let talks =
        |setting| lacks.iter().any(|it| matches!(it, Lack::Talks(_, on, _) if *on == setting));
    let settings = needs::WANTED.into_iter().filter(|(setting, _)| talks(*setting));
    let missing: Vec<IpAddr> = wanted
        .into_iter()
        .filter(|wanted| lacks.iter().any(|it| matches!(it, Lack::Address(on, _) if on == wanted)))
        .collect();
    let mut changes = Vec::new();
    for (setting, value) in settings {
        let change = Changed::new(setting, sysctl::read(ALL, setting)?, value);
        record.changed.retain(|it| it.setting() != Some(setting));
        record.changed.push(change.clone());
        changes.push((setting, change));
    }
    for address in &missing {
        let added = Added { address: *address, link: options.link.clone() };
        record.added.retain(|it| *it != added);
        record.added.push(added);
    }
    keeper.write(record)?;
    for (setting, change) in changes {
        sysctl::write(ALL, setting, change.since)?;
        say_setting(setting, change.before, change.since);
    }
    let index = look(requests)?.links.into_iter().find(|link| link.name == options.link);
    if let Some(Link { index, name, .. }) = index {
        for address in missing {
            let held = needs::held(address, index);
            requests
                .set_addresses(std::slice::from_ref(&held))
                .into_iter()
                .collect::<Result<(), _>>()?;
            print(&format!("{address}/{} on {name}: added\n", held.prefix));
        }
    }
    let (lacks, wanted) = examine(requests, record, options)?;
    if lacks.is_empty() {
        print(&format!(
            "this host takes packets for {} and does not say so by ARP; `steadfast real-server --remove` takes it \
             back\n",
            list(&wanted)
        ));
    }
    Ok(lacks)
}

fn remove(
    requests: &mut RequestSocket,
    keeper: &Keeper,
    record: &mut Record,
    options: &Options,
) -> Result<(), Failure> {
    if record.added.is_empty() && record.changed.is_empty() {
        return Err(Failure::Nothing);
    }
    let is_meant =
        |it: &Added| options.addresses.is_empty() || options.addresses.contains(&it.address);
    for address in
        options.addresses.iter().filter(|it| !record.added.iter().any(|on| on.address == **it))
    {
        eprint(&format!("{address}: not set by this command, left alone\n"));
    }
    let links = requests.links()?;
    for added in record.added.iter().filter(|it| is_meant(it)) {
        // With the link went its addresses.
        let Some(link) = links.iter().find(|link| link.name == added.link) else { continue };
        let prefix = Prefix::host(added.address).length;
        let key = AddressKey { interface: link.index, address: added.address, prefix };
        requests.remove_addresses(&[key]).into_iter().collect::<Result<(), _>>()?;
        print(&format!("{}/{prefix} on {}: removed\n", added.address, added.link));
    }
    record.added.retain(|it| !is_meant(it));
    keeper.write(record)?;
    if record.added.iter().any(|it| it.address.is_ipv4()) {
        return Ok(());
    }
    for change in std::mem::take(&mut record.changed) {
        let Some(setting) = change.setting() else { continue };
        let now = sysctl::read(ALL, setting)?;
        if now == change.since {
            sysctl::write(ALL, setting, change.before)?;
            say_setting(setting, now, change.before);
        } else {
            let name = setting.name();
            print(&format!(
                "net.ipv4.conf.all.{name} is {now} by somebody else's will: left alone\n"
            ));
        }
    }
    Ok(keeper.write(record)?)
}

fn look(requests: &mut RequestSocket) -> Result<Host, Failure> {
    let links = requests.links()?;
    let addresses = requests.addresses()?;
    let quiet_of = |link: &str| -> Result<Quiet, SysctlError> {
        Ok(Quiet {
            ignore: sysctl::read(link, Setting::ArpIgnore)?,
            announce: sysctl::read(link, Setting::ArpAnnounce)?,
        })
    };
    let common = quiet_of(ALL)?;
    let mut quiet = Vec::new();
    for link in links.iter().filter(|link| !link.loopback && link.mac.is_some()) {
        match quiet_of(&link.name) {
            Ok(found) => quiet.push((link.name.clone(), found)),
            // It went meanwhile.
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Host { links, addresses, common, quiet })
}

/// Only one of these commands at a time works on a network namespace.
fn alone() -> Result<Claim, Failure> {
    Claim::hold("steadfast-real-server").map_err(|errno| match errno {
        Errno::ADDRINUSE => Failure::Busy,
        other => Failure::File(other.into()),
    })
}

fn say_setting(setting: Setting, before: i32, after: i32) {
    print(&format!("net.ipv4.conf.all.{}: {before} -> {after}\n", setting.name()));
}

fn list(addresses: &[IpAddr]) -> String {
    let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    list.join(", ")
}

/// What helps where the kernel says no.
fn privilege(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::PermissionDenied {
        "; this needs root (CAP_NET_ADMIN)"
    } else if error.kind() == io::ErrorKind::ReadOnlyFilesystem {
        "; /proc/sys cannot be written to: set it on the container's host"
    } else {
        ""
    }
}

/// All links together.
const ALL: &str = "all";
