//! What must hold for every configuration: printing a tree and parsing it is identity, and no bytes at all
//! make the parser fail, hang or grow.

#![expect(clippy::unwrap_used, reason = "a panic fails the test, as it should")]

mod support;

use std::time::Duration;

use bolero::{TypeGenerator, check};
use config::diagnostic::{Severity, Style, render_human, render_json, render_lines, worst};
use config::source::{IncludeAnswer, IncludedFile, SourceSet, Span};
use config::syntax::{Block, Directive, Environment, Limits, Tree, Word, parse, split_command};
use proptest::prelude::*;

use support::SmallGrammar;

/// A directive without its place: words, whether each is quoted, and the block.
#[derive(Debug, PartialEq)]
struct Shape {
    words: Vec<(String, bool)>,
    block: Option<Vec<Self>>,
}

fn shape(directives: &[Directive]) -> Vec<Shape> {
    let line = |directive: &Directive| Shape {
        words: directive.words().map(|word| (word.text.clone(), word.quoted)).collect(),
        block: directive.block.as_ref().map(|block| shape(&block.directives)),
    };
    directives.iter().map(line).collect()
}

fn word(text: impl Into<String>, quoted: bool) -> Word {
    Word { quoted, ..Word::new(text, Span::default()) }
}

fn directive(keyword: &str, arguments: Vec<Word>, block: Option<Vec<Directive>>) -> Directive {
    let block = block.map(|directives| Block { directives, span: Span::default() });
    Directive { keyword: word(keyword, false), arguments, block, span: Span::default() }
}

/// A word of an ordinary value: anything but a double quote, blanks and marks only where quoted.
fn ordinary() -> impl Strategy<Value = Word> {
    prop_oneof![
        "[a-zA-Z0-9_.:/%+-]{1,12}"
            .prop_filter("no comment", |text| !text.starts_with("//"))
            .prop_map(|text| word(text, false)),
        "[a-z #!{}'\\$@~;,()0-9é報]{0,12}".prop_map(|text| word(text, true)),
    ]
}

/// A script word: escapes are part of its text.
fn script() -> impl Strategy<Value = Word> {
    "([a-z/ #{}'$|-]|\\\\[a-z\"'\\\\]){1,20}".prop_map(|text| word(text, true))
}

/// A regex word: any printable text, and tabs.
fn regex() -> impl Strategy<Value = Word> {
    "[ -~\té\x01]{1,20}".prop_map(|text| word(text, true))
}

fn instance() -> impl Strategy<Value = Directive> {
    let line = prop_oneof![
        ordinary().prop_map(|argument| directive("interface", vec![argument], None)),
        Just(directive("nopreempt", vec![], None)),
        script().prop_map(|command| directive("notify", vec![command, word("root", false)], None)),
        ("[a-z]{8}", prop::collection::vec(ordinary(), 0..3))
            .prop_map(|(keyword, arguments)| directive(&keyword, arguments, None)),
        prop::collection::vec(("[0-9.]{1,9}", prop::collection::vec(ordinary(), 0..3)), 0..4)
            .prop_map(|entries| {
                let entries =
                    entries.into_iter().map(|(first, rest)| directive(&first, rest, None));
                directive("virtual_ipaddress", vec![], Some(entries.collect()))
            }),
        ordinary().prop_map(|password| {
            let inside = vec![directive("auth_pass", vec![password], None)];
            directive("authentication", vec![], Some(inside))
        }),
    ];
    (ordinary(), prop::collection::vec(line, 0..6))
        .prop_map(|(name, lines)| directive("vrrp_instance", vec![name], Some(lines)))
}

fn server() -> impl Strategy<Value = Directive> {
    regex().prop_map(|text| {
        let url = directive("url", vec![], Some(vec![directive("regex", vec![text], None)]));
        let check = directive("HTTP_GET", vec![], Some(vec![url]));
        let address = || vec![word("192.0.2.1", false), word("80", false)];
        let real = directive("real_server", address(), Some(vec![check]));
        directive("virtual_server", address(), Some(vec![real]))
    })
}

proptest! {
    #[test]
    fn a_printed_tree_parses_to_the_same_tree(
        directives in prop::collection::vec(prop_oneof![3 => instance(), 1 => server()], 0..5),
    ) {
        let tree = Tree { directives };
        let printed = tree.print(&SmallGrammar);
        let set = SourceSet::single("printed", printed.as_str());
        let (again, diagnostics) = parse(&set, &Environment::of_host("h"), &SmallGrammar);
        prop_assert_eq!(worst(&diagnostics).filter(|worst| *worst == Severity::Error), None);
        prop_assert_eq!(shape(&again.directives), shape(&tree.directives), "{}", printed);
    }
}

fn environment() -> Environment {
    Environment {
        limits: Limits { lines: 2000, characters: 50_000 },
        ..Environment::of_host("node1")
    }
}

/// Parses, renders and walks whatever comes.
fn swallow(set: &SourceSet) {
    let (tree, diagnostics) = parse(set, &environment(), &SmallGrammar);
    let style = Style { colour: false, width: 80 };
    assert_eq!(render_lines(set, &diagnostics).lines().count(), diagnostics.len());
    let few = diagnostics.get(..diagnostics.len().min(20)).unwrap();
    render_human(set, few, style);
    render_json(set, few);
    let printed = tree.print(&SmallGrammar);
    let _ = split_command(&printed);
    let mut last = (0, 0);
    for diagnostic in &diagnostics {
        if let Some(span) = diagnostic.primary {
            let place = (span.file.index(), usize::try_from(span.start).unwrap());
            assert!(place >= last, "diagnostics are in the order of the files");
            assert!(set.file(span.file).is_some());
            last = place;
        }
    }
}

