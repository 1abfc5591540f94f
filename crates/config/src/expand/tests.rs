mod includes;

use super::*;
use crate::diagnostic::render_lines;
use crate::source::{IncludeAnswer, IncludedFile};

/// The pieces of an expansion, one a line, then what was told.
fn expand_set(set: &SourceSet, environment: &Environment) -> String {
    let mut expander = Expander::new(set, environment);
    let mut out = String::new();
    while let Some(event) = expander.next() {
        match event.what {
            What::Text(glyphs) => out.push_str(&crate::lexer::text(&glyphs)),
            What::Plain(plain) => out.push_str(plain.text),
            What::Open(_) => out.push('{'),
            What::Close(_) => out.push('}'),
        }
        out.push('\n');
    }
    out + &render_lines(set, &expander.findings.finish())
}

fn environment() -> Environment {
    let mut environment = Environment::of_host("node1.example.com");
    environment.variables.insert("HOME".to_owned(), "/root".to_owned());
    environment
}

#[track_caller]
fn check(text: &str, expect: &str) {
    let set = SourceSet::single("/etc/a.conf", text);
    assert_eq!(expand_set(&set, &environment()), expect);
}

#[test]
fn braces_split_lines_outside_quotes() {
    check("vrrp_instance X{\na { b } c }\n", "vrrp_instance X\n{\na\n{\nb\n}\nc\n}\n");
    check("a \"{\" b\n", "a \"{\" b\n");
    check("a\r\n{\r\n}\r\n", "a\n{\n}\n");
}

#[test]
fn conditions_keep_or_drop_one_line() {
    check("@node1 a\n@node2 b\n@^node1 c\n@^node2 d\n@node a\n", "a\nd\n");
    check("@node1 @^node2 a {\n@node2 b {\n}\n", "a\n{\n}\n");
    check("@node1 $X=1\n@node2 $X=2\nx $X\n", "x 1\n");
    check("{ @node1 a\n{ @node2 b }\n", "{\na\n{\n");
}

#[test]
fn parameters_are_used_before_blank_comma_parenthesis_and_end_or_in_braces() {
    check(
        "$A=1\n$A $A, $A) \"$A\" $A.5 ${A}.5 x$A\n",
        concat!(
            "1 1, 1) \"$A\" $A.5 1.5 x1\n",
            "/etc/a.conf:2:13: warning: `$A` is not expanded for the character that follows [LANG031]; write `${A}`\n",
            "/etc/a.conf:2:17: warning: `$A` is not expanded for the character that follows [LANG031]; write `${A}`\n",
        ),
    );
}

#[test]
fn a_value_may_be_empty_replaced_and_made_of_others() {
    check("$A=\nx ${A}y\n$A=  1 2  \nx $A\n", "x y\nx 1 2\n");
    check("$B=${A}b\n$A=a\nx $B\n$A=c\nx $B\n", "x ab\nx cb\n");
}

#[test]
fn an_undefined_parameter_stays_and_its_braces_open_no_block() {
    check(
        "x ${NO}y \"$NO\" 'a$'\n",
        concat!(
            "x ${NO}y \"$NO\" 'a$'\n",
            "/etc/a.conf:1:3: warning: parameter `NO` is not defined and stays as it is [LANG030]; ",
            "define it before its use with `$NO=VALUE`, or put the text in quotes\n",
        ),
    );
}

#[test]
fn predefined_parameters_come_from_the_environment_and_can_be_replaced() {
    check(
        "x ${_PWD}/y $_INSTANCE ${_ENV HOME} a${_HASH}b${_BANG}c # d\n",
        "x /etc/y node1 /root a#b!c\n",
    );
    check("$_PWD=/x\n${_PWD}\n", "/x\n");
}

