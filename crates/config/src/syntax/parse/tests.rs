use super::*;
use crate::diagnostic::render_lines;
use crate::syntax::Quoting;

/// Blocks `b` and lists `l` nest anywhere, `v` has one argument, `s` is a script; all else is unknown.
struct Letters;

impl Grammar for Letters {
    fn form(&self, _path: &[&str], keyword: &str) -> Option<Form> {
        let value = Form { min_arguments: 1, max_arguments: Some(1), ..Form::default() };
        match keyword {
            "b" => Some(Form { body: Body::Block, max_arguments: None, ..Form::default() }),
            "l" => Some(Form { body: Body::List, ..Form::default() }),
            "v" => Some(value),
            "s" => Some(Form { quoting: Quoting::Script, max_arguments: Some(3), ..value }),
            _ => None,
        }
    }
}

fn parsed(text: &str) -> (SourceSet, Tree, Vec<Diagnostic>) {
    let set = SourceSet::single("a", text);
    let (tree, diagnostics) = parse(&set, &Environment::of_host("h"), &Letters);
    (set, tree, diagnostics)
}

#[test]
fn spans_say_where_everything_is_written() {
    let (set, tree, _) = parsed("b one \"two\" { v 1 # c\n}\n");
    let head = &tree.directives[0];
    assert_eq!(set.slice(head.span), "b one \"two\"");
    assert_eq!(set.slice(head.block.as_ref().unwrap().span), "{ v 1 # c\n}");
    assert_eq!(set.slice(head.children()[0].arguments[0].span), "1");
    assert!(head.arguments[1].quoted && !head.arguments[0].quoted);
}

#[test]
fn a_block_out_of_a_parameter_is_placed_at_its_use() {
    let (set, tree, _) = parsed("$X=b { \\\n v 7 \\\n}\n  $X\n");
    let value = &tree.directives[0].children()[0].arguments[0];
    assert_eq!(value.text, "7");
    assert_eq!(set.location(value.span).line, 4);
    assert_eq!(set.slice(value.definition.unwrap()), "v 7");
}

#[test]
fn a_comment_behind_the_last_argument_takes_braces_with_it() {
    let (set, tree, diagnostics) = parsed("b {\nv 1 //x { } \"\nv //x\n}\n");
    assert_eq!(tree.print(&Letters), "b {\n    v 1\n    v \"//x\"\n}\n");
    let told = render_lines(&set, &diagnostics);
    assert!(told.starts_with("a:2:5: warning: ") && told.lines().count() == 1, "{told}");
}

#[test]
fn an_unknown_block_is_raw_and_balanced_braces_are_believed() {
    let (_, tree, diagnostics) = parsed("b {\nx 1 {\nb {\n}\ns 'a b'\n}\nv 2\n}\n");
    assert_eq!(diagnostics, []);
    let raw = &tree.directives[0].children()[0];
    assert_eq!(raw.children()[1].arguments[0].text, "'a");
    assert_eq!(tree.directives[0].children()[1].keyword, "v");
}

#[test]
fn an_include_that_a_sequence_makes_is_an_error() {
    let (set, tree, diagnostics) = parsed("b { ~SEQ(i, 2) include x$i\n}\n");
    assert!(tree.directives[0].children().is_empty());
    assert_eq!(
        render_lines(&set, &diagnostics),
        "a:1:16: error: `include` is put together by parameters and reads no file [LANG006]; \
         write the whole directive on a line of its own\n"
    );
}

#[test]
fn diagnostics_are_in_the_order_of_the_file() {
    let (_, _, diagnostics) = parsed("v \"1\nx ${NO}\nv \"2\nx ${NO}\n}\n");
    let lines: Vec<_> = diagnostics.iter().map(|each| each.primary.unwrap().start).collect();
    assert!(lines.len() == 5 && lines.is_sorted());
}
