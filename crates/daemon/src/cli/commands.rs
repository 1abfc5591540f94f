//! Sub-commands that keepalived does not have.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use super::check::{self, Format};
use super::{ask, server};
use super::{demonstrate, genhash};
use crate::real_server::{self, Task};
use crate::terminal::{eprint, print};
use crate::{compat, demo};

/// High availability for Linux: VRRP and virtual addresses, with keepalived's configuration.
#[derive(Debug, Parser)]
#[command(name = "steadfast", version, disable_version_flag = true)]
struct Commands {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read a configuration and say what is wrong with it, without starting anything.
    Check {
        /// The configuration file.
        file: PathBuf,
        /// Warnings count as errors.
        #[arg(long)]
        deny_warnings: bool,
        /// How findings are shown.
        #[arg(long, value_enum, default_value = "human")]
        format: Format,
        /// What `@ID` lines compare with; the host name where not given.
        #[arg(short = 'i', long)]
        config_id: Option<String>,
    },
    /// Say what a keyword means, what it takes, and whether this release executes it.
    Explain {
        /// The keyword, or the code of a diagnostic such as VRRP001.
        keyword: String,
    },
    /// Say how every instance and virtual server stands: state, since when and why, priority, addresses, real servers,
    /// what is wrong and what helps.
    ///
    /// Exit code: 0 each instance takes part and each virtual server has its quorum; 2 one does not, or a child does not
    /// answer; 3 no daemon runs; 4 there is no such instance or server; 1 the daemon cannot be asked.
    Status {
        #[command(flatten)]
        daemon: ask::Where,
        /// As one JSON document.
        #[arg(long)]
        json: bool,
        /// This instance, virtual server (`192.0.2.1:80`) or real server only, with all that is known of it.
        name: Option<String>,
    },
    /// Say what happened lately, and why: the last changes of each instance and server, or of one.
    Why {
        #[command(flatten)]
        daemon: ask::Where,
        /// As one JSON document.
        #[arg(long)]
        json: bool,
        /// This instance, virtual server (with its real servers) or real server only.
        name: Option<String>,
    },
    /// Drain, disable, enable or weigh real servers, until the next reload.
    ///
    /// A VIRTUAL_SERVER and a REAL_SERVER are named as `status` shows them (`[192.0.2.1]:tcp:80`), or shorter:
    /// `192.0.2.1:80`, `192.0.2.1` for all ports, `fwmark 7`, the name of a group; `all` means all virtual servers.
    ///
    /// Exit code: 0 it is done; 2 a drained server still has connections, or is drained no longer; 3 no daemon runs; 4
    /// there is no such server; 1 the daemon cannot be asked.
    Server {
        #[command(subcommand)]
        order: server::Order,
    },
    /// Have the daemon read its configuration again, and say how that went.
    ///
    /// Exit code: 0 the new configuration is in force; 5 it is not; 3 no daemon runs; 1 the daemon cannot be asked.
    /// With --plan: 0 nothing would change; 2 something would; 5 the file has errors.
    Reload {
        #[command(flatten)]
        daemon: ask::Where,
        /// Only say what a reload would do: to keep, adjust, restart, add or remove which instance or virtual server.
        #[arg(long)]
        plan: bool,
        /// With this file instead of the daemon's own.
        #[arg(requires = "plan")]
        file: Option<PathBuf>,
    },
    /// Have the running daemon replaced by this program, with its process number, roles and addresses kept.
    ///
    /// To be called by its path once a new version is installed. It rehearses first, with the configuration in force.
    /// Exit code: 0 this program goes on; 5 the configuration has errors for it; 3 no daemon runs; 1 the daemon was not
    /// replaced, and goes on.
    Upgrade {
        #[command(flatten)]
        daemon: ask::Where,
    },
    /// Make this host a real server behind direct routing (`lb_kind DR`): it takes packets for the virtual addresses and
    /// does not say so by ARP.
    ///
    /// The addresses are set on the loopback, `arp_ignore` and `arp_announce` for all links. What stands already is
    /// left as it is. Nothing outlives a restart of the machine.
    ///
    /// Exit code: 0 it is one, or what was done is taken back; 2 something is lacking, which is told; 1 the kernel
    /// refuses.
    RealServer {
        /// The virtual addresses; without any, with --check and --remove, those that this command has set.
        #[arg(required_unless_present_any = ["check", "remove"])]
        addresses: Vec<IpAddr>,
        /// The link that holds the addresses.
        #[arg(long, value_name = "LINK", default_value = "lo")]
        dev: String,
        /// Change nothing, only say what is lacking.
        #[arg(long, conflicts_with = "remove")]
        check: bool,
        /// Take back exactly what this command did.
        #[arg(long)]
        remove: bool,
    },
    /// Print the MD5 of a page, for `digest` of HTTP_GET and SSL_GET, as keepalived's genhash does.
    ///
    /// Exit code: 0 it is printed; 1 there is no whole answer, or the command line cannot be understood.
    #[command(disable_help_flag = true)]
    Genhash {
        /// `-s ADDRESS -p PORT -u PATH`, and what `--help` lists.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
        arguments: Vec<OsString>,
    },
    /// Watch two daemons hand addresses over in front of a pinging client, in namespaces of their own.
    Demo {
        /// The result as JSON.
        #[arg(long)]
        json: bool,
        /// Inside the namespaces already.
        #[arg(long, hide = true)]
        inside: bool,
        /// One of its web servers.
        #[arg(long, hide = true)]
        web: Option<demo::Web>,
    },
}

