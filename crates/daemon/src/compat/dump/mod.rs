//! The dumps that monitoring asks for by signals: which files, and what keepalived 2.2.7 writes into them.
//!
//! Exporters read these by the letter (field names, order, indentation), so all of it was observed.

mod balancing;
mod bfd;
mod checks;
mod data;
mod fixed;
mod globals;
mod json;
mod path;
mod standing;
mod stats;
mod tracked;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use config::RealServers;
use config::model::{Dumps, Model, Place};
use status::{Address, Instance, Report};

use super::{command, number};

/// What is dumped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dump {
    /// SIGUSR1: everything, for people.
    Data,
    /// SIGUSR2: counters.
    Stats,
    /// Counters, which begin anew behind it.
    StatsAndClear,
    /// Everything, for programs.
    Json,
}

impl Dump {
    /// What a real-time signal asks for.
    pub(crate) fn of_real_time(signal: i32) -> Option<Self> {
        let is = |name| super::signal_number(name) == Some(signal);
        if is("JSON") {
            Some(Self::Json)
        } else if is("STATS_CLEAR") {
            Some(Self::StatsAndClear)
        } else {
            None
        }
    }

    /// What it tells of the configuration beside how everything stands, by the real servers that come with it; nothing
    /// where it tells nothing of that.
    pub(crate) const fn told_of_configuration(self) -> Option<RealServers> {
        match self {
            Self::Data => Some(RealServers::Kept),
            Self::Json => Some(RealServers::Judged),
            Self::Stats | Self::StatsAndClear => None,
        }
    }

    /// The files of this dump, with what is written into them: how everything stands, and what the configuration says.
    pub(crate) fn files(self, report: &Report, model: &Model) -> Vec<(PathBuf, String)> {
        let Dumps { state, stats, json, are_named, .. } = &model.global.dumps;
        match self {
            Self::Data => {
                let Place { namespace, instance, .. } = &model.global.place;
                let names = super::names(namespace.as_deref(), instance.as_deref());
                let is_named = *are_named && !names.is_empty();
                let names = if is_named { format!(".{names}") } else { String::new() };
                let main = place(state.as_deref(), &format!("keepalived{names}.data"));
                let parent = match state.as_deref().filter(|it| !it.ends_with('/')) {
                    None => place(state.as_deref(), &format!("keepalived_parent{names}.data")),
                    Some(_) => beside(&main, "_parent"),
                };
                let globals = globals::section(&model.global);
                let mut files = vec![(main, data::whole(report, model)), (parent, globals)];
                let directory = state.as_deref().filter(|it| it.ends_with('/'));
                if !model.virtual_servers.is_empty() {
                    let path = place(directory, "keepalived_check.data");
                    files.push((path, balancing::whole(report, model)));
                }
                if !model.sessions.is_empty() {
                    let path = place(directory, "keepalived_bfd.data");
                    files.push((path, bfd::whole(report, model)));
                }
                files
            }
            // Without an instance there is no process that would write.
            Self::Stats | Self::StatsAndClear | Self::Json if report.instances.is_empty() => {
                Vec::new()
            }
            Self::Stats | Self::StatsAndClear => {
                vec![(place(stats.as_deref(), "keepalived.stats"), stats::whole(report))]
            }
            Self::Json => {
                let path = place(json.as_deref(), "keepalived.json");
                vec![(path, json::whole(report, model))]
            }
        }
    }
}

/// Where a dump goes: where the configuration says, else into the directory of temporary files.
fn place(configured: Option<&str>, name: &str) -> PathBuf {
    match configured {
        Some(directory) if directory.ends_with('/') => Path::new(directory).join(name),
        Some(path) => path.into(),
        None => temporary(name),
    }
}

/// A file in the directory of temporary files.
pub(crate) fn temporary(name: &str) -> PathBuf {
    let directory = std::env::var_os("TMPDIR").filter(|directory| !directory.is_empty());
    directory.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from).join(name)
}

/// `a/keepalived.data` with `_parent` is `a/keepalived_parent.data`.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name: OsString = path.file_stem().unwrap_or_default().to_owned();
    name.push(suffix);
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// An address line: `192.0.2.10/24 dev eth0 scope global label eth0:1 set`.
fn address(line: &Address, accepts: bool) -> String {
    let mut text = line.address.to_string();
    let whole = if line.address.is_ipv6() { 128 } else { 32 };
    if line.prefix != whole {
        text.push_str(&format!("/{}", line.prefix));
    }
    if let Some(broadcast) = line.broadcast {
        text.push_str(&format!(" brd {broadcast}"));
    }
    let below = line.below.as_ref().map(|below| format!("@{below}")).unwrap_or_default();
    text.push_str(&format!(" dev {}{below} scope {}", line.interface, scope(line.scope)));
    if let Some(label) = &line.label {
        text.push_str(&format!(" label {label}"));
    }
    for flag in &line.flags {
        text.push_str(&format!(" {flag}"));
    }
    if line.address.is_ipv6() {
        text.push_str(&match line.preferred {
            None => " preferred_lft forever".to_owned(),
            Some(0) => " deprecated".to_owned(),
            Some(seconds) => format!(" preferred_lft {seconds}"),
        });
    }
    if line.installed {
        text.push_str(if accepts { " set" } else { " set nftable_set" });
    }
    text
}

fn scope(scope: u8) -> String {
    match scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        other => other.to_string(),
    }
}

/// How often something of these names was refused.
fn refused(instance: &Instance, names: &[&str]) -> u64 {
    names.iter().filter_map(|name| instance.counters.discards.get(*name)).sum()
}

/// The counters of one instance, under keepalived's names of them in JSON.
fn counters(instance: &Instance) -> [(&'static str, u64); 14] {
    let counters = &instance.counters;
    [
        ("advert_rcvd", counters.advertisements_received),
        ("advert_sent", counters.advertisements_sent),
        ("become_master", counters.became_active),
        ("release_master", counters.released),
        ("packet_len_err", refused(instance, &["length", "address_count"])),
        ("advert_interval_err", refused(instance, &["interval"])),
        ("ip_ttl_err", refused(instance, &["hop_limit"])),
        ("invalid_type_rcvd", refused(instance, &["type"])),
        (
            "addr_list_err",
            counters.address_mismatches.saturating_add(refused(instance, &["address_list"])),
        ),
        ("invalid_authtype", refused(instance, &["authentication_unknown"])),
        ("authtype_mismatch", refused(instance, &["authentication_type"])),
        ("auth_failure", refused(instance, &["authentication"])),
        ("pri_zero_rcvd", counters.resignations_received),
        ("pri_zero_sent", counters.resignations_sent),
    ]
}

#[cfg(test)]
mod tests;
