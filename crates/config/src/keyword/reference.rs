//! The reference of all keywords, written from the table: Markdown for the project's pages, roff for the manual.

use core::fmt::Write as _;

use super::explain::home;
use super::{Counts, Keyword, Place, Status, places};

/// The reference as Markdown.
pub fn markdown() -> String {
    let mut text = String::from(
        "<!-- Written by `cargo xtask docs` from the keyword table; changes belong there. -->\n\
         # Keywords\n\n\
         Every keyword of the configuration at each place where it may stand. *Not yet* means: known, checked,\n\
         and not executed by this release: the rest runs without it, and `check` warns.\n\n",
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}.\n", Counts::of_table());
    for place in places() {
        let _ = writeln!(text, "## {}\n", heading(place));
        text.push_str(
            "| keyword | takes | default | what it does | status |\n|---|---|---|---|---|\n",
        );
        for keyword in place.keywords() {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} | {} |",
                keyword.name,
                code(&keyword.shape.shown()),
                cell(keyword.default),
                cell(keyword.summary),
                status(keyword)
            );
        }
        text.push('\n');
    }
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

/// The reference as a manual page, section 5.
pub fn man() -> String {
    let mut text = String::from(
        ".\\\" Written by cargo xtask docs from the keyword table; changes belong there.\n\
         .TH STEADFAST.CONF 5\n\
         .SH NAME\n\
         steadfast.conf, keepalived.conf \\- configuration of steadfast\n\
         .SH DESCRIPTION\n\
         steadfast reads the configuration language of keepalived.\n\
         Each section below is one kind of block.\n",
    );
    for place in places() {
        let _ = writeln!(text, ".SH \"{}\"", heading(place).to_uppercase());
        for keyword in place.keywords() {
            let shown = keyword.shape.shown();
            let gap = if shown.is_empty() { "" } else { " " };
            let _ = writeln!(text, ".TP\n.B {}", roff(&format!("{}{gap}{shown}", keyword.name)));
            let _ = write!(text, "{}.", roff(keyword.summary));
            if !keyword.default.is_empty() {
                let _ = write!(text, "\nDefault: {}.", roff(keyword.default));
            }
            if keyword.status != Status::Supported {
                let _ = write!(text, "\nStatus: {}.", keyword.status.name());
            }
            text.push('\n');
        }
    }
    text.push_str(".SH SEE ALSO\n.BR steadfast (8)\n");
    text
}

fn heading(place: &Place) -> String {
    match place.path {
        [] => "Top level".to_owned(),
        _ => home(place),
    }
}

fn status(keyword: &Keyword) -> String {
    match keyword.status {
        Status::Ignored(reason) => format!("{}: {}", keyword.status.name(), cell(reason)),
        Status::NotYet | Status::Supported => keyword.status.name().to_owned(),
    }
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", text.replace('|', "\\|")) }
}

/// Text that cannot end a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;")
}

/// Text in which roff finds no commands.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
