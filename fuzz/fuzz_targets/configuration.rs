//! Any bytes as a configuration: parsed to a tree and diagnostics that can be printed and rendered, and the printed
//! tree parses again. Includes are answered with the same bytes, up to a few files.
#![no_main]

use config::diagnostic::{Style, render_human, render_json, render_lines};
use config::source::{IncludeAnswer, IncludedFile, SourceSet};
use config::syntax::{Body, Environment, Form, Grammar, Limits, Quoting, parse};
use libfuzzer_sys::fuzz_target;

/// Forms by the first letter, so that the fuzzer need not know keywords.
struct Letters;

impl Grammar for Letters {
    fn form(&self, _path: &[&str], keyword: &str) -> Option<Form> {
        let value = Form { min_arguments: 1, max_arguments: Some(2), ..Form::default() };
        match keyword.as_bytes().first()? {
            b'b' => Some(Form { body: Body::Block, ..value }),
            b'l' => Some(Form { body: Body::List, max_arguments: None, ..value }),
            b's' => Some(Form { quoting: Quoting::Script, ..value }),
            b'r' => Some(Form { quoting: Quoting::Regex, ..value }),
            b'v' => Some(value),
            _ => None,
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut files = 0;
    let set = SourceSet::load("top", &mut |request| {
        files += 1;
        let name = format!("{}{}", request.pattern, files % 3);
        let file = IncludedFile { name, content: Ok(bytes.to_vec()) };
        IncludeAnswer { files: if files < 8 { vec![file] } else { Vec::new() } }
    });
    assert_eq!(SourceSet::from_bytes(&set.to_bytes()).as_ref(), Ok(&set));
    let environment = Environment {
        limits: Limits { lines: 2000, characters: 50_000 },
        ..Environment::of_host("node1")
    };
    let (tree, diagnostics) = parse(&set, &environment, &Letters);
    let few = &diagnostics[..diagnostics.len().min(20)];
    render_human(&set, few, Style::default());
    render_lines(&set, few);
    render_json(&set, few);
    let printed = SourceSet::single("printed", tree.print(&Letters));
    parse(&printed, &environment, &Letters);
});
