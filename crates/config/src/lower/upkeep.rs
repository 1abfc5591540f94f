//! `umask`, `reload_file`, `reload_time_file`, `config_save_dir`.

use crate::model::{ReloadFile, Upkeep};
use crate::syntax::{Directive, Word};

/// Reads one directive; says whether it was one of these.
pub(super) fn read(upkeep: &mut Upkeep, keyword: &str, directive: &Directive) -> bool {
    let path = || directive.text(0).filter(|path| path.starts_with('/')).map(str::to_owned);
    match keyword {
        "umask" => upkeep.umask = umask(&directive.arguments).or(upkeep.umask),
        "reload_time_file" => upkeep.reload_time_file = path(),
        "reload_repeat" => upkeep.reload_repeats = true,
        "config_save_dir" => upkeep.save_directory = path(),
        "reload_file" if directive.arguments.is_empty() => upkeep.reload_file = ReloadFile::Beside,
        "reload_file" => upkeep.reload_file = path().map_or(ReloadFile::None, ReloadFile::At),
        _ => return false,
    }
    true
}

/// A number, or names of bits with bars between them.
pub(crate) fn umask(words: &[Word]) -> Option<u32> {
    let text: String = words.iter().map(Word::as_str).collect();
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return umask_number(&text);
    }
    text.split('|').try_fold(0, |mask, name| Some(mask | bits(name)?))
}

/// A umask as C reads numbers: `0x` hexadecimal, a leading 0 octal.
pub fn umask_number(text: &str) -> Option<u32> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8),
        None => text.parse(),
    };
    number.ok().filter(|mask| *mask <= 0o777)
}

fn bits(name: &str) -> Option<u32> {
    let (rights, whose) = name.strip_prefix('I')?.split_at_checked(1)?;
    Some(match (rights, whose) {
        ("R", "WXU") => 0o700,
        ("R", "WXG") => 0o070,
        ("R", "WXO") => 0o007,
        ("R", "USR") => 0o400,
        ("W", "USR") => 0o200,
        ("X", "USR") => 0o100,
        ("R", "GRP") => 0o040,
        ("W", "GRP") => 0o020,
        ("X", "GRP") => 0o010,
        ("R", "OTH") => 0o004,
        ("W", "OTH") => 0o002,
        ("X", "OTH") => 0o001,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use crate::check;
    use crate::source::SourceSet;
    use crate::syntax::Environment;

    fn found(text: &str) -> Option<u32> {
        let sources = SourceSet::single("a.conf", format!("global_defs {{\n umask {text}\n}}\n"));
        let checked = check(&sources, &Environment::of_host("host"));
        let umask = checked.model.global.upkeep.umask;
        assert_eq!(checked.diagnostics.is_empty(), umask.is_some(), "{:?}", checked.diagnostics);
        umask
    }

    #[test]
    fn a_umask_is_a_number_of_c_or_names_of_bits() {
        assert_eq!(found("022"), Some(0o022));
        assert_eq!(found("0x12"), Some(0o022));
        assert_eq!(found("27"), Some(0o033));
        assert_eq!(found("0"), Some(0));
        assert_eq!(found("IWGRP|IRWXO"), Some(0o027));
        assert_eq!(found("IXUSR | IRWXG | IRWXO"), Some(0o177));
    }

    #[test]
    fn what_is_neither_changes_nothing_and_is_said() {
        for text in ["1000", "0x200", "08", "IRWX", "IRUSR|", "rwx"] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
