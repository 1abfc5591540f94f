//! keepalived's flags: all are accepted, what is no flag is refused.

use crate::program::{Files, GOOD, called, run};

/// Every flag of keepalived that takes no value, short and long.
const PLAIN: &[(&str, &str)] = &[
    ("-P", "--vrrp"),
    ("-C", "--check"),
    ("-B", "--no_bfd"),
    ("", "--all"),
    ("-l", "--log-console"),
    ("-D", "--log-detail"),
    ("-g", "--log-file"),
    ("", "--flush-log-file"),
    ("-G", "--no-syslog"),
    ("-X", "--release-vips"),
    ("-V", "--dont-release-vrrp"),
    ("-I", "--dont-release-ipvs"),
    ("-R", "--dont-respawn"),
    ("-n", "--dont-fork"),
    ("-d", "--dump-conf"),
    ("-a", "--address-monitoring"),
    ("-x", "--snmp"),
    ("-m", "--core-dump"),
    ("-M", "--core-dump-pattern"),
    ("-e", "--all-config"),
    ("", "--ignore-sigint"),
    ("", "--perf"),
    ("", "--debug"),
    ("", "--no-mem-check"),
    ("-L", ""),
    ("-O", ""),
];

/// Every one that takes a value, with one that is good.
const VALUED: &[(&str, &str, &str)] = &[
    ("-S", "--log-facility", "0"),
    ("-S", "--log-facility", "7"),
    ("-S", "--log-facility", "local3"),
    ("-S", "--log-facility", "user"),
    ("-S", "--log-facility", "daemon"),
    ("-u", "--umask", "0177"),
    ("-u", "--umask", "0x3f"),
    ("-u", "--umask", "63"),
    ("-p", "--pid", "/nowhere/a.pid"),
    ("-r", "--vrrp_pid", "/nowhere/b.pid"),
    ("-c", "--checkers_pid", "/nowhere/c.pid"),
    ("-b", "--bfd_pid", "/nowhere/d.pid"),
    ("-A", "--snmp-agent-socket", "unix:/nowhere"),
    ("-s", "--namespace", "nowhere"),
    ("-i", "--config-id", "one"),
    ("", "--config-fd", "5"),
];

/// Runs a configuration test of a good file with these words more: all that is accepted ends with 0.
fn tested(words: &[&str]) -> (Option<i32>, String) {
    let files = Files::with("good.conf", GOOD);
    let name = files.name("good.conf");
    let mut all = vec!["-t", "-f", &name];
    all.extend(words);
    let run = run(&all);
    (run.code, run.err)
}

#[test]
fn every_flag_without_a_value_is_accepted_short_and_long() {
    for (short, long) in PLAIN {
        for flag in [short, long].into_iter().filter(|flag| !flag.is_empty()) {
            assert_eq!(tested(&[flag]), (Some(0), String::new()), "{flag}");
        }
    }
}

#[test]
fn every_flag_with_a_value_is_accepted_short_and_long_and_missing_values_are_refused() {
    for (short, long, value) in VALUED {
        let equal = format!("{long}={value}");
        let attached = format!("{short}{value}");
        for words in [vec![*long, *value], vec![&equal]] {
            assert_eq!(tested(&words), (Some(0), String::new()), "{words:?}");
        }
        if !short.is_empty() {
            for words in [vec![*short, *value], vec![&attached]] {
                assert_eq!(tested(&words), (Some(0), String::new()), "{words:?}");
            }
        }
        let (code, said) = tested(&[long]);
        assert_eq!(code, Some(1), "{long}");
        assert!(said.contains(&format!("missing argument for option '{long}'")), "{said}");
    }
}

#[test]
fn optional_values_are_attached() {
    for word in
        ["--perf=all", "--debug=x", "-Mcore.%p", "--core-dump-pattern=core.%p", "--log-file=/x"]
    {
        assert_eq!(tested(&[word]), (Some(0), String::new()), "{word}");
    }
}

#[test]
fn flags_may_stand_together_and_be_repeated() {
    for words in [&["-nlD"][..], &["-D", "-D"], &["-lnDPG"], &["-nS3"], &["-D", "-n", "--vrrp"]] {
        assert_eq!(tested(words), (Some(0), String::new()), "{words:?}");
    }
}

#[test]
fn what_is_no_flag_ends_with_1_and_is_named() {
    for flag in ["-Z", "--no-such-flag", "-nZ", "--vrp"] {
        let (code, said) = tested(&[flag]);
        assert_eq!(code, Some(1), "{flag}");
        let name = if flag == "-nZ" { "-Z" } else { flag };
        assert!(said.contains(&format!("invalid option '{name}'")), "{said}");
        assert!(said.contains("--help"), "{said}");
    }
}

