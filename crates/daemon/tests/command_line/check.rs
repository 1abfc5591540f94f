//! `check`: everything that is wrong, for people, editors and programs; and files that are no configuration.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use crate::program::{BAD, Files, GOOD, Run, run};

fn check(content: impl AsRef<[u8]>, words: &[&str]) -> Run {
    let files = Files::with("a.conf", content);
    let name = files.name("a.conf");
    let mut all = vec!["check", &name];
    all.extend(words);
    let run = run(&all);
    Run { out: files.without(&run.out), err: files.without(&run.err), ..run }
}

#[test]
fn a_good_file_ends_with_0() {
    let run = check(GOOD, &["--deny-warnings"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert!(run.out.starts_with("0 errors, 0 warnings"), "{}", run.out);
}

#[test]
fn errors_end_with_5() {
    assert_eq!(check(BAD, &[]).code, Some(5));
}

#[test]
fn warnings_end_with_0_unless_they_are_denied() {
    let text = GOOD.replace("priority 100", "priorty 100");
    let run = check(&text, &[]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.contains("did you mean `priority`?"), "{}", run.out);
    assert_eq!(check(&text, &["--deny-warnings"]).code, Some(5));
}

/// A check of a page with these lines.
fn page(check: &str, lines: &str, page: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 80 {{\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 192.0.2.11 80 {{\n  \
         {check} {{\n{lines}   url {{\n    path /\n{page}   }}\n  }}\n }}\n}}\n"
    )
}

#[test]
fn an_expression_that_is_none_is_an_error_at_its_place() {
    let text = page("HTTP_GET", "", "    regex \"all (is well\"\n");
    let run = check(&text, &["--format", "short"]);
    assert_eq!(run.code, Some(5), "{}", run.out);
    let line = "a.conf:9:11: error: `regex` is not a regular expression: missing closing parenthesis [LVS017]";
    assert!(run.out.starts_with(line), "{}", run.out);
    let good = page("HTTP_GET", "", "    regex \"(?i)all (?=is)\"\n");
    assert_eq!(check(&good, &["--deny-warnings"]).code, Some(0));
    let verb = check(page("HTTP_GET", "", "    regex \"a+(*SKIP)b\"\n"), &[]);
    assert_eq!(verb.code, Some(5), "{}", verb.out);
    assert!(verb.out.contains("`regex`: `(*SKIP)` is not executed"), "{}", verb.out);
    assert!(verb.out.contains("or write `(*PRUNE)`"), "{}", verb.out);
    let option = page("HTTP_GET", "", "    regex x\n    regex_options alt_bsux caseless\n");
    let run = check(&option, &[]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.contains("`regex_options alt_bsux` is not executed"), "{}", run.out);
}

#[test]
fn a_name_that_is_none_is_named_with_its_keyword() {
    for (lines, of_page, told) in [
        ("", "    virtualhost \"x y\"\n", "virtualhost x y"),
        ("   sni_name \"x y\"\n", "    virtualhost a.example\n", "sni_name x y"),
        ("   tls_verify\n   tls_name \"x y\"\n", "    virtualhost a.example\n", "tls_name x y"),
    ] {
        let text = page("SSL_GET", &format!("   enable_sni\n{lines}"), of_page);
        let run = check(&text, &["--format", "short"]);
        assert_eq!(run.code, Some(5), "{}", run.out);
        let reason = format!("SSL_GET cannot be made: `{told}` is no host name");
        assert!(run.out.contains(&reason), "{told}: {}", run.out);
    }
}

#[test]
fn certificates_that_cannot_be_had_are_errors() {
    let missing = page("SSL_GET", "   tls_verify\n   tls_ca_file /nowhere/ca.pem\n", "");
    let run = check(&missing, &["--format", "short"]);
    assert_eq!(run.code, Some(5), "{}", run.out);
    let reason = "SSL_GET cannot be made: `/nowhere/ca.pem`: No such file";
    assert!(run.out.contains(reason), "{}", run.out);
    let own = "SSL {\n certificate /nowhere/a.pem\n key /nowhere/a.key\n}\n".to_owned();
    let run = check(own.clone() + &page("SSL_GET", "", ""), &["--format", "short"]);
    assert_eq!(run.code, Some(5), "{}", run.out);
    assert!(run.out.contains("SSL: `/nowhere/a.pem`: No such file"), "{}", run.out);
    let locked = concat!(env!("CARGO_MANIFEST_DIR"), "/../probe/tests/certificates/");
    let own_with = |lines: &str| {
        let files = format!(" certificate {locked}client.pem\n key {locked}encrypted.key\n");
        check(
            format!("SSL {{\n{files}{lines}}}\n{}", page("SSL_GET", "", "")),
            &["--format", "short"],
        )
    };
    assert_eq!(own_with(" password \"open sesame\"\n").code, Some(0));
    let run = own_with("");
    assert!(run.out.contains("encrypted.key`: the key is encrypted"), "{}", run.out);
    let run = own_with(" password barley\n");
    assert_eq!(run.code, Some(5), "{}", run.out);
    assert!(run.out.contains("encrypted.key`: the key has another pass phrase"), "{}", run.out);
    assert!(!run.out.contains("barley"), "{}", run.out);
    let health = page("GRPC_CHECK", "   tls\n   tls_verify\n   tls_ca_file /nowhere/ca.pem\n", "")
        .replace("   url {\n    path /\n   }\n", "");
    let run = check(health, &["--format", "short"]);
    assert_eq!(run.code, Some(5), "{}", run.out);
    assert!(run.out.contains("GRPC_CHECK cannot be made: `/nowhere/ca.pem`: No"), "{}", run.out);
    // Nobody needs them.
    assert_eq!(check(own + &page("HTTP_GET", "", ""), &[]).code, Some(0));
}

#[test]
fn people_see_lines_and_carets() {
    let run = check(BAD, &[]);
    let findings = run.out.lines().take_while(|line| !line.contains(" keywords: "));
    insta::assert_snapshot!("for_people", findings.collect::<Vec<_>>().join("\n"));
}

#[test]
fn editors_see_one_line_each() {
    let run = check(BAD, &["--format", "short"]);
    assert_eq!(run.code, Some(5));
    insta::assert_snapshot!("for_editors", run.out);
}

#[test]
fn programs_see_json() {
    let run = check(BAD, &["--format=json"]);
    assert_eq!(run.code, Some(5));
    serde_json::from_str::<serde_json::Value>(&run.out).expect("JSON");
    insta::assert_snapshot!("for_programs", run.out);
}

#[test]
fn an_unknown_format_ends_with_1() {
    let run = check(GOOD, &["--format=xml"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("human, short, json"), "{}", run.err);
}

#[test]
fn what_is_no_configuration_is_refused_for_what_it_is() {
    let files = Files::new();
    let directory = files.name("conf.d");
    std::fs::create_dir(&directory).unwrap();
    let fifo = files.name("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    for (path, reason) in [
        (directory.as_str(), "regular file"),
        (fifo.as_str(), "regular file"),
        ("/dev/zero", "regular file"),
        (env!("CARGO_BIN_EXE_steadfast"), "must not be executable"),
        ("/nowhere/at/all", "does not exist"),
    ] {
        let run = run(&["check", path]);
        assert_eq!(run.code, Some(5), "{path}");
        assert!(run.out.contains(reason), "{path}: {}", run.out);
        assert!(!run.out.contains("does not exist") || path == "/nowhere/at/all", "{}", run.out);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused_as_a_whole() {
    let mut bytes = std::fs::read(env!("CARGO_BIN_EXE_steadfast")).unwrap();
    bytes.truncate(1 << 20);
    let run = check(&bytes, &["--format=short"]);
    assert_eq!((run.code, run.err.as_str()), (Some(5), ""));
    assert!(run.out.contains("binary data, not text"), "{}", run.out);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
}

#[test]
fn a_stray_nul_costs_its_line_only() {
    let run = check(GOOD.replace("advert_int 1", "advert_int 1\0"), &["--format=short"]);
    assert_eq!(run.code, Some(0), "{}", run.out);
    assert!(run.out.starts_with("a.conf:5:"), "{}", run.out);
    assert_eq!(run.out.lines().count(), 1, "{}", run.out);
}

#[test]
fn a_line_of_ten_megabytes_is_read_or_refused_at_once() {
    let long = format!("{GOOD}# {}\n", "x".repeat(10 << 20));
    let word = format!("{GOOD}{}\n", "x".repeat(10 << 20));
    let blocks = "a { ".repeat(1 << 20);
    let opened =
        format!("vrrp_instance VI_1 {{ virtual_ipaddress {{ {}", "10.0.0.1 ".repeat(1 << 20));
    for text in [long, word, blocks, opened] {
        let begin = Instant::now();
        let run = check(&text, &["--format=short"]);
        assert!(begin.elapsed() < Duration::from_secs(20), "took {:?}", begin.elapsed());
        assert!(matches!(run.code, Some(0 | 5)), "{:?}: {}", run.code, run.err);
        assert_eq!(run.err, "");
        assert!(run.out.len() < 1 << 20, "{} bytes of findings", run.out.len());
    }
}

/// A file whose only instance has its key in a file of this content and mode.
fn key_file(content: &[u8], mode: u32) -> Run {
    let files = Files::with("vrrp.key", content);
    let path = files.name("vrrp.key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    check(GOOD.replace("priority 100", &format!("auth_hmac {{\nkey 1 file:{path}\n}}")), &[])
}

#[test]
fn the_file_of_a_key_is_for_its_owner_alone() {
    let key = b"0123456789abcdef0123456789abcdef\n";
    assert_eq!(key_file(key, 0o600).code, Some(0));
    for mode in [0o640, 0o604, 0o620] {
        let run = key_file(key, mode);
        assert_eq!(run.code, Some(5), "{mode:o}");
        assert!(run.out.contains(&format!("(mode {mode:04o}): chmod 600 it")), "{}", run.out);
    }
}

#[test]
fn the_content_of_a_key_file_is_text_or_hexadecimal_of_the_right_length() {
    let hexadecimal = [b"hex:".as_slice(), &[b'a'; 128], b"\n"].concat();
    assert_eq!(key_file(&hexadecimal, 0o600).code, Some(0));
    let says = |content: &[u8], expected: &str| {
        let run = key_file(content, 0o600);
        assert!(run.code == Some(5) && run.out.contains(expected), "{}", run.out);
    };
    says(b"", "key 1 has not 32 to 64 bytes, but 0");
    says(&[b'x'; 65], "key 1 has not 32 to 64 bytes, but 65");
    says(b"hex:0g", "is not hexadecimal");
    says(b"hex:000", "is not hexadecimal");
    says(&[b'x'; 4096], "longer than 256 bytes");
}

#[test]
fn a_key_file_that_is_not_there_is_an_error() {
    let run = check(GOOD.replace("priority 100", "auth_hmac {\nkey 1 file:/nowhere/k\n}"), &[]);
    assert_eq!(run.code, Some(5));
    assert!(run.out.contains("/nowhere/k: No such file or directory"), "{}", run.out);
    let run = check(GOOD.replace("priority 100", "auth_hmac {\nkey 1 file:k\n}"), &[]);
    assert!(run.out.contains("k is no absolute path"), "{}", run.out);
}

#[test]
fn keys_and_passwords_are_not_shown() {
    let text = GOOD.replace(
        "priority 100",
        "auth_hmac {\nkey 1 kept-to-ourselves\nkey 300 kept-to-ourselves\nkey 2 hex:5ec2e7 kept-to-ourselves\n}\n\
         authentication {\nauth_type PASS\nauth_pass kept-to-ourselves kept-to-ourselves\n}",
    );
    for format in ["human", "short", "json"] {
        let run = check(&text, &["--format", format]);
        assert_eq!(run.code, Some(5));
        assert!(run.out.contains("VRRP018"), "{}", run.out);
        assert!(!run.out.contains("to-ourselves") && !run.out.contains("5ec2e7"), "{}", run.out);
    }
}
