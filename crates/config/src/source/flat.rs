//! All files of a configuration as one, for keeping a copy.

use core::fmt::Write as _;

use super::include::Found;
use super::{FileId, Inclusion, SourceSet, offset};

impl SourceSet {
    /// The text of all files, each `include` replaced by what it brought in, with the name of each file before its text.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_found(&mut text, &self.top);
        text
    }

    fn write_found(&self, text: &mut String, inclusion: &Inclusion) {
        for found in inclusion.alternatives.iter().flat_map(|alternative| &alternative.found) {
            match found {
                Found::File(file) => self.write_file(text, *file),
                Found::Refused { name, reason } => {
                    let _ = writeln!(text, "# {name}: {reason}");
                }
            }
        }
    }

    fn write_file(&self, text: &mut String, id: FileId) {
        let Some(file) = self.file(id) else { return };
        let _ = writeln!(text, "# {}", file.name());
        for number in 1..=file.lines.len() {
            let (start, line) = file.line(number);
            let end = start.saturating_add(offset(line.len()));
            let mut included = self.inclusions.range((id, start)..=(id, end));
            match included.next() {
                Some(((_, keyword), inclusion)) => {
                    // An include takes the rest of its line.
                    let before = usize::try_from(keyword.saturating_sub(start)).ok();
                    let before = before.and_then(|length| line.get(..length)).unwrap_or_default();
                    if !before.trim().is_empty() {
                        let _ = writeln!(text, "{before}");
                    }
                    self.write_found(text, inclusion);
                }
                // Behind the last line break there is no line.
                None if number == file.lines.len() && line.is_empty() => {}
                None => {
                    let _ = writeln!(text, "{line}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{IncludeAnswer, SourceSet};

    #[test]
    fn a_copy_has_what_was_included_in_its_place() {
        let files = [
            ("a.conf", "one\n include b.conf\ntwo"),
            ("b.conf", "three {\ninclude c.conf\n}\n"),
            ("c.conf", "four\n"),
        ];
        let set = SourceSet::load("a.conf", &mut |request| {
            let known = files.iter().find(|(name, _)| request.pattern == *name);
            known.map_or_else(IncludeAnswer::default, |(name, text)| {
                IncludeAnswer::one(name, text.as_bytes().to_vec())
            })
        });
        let expected = "# a.conf\none\n# b.conf\nthree {\n# c.conf\nfour\n}\ntwo\n";
        assert_eq!(set.to_text(), expected);
    }
}