#[test]
fn bad_values_end_with_1_and_are_named() {
    for (words, named) in [
        (["-S", "8"], "8"),
        (["-S", "local9"], "local9"),
        (["-S", "mail"], "mail"),
        (["-u", "9"], ""),
        (["-u", "01777"], "01777"),
        (["-u", "none"], "none"),
    ] {
        let (code, said) = tested(&words);
        if words[1] == "9" {
            // Decimal, as C reads it.
            assert_eq!(code, Some(0));
            continue;
        }
        assert_eq!(code, Some(1), "{words:?}");
        assert!(said.contains(named), "{said}");
    }
}

#[test]
fn words_that_are_no_flags_are_said_and_ignored() {
    let files = Files::with("good.conf", GOOD);
    let run = run(&["-t", "-f", &files.name("good.conf"), "start", "now"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(run.out, "Unexpected argument(s): start now\n");
}

#[test]
fn version_and_help_go_to_standard_error_with_code_0() {
    for flag in ["-v", "--version"] {
        let run = run(&[flag]);
        assert_eq!((run.code, run.out.as_str()), (Some(0), ""));
        assert_eq!(run.err, format!("steadfast v{}\n", env!("CARGO_PKG_VERSION")));
    }
    for flag in ["-h", "--help"] {
        let run = run(&[flag]);
        assert_eq!((run.code, run.out.as_str()), (Some(0), ""));
        for word in ["Usage: steadfast", "check FILE", "explain KEYWORD", "--config-test"] {
            assert!(run.err.contains(word), "{}", run.err);
        }
    }
}

#[test]
fn the_help_has_every_option_of_keepalived_and_the_manual_has_all_of_the_help() {
    let help = run(&["--help"]).err;
    let plain = PLAIN.iter().map(|(short, long)| if short.is_empty() { *long } else { *short });
    let valued =
        VALUED.iter().map(|(short, long, _)| if short.is_empty() { *long } else { *short });
    // What is for those who debug keepalived is accepted, and no more.
    let untold = ["--flush-log-file", "--perf", "--debug", "--no-mem-check", "--config-fd"];
    for option in plain.chain(valued).filter(|it| !untold.contains(it)) {
        let is_told = help.split([' ', ',', '=', '[', '\n']).any(|word| word == option);
        assert!(is_told, "{option}: {help}");
    }

    let manual = include_str!("../../../../docs/man/steadfast.8").replace("\\-", "-");
    let manual: Vec<&str> = manual.split([' ', ',', '=', '[', '"', '\n']).collect();
    let (commands, options) = help.split_once("Options").expect("both");
    let commands = commands.lines().skip_while(|it| !it.starts_with("Commands")).skip(1);
    let commands = commands.filter(|it| it.starts_with("  ") && !it.starts_with("   "));
    let commands: Vec<&str> = commands.filter_map(|it| it.split_whitespace().next()).collect();
    assert!(commands.contains(&"server") && commands.contains(&"real-server"), "{commands:?}");
    let options = options.split([' ', ',', '=', '[', '\n']).filter(|it| it.starts_with('-'));
    for word in commands.into_iter().chain(options) {
        assert!(manual.contains(&word), "{word} is not in the manual");
    }
}

#[test]
fn called_keepalived_its_version_is_one_that_scripts_understand() {
    let files = Files::new();
    let link = files.path("keepalived");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_steadfast"), &link).unwrap();
    let run = called(&link, &["--version"]);
    assert_eq!(run.code, Some(0));
    // Ansible roles and monitoring search for `Keepalived v1.2.3`.
    let version = run.err.strip_prefix("Keepalived v").expect("its name");
    let number = version.split(' ').next().unwrap();
    assert!(number.split('.').all(|part| part.parse::<u32>().is_ok()), "{}", run.err);
    assert!(run.err.contains("steadfast"), "{}", run.err);
    assert!(called(&link, &["-h"]).err.starts_with("Usage: keepalived"));
}

#[test]
fn signum_prints_the_number_or_ends_with_1() {
    let numbers = [
        ("STOP", libc::SIGTERM),
        ("RELOAD", libc::SIGHUP),
        ("DATA", libc::SIGUSR1),
        ("STATS", libc::SIGUSR2),
        ("STATS_CLEAR", libc::SIGRTMAX() - 1),
        ("JSON", libc::SIGRTMIN() + 2),
    ];
    for (name, number) in numbers {
        for words in [vec!["--signum", name], vec![&format!("--signum={name}")[..]]] {
            let run = run(&words);
            assert_eq!((run.code, run.out), (Some(0), format!("{number}\n")), "{words:?}");
        }
    }
    let run = run(&["--signum=NOISE"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""));
    assert!(run.err.contains("NOISE"), "{}", run.err);
}

#[test]
fn a_mistyped_command_starts_nothing_under_our_own_name() {
    let run = run(&["chek", "good.conf"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("unknown command `chek`"), "{}", run.err);
    assert_eq!(run.out, "");
}
