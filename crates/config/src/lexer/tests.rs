use super::*;
use crate::source::SourceSet;

fn split(text: &str, quoting: Quoting) -> Vec<String> {
    let line = glyphs(FileId::default(), 0, text);
    words(&remove_comment(&line).0, quoting).words.into_iter().map(|word| word.text).collect()
}

#[test]
fn a_comment_begins_anywhere_outside_double_quotes() {
    assert_eq!(split("auth_pass ab#cd", Quoting::Ordinary), ["auth_pass", "ab"]);
    assert_eq!(split("auth_pass ab!cd # e", Quoting::Ordinary), ["auth_pass", "ab"]);
    assert_eq!(split("auth_pass \"ab#cd\" # e", Quoting::Ordinary), ["auth_pass", "ab#cd"]);
    assert_eq!(split("auth_pass 'ab#cd'", Quoting::Ordinary), ["auth_pass", "'ab"]);
    assert_eq!(split(r"auth_pass ab\#c\!d#e", Quoting::Ordinary), ["auth_pass", "ab#c!d"]);
    assert_eq!(split(r##""a\"#b" c"##, Quoting::Script), [r##"a\"#b"##, "c"]);
}

#[test]
fn an_ordinary_quote_begins_a_new_word_and_nothing_is_escaped() {
    assert_eq!(split("ab\"cd ef\"gh", Quoting::Ordinary), ["ab", "cd ef", "gh"]);
    assert_eq!(split("a \"\" b", Quoting::Ordinary), ["a", "", "b"]);
    assert_eq!(split(r"a\ b", Quoting::Ordinary), [r"a\", "b"]);
    assert_eq!(split("\ta\x0bb\x0cc  ", Quoting::Ordinary), ["a", "b", "c"]);
}

#[test]
fn script_words_join_adjacent_parts_and_keep_escapes() {
    assert_eq!(split("a\"b c\"'d' e", Quoting::Script), ["ab cd", "e"]);
    assert_eq!(split(r#""/bin/sh -c 'x y'" root"#, Quoting::Script), ["/bin/sh -c 'x y'", "root"]);
    assert_eq!(split(r"a\ b c", Quoting::Script), [r"a\ b", "c"]);
}

#[test]
fn regex_words_interpret_escapes_at_once() {
    assert_eq!(split(r#""a\tb\x41\101\cA\E\.\"" "#, Quoting::Regex), ["a\tbAA\x01\x1b.\""]);
    assert_eq!(split(r"\x4G \18 \x", Quoting::Regex), ["\x04G", "\x018", "x"]);
}

#[test]
fn an_unmatched_quote_is_placed() {
    let line = glyphs(FileId::default(), 0, "a \"b c");
    let found = words(&line, Quoting::Ordinary);
    assert_eq!(found.unmatched, Some(Span::new(FileId::default(), 2, 3)));
    assert_eq!(found.words[1].text, "b c");
}

#[test]
fn the_span_of_a_quoted_word_holds_its_quotes() {
    let set = SourceSet::single("x", "  kw \"a b\" c");
    let line = glyphs(FileId::default(), 0, set.files()[0].text());
    let spans: Vec<_> =
        words(&line, Quoting::Ordinary).words.iter().map(|word| set.slice(word.span)).collect();
    assert_eq!(spans, ["kw", "\"a b\"", "c"]);
}