#[test]
fn random_numbers_follow_the_seed() {
    let text = "random_seed 7\n${_RANDOM 10 20} ${_RANDOM 10 20}\n${_RANDOM}\n";
    let set = SourceSet::single("a", text);
    let first = expand_set(&set, &environment());
    let other = Environment { seed: 99, ..environment() };
    assert_eq!(first, expand_set(&set, &other));
    let numbers: Vec<u32> = first.split_whitespace().skip(2).map(|n| n.parse().unwrap()).collect();
    assert!(numbers[..2].iter().all(|n| (10..=20).contains(n)));
    assert!(numbers[2] <= 32767);
    check(
        "${_RANDOM 5 5} ${_RANDOM 9 x}\n",
        concat!(
            "5 26100\n",
            "/etc/a.conf:1:16: warning: the range of a random number cannot be read and is ignored [LANG035]; ",
            "write `${_RANDOM}`, `${_RANDOM MIN}` or `${_RANDOM MIN MAX}`\n"
        ),
    );
}

#[test]
fn a_definition_of_several_lines_is_a_block() {
    // A comment takes the backslash with it, and the definition ends.
    check("$X=a { \\\n  b 1 # c \\\nd\n$X\n", "d\na\n{\nb 1\n");
    check("$X=a { \\\n  b 1 \\\n }\n$X\nz\n", "a\n{\nb 1\n}\nz\n");
    check(
        "$X=a \\\n b\nx ${X} y\n",
        concat!(
            "x a\nb y\n",
            "/etc/a.conf:3:3: warning: `X` has several lines and is used among other words of a line ",
            "[LANG033]; use it alone on a line\n"
        ),
    );
}

#[test]
fn a_backslash_elsewhere_is_only_a_character() {
    check("a \\\nb\n", "a \\\nb\n");
}

#[test]
fn a_parameter_that_contains_itself_ends() {
    check(
        "$A=x ${A}\n$A\nb\n",
        concat!(
            "b\n",
            "/etc/a.conf:2:1: warning: parameter `A` contains itself; the line is ignored [LANG032]\n"
        ),
    );
    check(
        "$A=${B}${B}\n$B=${A}${A}\nx $A\nb\n",
        concat!(
            "b\n",
            "/etc/a.conf:3:1: warning: the line becomes too long by its parameters and is ignored ",
            "[LANG010]; a line may have 1024 bytes\n"
        ),
    );
}

#[test]
fn a_comment_in_a_value_cuts_the_line_where_it_is_used() {
    check("$A=\"a#b\"\nx $A y\n", "x \"a#b\" y\n");
    check("$A=a\\#b\nx $A {\ny\n", "x a\ny\n");
}

#[test]
fn sequences_repeat_their_line() {
    check("~SEQ(i, 3) a $i {\n", "a 1\n{\na 2\n{\na 3\n{\n");
    check("~SEQ(i, -2) a$i\n", "a-1\na-2\n");
    check("~SEQ(i, 0) a$i\n", "a1\na0\n");
    check("~SEQ(i, 3, 1) a$i\n", "a3\na2\na1\n");
    check("~SEQ(i, 0, 0x10, 32) a$i\n", "a0\na16\na32\n");
    check("~SEQx(i, 010, 9, 30) a$i\n", "a8\na11\na1a\n");
    check("$N=2\n$i=x\n~SEQ(i, $N) a$i\nb $i\n", "a1\na2\nb 2\n");
    check("l { ~SEQ(i, 2) 10.0.0.$i\n}\n", "l\n{\n10.0.0.1\n10.0.0.2\n}\n");
}

#[test]
fn sequences_nest_and_the_outer_one_varies_slowest() {
    check("~SEQ(i, 2) ~LST(j, a, $i) ${i}$j\n", "1a\n11\n2a\n22\n");
}

#[test]
fn lists_set_several_variables() {
    check(
        "~LST({a,b}, {1,2}, {3}, 4) $a-${b}.\n",
        concat!(
            "$a-2.\n$a-.\n$a-.\n",
            "/etc/a.conf:1:28: warning: `$a` is not expanded for the character that follows [LANG031]; write `${a}`\n"
        ),
    );
    check("~LST(n, eth0, \"a, b\") i $n\n", "i eth0\ni \"a, b\"\n");
}

