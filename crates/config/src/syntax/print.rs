//! Printing a tree as a configuration that parses to the same tree.

use super::{Body, Directive, Grammar, Quoting, Tree, Word};

impl Tree {
    /// The tree as text: one directive a line, blocks indented by four blanks, words quoted where they must be.
    ///
    /// Parsing the text gives the same words again, unless one of them holds what its quoting style cannot say
    /// (a double quote in an ordinary word).
    pub fn print(&self, grammar: &dyn Grammar) -> String {
        let mut out = String::new();
        print_block(&self.directives, &mut Vec::new(), Some(grammar), &mut out);
        out
    }
}

/// Prints directives; the grammar is absent within lists and raw blocks.
fn print_block<'a>(
    directives: &'a [Directive],
    path: &mut Vec<&'a str>,
    grammar: Option<&dyn Grammar>,
    out: &mut String,
) {
    let indentation = "    ".repeat(path.len());
    for directive in directives {
        let keyword = directive.keyword.as_str();
        let form = grammar.and_then(|grammar| grammar.form(path, keyword));
        let quoting = form.map_or(Quoting::Ordinary, |form| form.quoting);
        out.push_str(&indentation);
        out.push_str(&quoted(&directive.keyword, Quoting::Ordinary));
        for argument in &directive.arguments {
            out.push(' ');
            out.push_str(&quoted(argument, quoting));
        }
        if let Some(block) = &directive.block {
            out.push_str(" {\n");
            path.push(keyword);
            let inside = grammar.filter(|_| form.is_some_and(|form| form.body == Body::Block));
            print_block(&block.directives, path, inside, out);
            path.pop();
            out.push_str(&indentation);
            out.push('}');
        }
        out.push('\n');
    }
}

fn quoted(word: &Word, quoting: Quoting) -> String {
    let text = word.as_str();
    let special = |c: char| crate::lexer::is_blank(c) || matches!(c, '#' | '!' | '{' | '}' | '\'');
    let first = text.chars().next();
    let marks = text.starts_with("//") || matches!(first, None | Some('@' | '$' | '~'));
    if !word.quoted && !marks && !text.contains(special) && quoting != Quoting::Regex {
        return text.to_owned();
    }
    let inside = match quoting {
        Quoting::Ordinary => text.to_owned(),
        Quoting::Script => script(text),
        Quoting::Regex => regex(text),
    };
    format!("\"{inside}\"")
}

/// The text of a script word within double quotes: its escapes stand already, a bare quote needs one.
fn script(text: &str) -> String {
    let mut out = String::new();
    let mut escaped = false;
    for c in text.chars() {
        if c == '"' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// The text of a regex within double quotes.
fn regex(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str(r"\n"),
            '\r' => out.push_str(r"\r"),
            c if c.is_ascii_control() => out.push_str(&format!(r"\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
