//! The short way of plain lines and the long way of all others give the same tree and the same findings, for
//! whatever text: compared piece by piece, places included.

#![expect(clippy::disallowed_methods, reason = "tests read their fixtures")]

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::keyword::Keywords;
use crate::source::{IncludeAnswer, IncludedFile};
use crate::syntax::Limits;

fn both_ways(set: &SourceSet, environment: &Environment) {
    let short = read(set, environment, &Keywords, true, Tree::default);
    let long = read(set, environment, &Keywords, false, Tree::default);
    assert_eq!(short, long);
}

/// Words of the language and its marks: plain lines are likely, and so is everything near them.
fn piece() -> impl Strategy<Value = &'static str> {
    let lines = prop::sample::select(vec![
        "vrrp_instance VI {\n",
        "  state BACKUP\n",
        "\tpriority  100  \n",
        "virtual_ipaddress { 192.0.2.1/24 dev eth0 192.0.2.2 }\n",
        "virtual_ipaddress {\n 2001:db8::1/64 brd - # one\n}\n",
        "notify /bin/true a b\n",
        "notify \"/bin/true a\" b\n",
        "vrrp_instance A { notify '/bin/x y' z\n",
        "real_server 192.0.2.1 80 {\n weight 1 } // two\n",
        "url { path /a//b }\n",
        "}\n",
        "} }\n",
        "{\n",
        "$X=1\n",
        "$Y=a \\\n b { \\\n c }\n",
        "@node1 state MASTER\n",
        "@^node1 state MASTER\n",
        "~SEQ(i, 3) x $i {\n",
        "include sub.conf\n",
        "b { include sub.conf }\n",
        "includes x\n",
        "include_check +match\n",
        "global_defs { random_seed 7 }\n",
        "random_seed 7 # seven\n",
        "priority ${_RANDOM 1 9}\n",
        "\n",
        "   \t\r\n",
        "# comment { $X \" é\n",
        "a ! comment \0 {\n",
        "unknown {\n",
    ]);
    let marks = prop::sample::select(vec![
        "\n",
        "\n",
        "\n",
        " ",
        "\t",
        "\x0b",
        "\x0c",
        "\r",
        "{",
        "}",
        "/",
        "//",
        "\"",
        "'",
        "\\",
        "#",
        "!",
        "$X",
        "${X}",
        "$Y",
        "@",
        "~",
        "a",
        "b=",
        "include",
        "random_seed",
        "é",
        "\0",
        "\u{fffd}",
        "\x01",
    ]);
    prop_oneof![3 => lines, 2 => marks]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_say_the_same_of_any_text(
        pieces in prop::collection::vec(piece(), 0..40),
        included in prop::collection::vec(piece(), 0..6),
        lines in prop_oneof![4 => Just(1_usize << 12), 1 => 0_usize..40],
        characters in prop_oneof![4 => Just(1_usize << 16), 1 => 0_usize..400],
        bad in any::<bool>(),
    ) {
        let mut top = pieces.concat().into_bytes();
        top.extend_from_slice(if bad { b"a \xff b\n" } else { b"" });
        let included = included.concat().into_bytes();
        let set = SourceSet::load("top", &mut |request| {
            let bytes = if request.by.is_none() { top.clone() } else { included.clone() };
            let file = IncludedFile { name: request.pattern.to_owned(), content: Ok(bytes) };
            IncludeAnswer { files: vec![file] }
        });
        let limits = Limits { lines, characters };
        both_ways(&set, &Environment { limits, ..Environment::of_host("node1") });
    }
}

#[test]
fn lines_at_the_limit_of_their_length_take_either_way_alike() {
    for length in 1020..1030 {
        let text = format!(
            "global_defs {{\n{}\n{} #{}\n}}\n",
            "x".repeat(length),
            "y",
            "z".repeat(length)
        );
        both_ways(&SourceSet::single("long", text), &Environment::of_host("node1"));
    }
}

#[test]
fn fixtures_and_examples_take_either_way_alike() {
    let mut compared = 0;
    for folder in ["tests/valid", "tests/invalid", "../../examples"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let set = SourceSet::single("fixture", std::fs::read(path).unwrap());
                both_ways(&set, &Environment::of_host("node1"));
                compared += 1;
            }
        }
    }
    assert!(compared > 20, "{compared}");
}
