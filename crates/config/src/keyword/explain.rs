//! What the table says about one keyword, for a person at a terminal.

use core::fmt::{self, Write as _};

use super::{Keyword, Place, Status, places, suggest};

/// A word that is no keyword anywhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoSuchKeyword {
    name: String,
    near: Option<&'static str>,
}

impl fmt::Display for NoSuchKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no keyword is called `{}`", self.name)?;
        match self.near {
            Some(near) => write!(f, ": did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// Explains a keyword at each of its places.
///
/// **Errors:** no keyword has this name; the nearest is suggested.
pub fn explain(name: &str) -> Result<String, NoSuchKeyword> {
    let mut text = String::new();
    let mut shown: Vec<(String, Vec<&'static Place>)> = Vec::new();
    for place in places() {
        for keyword in place.keywords().filter(|keyword| keyword.name == name) {
            // Most checkers share their settings: one text, all its places.
            let described = describe(keyword);
            match shown.iter_mut().find(|(other, _)| *other == described) {
                Some((_, homes)) => homes.push(place),
                None => shown.push((described, vec![place])),
            }
        }
    }
    if shown.is_empty() {
        let names = places().iter().flat_map(Place::keywords).map(|keyword| keyword.name);
        return Err(NoSuchKeyword { name: name.to_owned(), near: suggest::nearest(name, names) });
    }
    for (index, (described, homes)) in shown.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let homes: Vec<String> = homes.iter().map(|place| home(place)).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} (in {})\n{described}", homes.join(", "));
    }
    Ok(text)
}

/// Where a place is, in words.
pub(super) fn home(place: &Place) -> String {
    match place.path {
        [] => "the top level".to_owned(),
        path => path.join(" "),
    }
}

fn describe(keyword: &Keyword) -> String {
    let mut text = String::new();
    let shown = keyword.shape.shown();
    let gap = if shown.is_empty() { "" } else { " " };
    let _ = writeln!(text, "  {}{gap}{shown}", keyword.name);
    let _ = writeln!(text, "  {}.", keyword.summary);
    if !keyword.default.is_empty() {
        let _ = writeln!(text, "  default: {}", keyword.default);
    }
    if !keyword.since.is_empty() {
        let _ = writeln!(text, "  keepalived: {}", keyword.since);
    }
    let _ = write!(text, "  status: {}", keyword.status.name());
    match keyword.status {
        Status::Supported => {}
        Status::Ignored(reason) => {
            let _ = write!(text, ": {reason}");
        }
        Status::NotYet => text.push_str("; the rest runs without it"),
    }
    text
}
