//! What `--help` says: the commands, from the table that invocations are told apart by, and the options.

/// A sub-command, as the help lists it.
struct Command {
    word: &'static str,
    arguments: &'static str,
    purpose: &'static str,
}

/// Whether a word is one of our sub-commands. `run` is none: it stands for what a daemon does without a command.
pub(super) fn is_command(word: &str) -> bool {
    COMMANDS.iter().any(|command| command.word == word)
}

/// The answer to `--help` under the name that the program was called by.
pub(super) fn help(name: &str) -> String {
    let run =
        Command { word: "run", arguments: "", purpose: "run the daemon (also without a command)" };
    let lines: String = std::iter::once(&run).chain(COMMANDS).map(Command::line).collect();
    format!(
        "Usage: {name} [COMMAND] [OPTION...]\n\n\
         Commands (`{name} help COMMAND` says more of one):\n{lines}\n\
         Options, as keepalived's:\n{OPTIONS}"
    )
}

impl Command {
    const fn new(word: &'static str, arguments: &'static str, purpose: &'static str) -> Self {
        Self { word, arguments, purpose }
    }

    fn line(&self) -> String {
        let Self { word, arguments, purpose } = self;
        let call = format!("{word} {arguments}");
        if call.len() > CALL {
            return format!("  {call}\n  {:CALL$} {purpose}\n", "");
        }
        format!("  {call:CALL$} {purpose}\n")
    }
}

/// How wide the column of calls is.
const CALL: usize = 18;
const COMMANDS: &[Command] = &[
    Command::new("check", "FILE", "read a configuration and say what is wrong with it"),
    Command::new("explain", "KEYWORD", "say what a keyword means and whether it is executed"),
    Command::new("status", "[NAME]", "say how every instance and virtual server stands, or one"),
    Command::new("why", "[NAME]", "say what happened lately, and why"),
    Command::new(
        "server",
        "drain|disable|enable|weight VIRTUAL_SERVER REAL_SERVER",
        "steer real servers until the next reload",
    ),
    Command::new(
        "reload",
        "[--plan]",
        "have the daemon read its configuration again, or say what that would do",
    ),
    Command::new("upgrade", "", "have this program take over from the one that runs"),
    Command::new("real-server", "VIP...", "make this host a real server behind direct routing"),
    Command::new("genhash", "OPTION...", "print the MD5 of a page, for `digest`"),
    Command::new("demo", "", "watch two daemons hand addresses over, in namespaces of their own"),
    Command::new("help", "[COMMAND]", "say what a command takes"),
];
const OPTIONS: &str = "  \
  -f, --use-file=FILE        configuration file
  -t, --config-test[=FILE]   test the configuration and end; report to FILE
  -n, --dont-fork            stay in the foreground
  -l, --log-console          log to standard error too
  -D, --log-detail           log more
  -S, --log-facility=0..7    syslog facility local0 to local7; also user, daemon
  -g, --log-file[=FILE]      log to FILE too
  -G, --no-syslog            do not log to syslog
  -u, --umask=MASK           umask of files
  -P, --vrrp                 VRRP process only
  -C, --check                checker process only
      --all                  start all processes
  -V, --dont-release-vrrp    leave virtual addresses at the end
  -I, --dont-release-ipvs    leave virtual servers at the end
  -R, --dont-respawn         end when a process dies
  -p, --pid=FILE             pid file of the parent
  -r, --vrrp_pid=FILE        pid file of the VRRP process
  -c, --checkers_pid=FILE    pid file of the checker process
      --control-socket=FILE  where `steadfast status` asks; beside the pid file of the parent
  -s, --namespace=NAME       network namespace to run in
  -x, --snmp                 answer to SNMP, through a master agent
  -A, --snmp-agent-socket=A  where the master agent listens: unix:/path, tcp:host:port
  -a, --address-monitoring   log addresses of the host that come and go
  -m, --core-dump            allow core dumps
  -e, --all-config           a missing include is an error
  -i, --config-id=ID         what `@ID` lines compare with
      --signum=NAME          print the number of the signal STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON
      --ignore-sigint        do not end on SIGINT
  -T, --genhash              as the command, where it comes first
  -v, --version              print the version
  -h, --help                 print this
  -b, -B, -d, -L, -M, -O, -X and other options of keepalived are accepted; the log says which have no effect
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands;

    fn words(of: &clap::Command) -> Vec<&str> {
        of.get_subcommands().map(clap::Command::get_name).collect()
    }

    #[test]
    fn every_command_is_in_the_help_and_every_one_of_the_help_exists() {
        let all = commands::all();
        let listed: Vec<&str> = COMMANDS.iter().map(|it| it.word).collect();
        assert_eq!(listed, words(&all));
        let help = help("steadfast");
        for word in listed {
            assert!(help.contains(&format!("\n  {word} ")), "{word}: {help}");
        }
    }

    #[test]
    fn every_order_about_real_servers_is_in_the_help() {
        let all = commands::all();
        let orders = words(all.find_subcommand("server").unwrap());
        let help = help("steadfast");
        let line = help.lines().find(|it| it.starts_with("  server ")).unwrap();
        let listed: Vec<&str> = line.split([' ', '|']).collect();
        let missing = orders.iter().filter(|it| **it != "help" && !listed.contains(it));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&&str>::new());
        assert_eq!(orders.len(), 5);
    }
}