#[test]
fn a_malformed_sequence_drops_its_line() {
    for text in [
        "~SEQ(i) a",
        "~LST(i, a b c) a",
        "~SEQ(i, 1, 0, 5) a",
        "~SEQ(i, 1, -1, 5) a",
        "~SEQ(i, 1z) a",
        "~SEQx(i, -1, 2) a",
        "~SEQ i, 2 a",
        "~SEQ(i, 2 a",
        "~SEQ(i, 2)",
        "~FOO(i, 2) a",
        "~",
        "~LST({a,b}, {1,2,3}) x",
        "~LST(1a, b) x",
        "~SEQ(i,1,2,3,4) x",
        "~SEQ(i,0x-5) x",
    ] {
        let set = SourceSet::single("a", format!("{text}\nb\n"));
        let out = expand_set(&set, &environment());
        assert!(out.starts_with("b\na:1:1: warning: the sequence cannot be read"), "{text}: {out}");
    }
}

#[test]
fn a_malformed_definition_is_told() {
    check(
        "$MY-X=3\n$X =3\nb\n",
        concat!(
            "b\n",
            "/etc/a.conf:1:1: warning: the definition of a parameter cannot be read and is ignored ",
            "[LANG034]; a name has letters, digits and `_`, and does not begin with a digit\n",
            "/etc/a.conf:2:1: warning: the definition of a parameter cannot be read and is ignored ",
            "[LANG034]; no blank may stand before `=`\n"
        ),
    );
}

#[test]
fn slashes_at_the_beginning_of_a_line_are_a_comment() {
    check(
        "// a { b\nc { //d } \" e\n http://x\n",
        concat!(
            "c\n{\nhttp://x\n",
            "/etc/a.conf:1:1: warning: `//` is no comment mark of this language; the rest of the line is ",
            "taken as a comment [LANG013]; begin the comment with `#` or `!`\n",
            "/etc/a.conf:2:5: warning: `//` is no comment mark of this language; the rest of the line is ",
            "taken as a comment [LANG013]; begin the comment with `#` or `!`\n"
        ),
    );
}

#[test]
fn long_lines_and_lines_with_nul_are_dropped_whole() {
    let long = "x".repeat(1025);
    check(
        &format!("a {{ {long}\nb\0\nc {}\n", "y".repeat(1022)),
        &format!(
            "c {}\n{}{}",
            "y".repeat(1022),
            "/etc/a.conf:1:1: warning: the line has 1029 bytes and is ignored whole [LANG010]; a line may \
         have 1024 bytes, its comment included\n",
            "/etc/a.conf:2:1: warning: the line has a NUL byte and is ignored [LANG011]\n"
        ),
    );
}

#[test]
fn text_that_is_not_utf8_is_told_outside_comments() {
    let set = SourceSet::single("a", &b"a \xe4 # \xe4\nb # \xe4\n"[..]);
    assert_eq!(
        expand_set(&set, &environment()),
        concat!(
            "a \u{fffd}\nb\n",
            "a:1:3: warning: the text is not UTF-8; what cannot be read is replaced by `\u{fffd}` [LANG012]\n"
        )
    );
}

#[test]
fn endless_work_stops_at_the_limits() {
    let small = Environment {
        limits: crate::syntax::Limits { lines: 1000, characters: 20_000 },
        ..environment()
    };
    for text in [
        "~SEQ(i, 9223372036854775807) a",
        "~SEQ(i, 999999) ~SEQ(j, 999999) a$i",
        "$A=x \\\n $A \\\n $A\n$A\n",
    ] {
        let set = SourceSet::single("a", text);
        let out = expand_set(&set, &small);
        assert!(out.contains("[LANG040]"), "{out}");
        assert!(out.lines().count() < 1200);
    }
}

#[test]
fn a_substituted_word_is_placed_at_its_use_and_at_its_definition() {
    let set = SourceSet::single("a", "$A=one two\n  x $A\n");
    let environment = environment();
    let mut expander = Expander::new(&set, &environment);
    let What::Text(line) = expander.next().unwrap().what else { panic!("a line was expected") };
    let words = crate::lexer::words(&line, crate::syntax::Quoting::Ordinary).words;
    assert_eq!(words[2].text, "two");
    assert_eq!(set.slice(words[2].span), "$A");
    assert_eq!(set.slice(words[2].definition.unwrap()), "one two");
}