/// Runs one of them. Exit code 1 for a command line that cannot be understood, as keepalived has it.
pub(super) fn run(arguments: Vec<OsString>) -> ExitCode {
    let commands = match Commands::try_parse_from(arguments) {
        Ok(commands) => commands,
        Err(error) => {
            let text = error.to_string();
            if error.use_stderr() {
                eprint(&text);
                return ExitCode::from(compat::exit::FATAL);
            }
            print(&text);
            return ExitCode::SUCCESS;
        }
    };
    match commands.command {
        Command::Check { file, deny_warnings, format, config_id } => {
            check::check(&file, format, deny_warnings, config_id)
        }
        Command::Explain { keyword } => explain(&keyword),
        Command::Status { daemon, json, name } => ask::status(&daemon, json, name),
        Command::Why { daemon, json, name } => ask::why(&daemon, json, name),
        Command::Server { order } => server::run(order),
        Command::Reload { daemon, plan: false, .. } => ask::reload(&daemon),
        Command::Reload { daemon, plan: true, file } => ask::plan(&daemon, file.as_deref()),
        Command::Upgrade { daemon } => ask::upgrade(&daemon),
        Command::RealServer { addresses, dev, check, remove } => {
            let task = match (check, remove) {
                (true, _) => Task::Check,
                (false, true) => Task::Remove,
                (false, false) => Task::Apply,
            };
            real_server::run(&real_server::Options { addresses, link: dev, task })
        }
        Command::Genhash { arguments } => genhash::run(arguments),
        Command::Demo { json, inside, web } => demonstrate(&demo::Options { json, inside, web }),
    }
}

/// All sub-commands, as they are parsed.
#[cfg(test)]
pub(super) fn all() -> clap::Command {
    use clap::CommandFactory as _;
    let mut all = Commands::command();
    all.build();
    all
}

fn explain(word: &str) -> ExitCode {
    if let Some(code) = config::diagnostic::code(word) {
        print(&format!("{}: {}\n", code.name(), code.meaning()));
        return ExitCode::SUCCESS;
    }
    match config::keyword::explain(word) {
        Ok(text) => {
            print(&text);
            ExitCode::SUCCESS
        }
        Err(suggestion) => {
            eprint(&format!("{suggestion}\n"));
            ExitCode::from(compat::exit::FATAL)
        }
    }
}
