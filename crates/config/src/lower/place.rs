//! `instance`, `net_namespace` and what else tells a daemon from others of its host.

use super::blocks;
use super::report::Reports;
use crate::diagnostic::keyword as codes;
use crate::model::{CheckerPlace, Place};
use crate::syntax::{Directive, Tree};

/// Lowers them; of several the last counts.
pub(super) fn lower(tree: &Tree, reports: &mut Reports<'_>) -> Place {
    let mut last = |keyword| blocks(tree, keyword).filter_map(|it| name(it, reports)).last();
    let (instance, namespace) = (last("instance"), last("net_namespace"));
    let named = last("net_namespace_ipvs");
    let checker = match blocks(tree, "net_namespace_ipvs").last() {
        None => CheckerPlace::Same,
        Some(directive) if directive.arguments.is_empty() => CheckerPlace::Initial,
        Some(_) => named.map_or(CheckerPlace::Same, CheckerPlace::Named),
    };
    let uses_directory = blocks(tree, "use_pid_dir").next().is_some();
    Place { instance, namespace, checker, uses_directory }
}

/// A name, which becomes part of the names of files.
fn name(directive: &Directive, reports: &mut Reports<'_>) -> Option<String> {
    let word = directive.arguments.first()?;
    let name = word.as_str();
    let is_name = !name.contains(['/', '\0']) && ![".", ".."].contains(&name);
    if !name.is_empty() && is_name && name.len() <= LONGEST {
        return Some(name.to_owned());
    }
    let keyword = &directive.keyword.text;
    let message = format!("`{keyword}` cannot be `{name}`: files are named after it");
    reports
        .error(codes::INVALID_ARGUMENT, message, word.span)
        .help(format!("a name without slash, of {LONGEST} bytes at most"));
    None
}

/// Bytes of a name, so that the path of a socket that has two of them still fits into its 107.
const LONGEST: usize = 32;

#[cfg(test)]
mod tests {
    use crate::check;
    use crate::model::{CheckerPlace, Place};
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    fn place(text: &str) -> (Place, usize) {
        let sources = SourceSet::single("test.conf", text);
        let checked = check(&sources, &Environment::of_host("host"));
        (checked.model.global.place, checked.diagnostics.len())
    }

    #[test]
    fn names_are_taken_as_they_are_written() {
        let (found, findings) = place("instance one\nnet_namespace blue\nuse_pid_dir\n");
        assert_eq!(findings, 0);
        let expected = Place {
            instance: Some("one".to_owned()),
            namespace: Some("blue".to_owned()),
            checker: CheckerPlace::Same,
            uses_directory: true,
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn a_checker_without_a_name_works_where_the_daemon_was_started() {
        assert_eq!(place("net_namespace_ipvs\n").0.checker, CheckerPlace::Initial);
        let named = CheckerPlace::Named("red".to_owned());
        assert_eq!(place("net_namespace_ipvs red\n").0.checker, named);
    }

    #[test]
    fn what_would_lead_elsewhere_is_no_name() {
        for name in ["../x", "a/b", "..", ".", "abcdefghijklmnopqrstuvwxyz1234567"] {
            let (found, findings) = place(&format!("instance {name}\n"));
            assert_eq!((found.instance, findings), (None, 1), "{name}");
        }
    }
}