#[test]
fn any_bytes_are_parsed_to_an_end() {
    check!().with_test_time(Duration::from_secs(2)).for_each(|bytes: &[u8]| {
        swallow(&SourceSet::single("fuzz.conf", bytes));
    });
}

/// Pieces of the language, so that nonsense is likely to be near sense.
#[derive(Clone, Copy, Debug, TypeGenerator)]
enum Piece {
    Newline,
    Blank,
    Open,
    Close,
    Quote,
    Single,
    Backslash,
    Hash,
    Slashes,
    Instance,
    Addresses,
    Authentication,
    Notify,
    Priority,
    Define,
    DefineOpen,
    Use,
    UseBraced,
    Random,
    Condition,
    Negated,
    Sequence,
    Long,
    List,
    Groups,
    Include,
    IncludeCheck,
    Word,
    Wide,
    Nul,
    Bad,
}

impl Piece {
    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Newline => b"\n",
            Self::Blank => b" \t",
            Self::Open => b" {",
            Self::Close => b"}",
            Self::Quote => b"\"",
            Self::Single => b"'",
            Self::Backslash => b"\\",
            Self::Hash => b"#",
            Self::Slashes => b" //",
            Self::Instance => b"\nvrrp_instance VI {\n",
            Self::Addresses => b"\n  virtual_ipaddress {\n",
            Self::Authentication => b"\n  authentication {",
            Self::Notify => b"\n notify ",
            Self::Priority => b"\n  priority 1",
            Self::Define => b"\n$A=",
            Self::DefineOpen => b"\n$A=x \\\n $A y\\\n $B",
            Self::Use => b" $A",
            Self::UseBraced => b"${A}",
            Self::Random => b"${_RANDOM 1 9}",
            Self::Condition => b"\n@node1 ",
            Self::Negated => b"@^node1 ",
            Self::Sequence => b"\n~SEQ(A, 1, 5) ",
            Self::Long => b"\n~SEQ(B, 99999999) ",
            Self::List => b"\n~LST(A, 1, $B) ",
            Self::Groups => b"\n~LST({A,B}, {1,2}, {3}) ",
            Self::Include => b"\ninclude {a,b,{c,d}}*\n",
            Self::IncludeCheck => b"\ninclude_check +match\n",
            Self::Word => b"w",
            Self::Wide => "報".as_bytes(),
            Self::Nul => b"\0",
            Self::Bad => b"\xff",
        }
    }
}

#[test]
fn any_mixture_of_the_language_is_parsed_to_an_end() {
    let pieces = check!().with_test_time(Duration::from_secs(3)).with_type::<Vec<Piece>>();
    pieces.for_each(|pieces| {
        let text: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes()).copied().collect();
        let mut files = 0;
        let set = SourceSet::load("top", &mut |request| {
            files += 1;
            let name = format!("{}{}", request.pattern.trim_end_matches('*'), files % 5);
            let file = IncludedFile { name, content: Ok(text.clone()) };
            IncludeAnswer { files: if files < 40 { vec![file] } else { Vec::new() } }
        });
        assert_eq!(SourceSet::from_bytes(&set.to_bytes()).as_ref(), Ok(&set));
        swallow(&set);
    });
}

#[test]
fn any_bytes_as_a_source_set_are_refused_or_read() {
    check!().with_test_time(Duration::from_secs(1)).for_each(|bytes: &[u8]| {
        let _ = SourceSet::from_bytes(bytes);
        let damaged = [b"steadfast sources 1\n", bytes].concat();
        let _ = SourceSet::from_bytes(&damaged);
    });
}

/// Texts that a naive implementation never finishes.
#[test]
fn known_bombs_end_in_time() {
    let bombs = [
        "}".repeat(1 << 16),
        "{\n".repeat(1 << 18),
        format!("{}\n", "}".repeat(1024)).repeat(1000),
        format!("{}\n", "}include".repeat(128)).repeat(1000),
        format!("{}\n", "{@".repeat(512)).repeat(1000),
        format!("{}\n", "{$".repeat(512)).repeat(1000),
        format!("{}\n", "${a".repeat(341)).repeat(1000),
        format!("$a=\n{}\n", "${a}".repeat(256)).repeat(1000),
        format!("{}\n", "{@node1 ".repeat(120)).repeat(2000),
        format!("{}\n", "{$x=1 ".repeat(120)).repeat(2000),
        "$A=$A ${A}\n$A\n".repeat(2000),
        "~SEQ(a,1000) ".repeat(60) + "x\n",
        format!("$A={}\n", "x \\\n ${A} ".repeat(3000)) + "\n$A\n",
        format!("$A={}\n", "x \\\n".repeat(30_000)) + &"$A\n".repeat(30_000),
        format!("$A={}\n", "x \\\n".repeat(300_000)) + &"$A\n".repeat(300_000),
        "~LST(a,b) $x=1\n".repeat(100_000),
        "a ".repeat(1 << 20),
        "\"\n".repeat(1 << 16),
        "vrrp_instance a\n".repeat(1 << 14),
        "vrrp_instance a {\n".repeat(1 << 14),
    ];
    for bomb in bombs {
        let set = SourceSet::single("bomb", bomb);
        let (_, diagnostics) = parse(&set, &Environment::of_host("node1"), &SmallGrammar);
        assert!(diagnostics.len() <= 4010);
    }
}
