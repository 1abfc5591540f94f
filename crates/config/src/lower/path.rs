//! What lines of routes and rules share: words with values behind them, and what is wrong with them.

use core::net::IpAddr;
use std::collections::BTreeMap;

use intent::Prefix;
use wire::Family;

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::keyword::nearest;
use crate::model::Following;
use crate::names::{NameKind, number};
use crate::source::Span;
use crate::syntax::{Directive, Word};

/// Why a line is not taken: it cannot be meant.
pub(super) struct Refusal {
    at: Span,
    what: String,
    help: Option<String>,
}

pub(super) type Read<T> = Result<T, Refusal>;

pub(super) fn wrong<T>(at: Span, what: impl Into<String>) -> Read<T> {
    Err(Refusal { at, what: what.into(), help: None })
}

/// A word that is none of an option's.
pub(super) fn unknown<T>(word: &Word, what: &str, known: &[&str]) -> Read<T> {
    let help = nearest(&word.text, known.iter().copied());
    Err(Refusal {
        at: word.span,
        what: format!("`{}` is {what}", word.text),
        help: help.map(|near| format!("did you mean `{near}`?")),
    })
}

/// What a list of routes or rules is about, for messages.
pub(super) struct Listed {
    /// `route` or `rule`.
    pub(super) noun: &'static str,
    pub(super) code: crate::diagnostic::Code,
}

impl Listed {
    /// The lines of a list, each read by `read`.
    pub(super) fn read<T>(
        &self,
        list: &Directive,
        reports: &mut Reports<'_>,
        mut read: impl FnMut(&Directive, &mut Reports<'_>) -> Read<T>,
    ) -> Vec<T> {
        let mut lines = Vec::new();
        for line in list.children() {
            match read(line, reports) {
                Ok(value) => lines.push(value),
                Err(Refusal { at, what, help }) => {
                    let text = format!("{what}: the {} is left out", self.noun);
                    let reported = reports.warning(self.code, text, at);
                    if let Some(help) = help {
                        reported.help(help);
                    }
                }
            }
        }
        lines
    }

    /// The lines without those that say the same as one before: the kernel would refuse the second. `what` gives what
    /// tells a line apart, its words, and where it is written.
    pub(super) fn distinct<T, K: Ord>(
        &self,
        lines: Vec<T>,
        what: impl Fn(&T) -> (K, String, Span),
        reports: &mut Reports<'_>,
    ) -> Vec<T> {
        let mut kept: BTreeMap<K, Span> = BTreeMap::new();
        let mut is_new = |line: &T| {
            let (key, words, at) = what(line);
            let first = *kept.entry(key).or_insert(at);
            let is_new = first == at;
            if !is_new {
                reports
                    .warning(
                        codes::DUPLICATE_PATH,
                        format!("{} {words} is listed twice: the second is left out", self.noun),
                        at,
                    )
                    .label(first, "first listed here");
            }
            is_new
        };
        lines.into_iter().filter(|line| is_new(line)).collect()
    }
}

/// The words of one line, one after another.
pub(super) struct Words<'a> {
    rest: std::vec::IntoIter<&'a Word>,
}

impl<'a> Words<'a> {
    pub(super) fn of(line: &'a Directive) -> Self {
        Self { rest: line.words().collect::<Vec<_>>().into_iter() }
    }

    pub(super) fn next(&mut self) -> Option<&'a Word> {
        self.rest.next()
    }

    /// Takes the next word if it is `text`.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let is_next = self.rest.as_slice().first().is_some_and(|word| word.text == text);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Takes the next word if it is one of these.
    pub(super) fn next_of(&mut self, texts: &[&str]) -> Option<&'a Word> {
        let is_one = |word: &&Word| texts.contains(&word.text.as_str());
        if self.rest.as_slice().first().is_some_and(is_one) { self.next() } else { None }
    }

    /// The word behind an option.
    pub(super) fn value(&mut self, option: &Word) -> Read<&'a Word> {
        match self.next() {
            Some(value) => Ok(value),
            None => wrong(option.span, format!("`{}` has no value behind it", option.text)),
        }
    }

    /// The number behind an option.
    pub(super) fn number(&mut self, option: &Word, least: u32, most: u32) -> Read<u32> {
        let word = self.value(option)?;
        whole(word, &word.text, least, most)
    }

    /// The address behind an option, maybe behind the word for its family.
    pub(super) fn address(&mut self, option: &Word) -> Read<IpAddr> {
        let family = if self.take("inet") {
            Some(Family::Ipv4)
        } else {
            self.take("inet6").then_some(Family::Ipv6)
        };
        let value = self.value(option)?;
        match value.text.parse() {
            Ok(address) if family.is_none_or(|family| family == Family::of(address)) => Ok(address),
            Ok(_) => wrong(value.span, format!("`{}` is of another family", value.text)),
            Err(_) => wrong(value.span, format!("`{}` is not an IP address", value.text)),
        }
    }

    /// The number behind an option, which may have a name.
    pub(super) fn named(
        &mut self,
        option: &Word,
        kind: NameKind,
        reports: &mut Reports<'_>,
    ) -> Read<u32> {
        let word = self.value(option)?;
        named(word, &word.text, kind, reports)
    }

    /// The number behind an option, which may have a name and fits into a byte.
    pub(super) fn named_byte(
        &mut self,
        option: &Word,
        kind: NameKind,
        reports: &mut Reports<'_>,
    ) -> Read<u8> {
        // The greatest number of such kinds is one of a byte.
        Ok(u8::try_from(self.named(option, kind, reports)?).unwrap_or(u8::MAX))
    }

    /// The interface behind an option.
    pub(super) fn interface(&mut self, option: &Word) -> Read<String> {
        let word = self.value(option)?;
        if word.text.len() > INTERFACE {
            let what = format!("`{}` is longer than the name of an interface", word.text);
            return wrong(word.span, what);
        }
        Ok(word.text.clone())
    }

    /// Realms: `[<source>/]<destination>`, as the kernel packs them.
    pub(super) fn realms(&mut self, option: &Word, reports: &mut Reports<'_>) -> Read<u32> {
        let word = self.value(option)?;
        let (source, destination) = word.text.split_once('/').unwrap_or(("0", &word.text));
        let source = named(word, source, NameKind::Realm, reports)?;
        Ok(source << 16 | named(word, destination, NameKind::Realm, reports)?)
    }
}

/// A whole number within a range.
pub(super) fn whole(word: &Word, text: &str, least: u32, most: u32) -> Read<u32> {
    match number(text) {
        Some(value) if (least..=most).contains(&value) => Ok(value),
        Some(_) => wrong(word.span, format!("`{text}` is outside {least} to {most}")),
        None => wrong(word.span, format!("`{text}` is not a number of {least} to {most}")),
    }
}

fn named(word: &Word, text: &str, kind: NameKind, reports: &mut Reports<'_>) -> Read<u32> {
    if let Some(number) = reports.names.number(kind, text) {
        return Ok(number);
    }
    let is_number = text.starts_with(|first: char| first.is_ascii_digit());
    if is_number {
        let what = format!("`{text}` is not a {} of 0 to {}", kind.noun(), kind.most());
        return wrong(word.span, what);
    }
    reports.wants_names |= !reports.names.is_read();
    let near = nearest(text, reports.names.of_kind(kind));
    let file = kind.file();
    Err(Refusal {
        at: word.span,
        what: format!("there is no {} `{text}`", kind.noun()),
        help: Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write its number, or name it in /etc/iproute2/{file}"),
        }),
    })
}

/// `default`, `any`, `all`, or an address with or without the length of a prefix; nothing for the first three.
pub(super) fn prefix(word: &Word) -> Read<Option<Prefix>> {
    if matches!(word.text.as_str(), "default" | "any" | "all") {
        return Ok(None);
    }
    let (address, length) = match word.text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (word.text.as_str(), None),
    };
    let Ok(address) = address.parse::<IpAddr>() else {
        return wrong(word.span, format!("`{}` is not an IP address or prefix", word.text));
    };
    let whole = Prefix::host(address);
    match length.map(str::parse::<u8>) {
        None => Ok(Some(whole)),
        Some(Ok(length)) if length <= whole.length => Ok(Some(Prefix { address, length })),
        Some(_) => {
            let what = format!("the prefix length of `{}` is not 0 to {}", word.text, whole.length);
            wrong(word.span, what)
        }
    }
}

/// The destination of a route or rule without the bits behind the prefix, which the kernel refuses.
pub(super) fn masked(prefix: Prefix, at: Span, reports: &mut Reports<'_>) -> Prefix {
    let masked = prefix.masked();
    if masked != prefix {
        let Prefix { address, length } = prefix;
        reports.warning(
            codes::PATH_ADJUSTED,
            format!(
                "{address}/{length} has bits behind its prefix: {}/{length} is used",
                masked.address
            ),
            at,
        );
    }
    masked
}

/// Takes in `no_track` and `track_group`; says whether the word was one of them.
pub(super) fn follow<'a>(
    following: &mut Following,
    word: &Word,
    words: &mut Words<'a>,
) -> Read<bool> {
    match word.text.as_str() {
        // Nobody's loss is nobody's, whatever group it is of.
        "no_track" => *following = Following::Nobody,
        "track_group" => {
            let name = words.value(word)?.text.as_str();
            if *following != Following::Nobody {
                *following = Following::Group(name.into());
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// A group where only an instance can follow.
pub(super) fn without_group(
    following: Following,
    at: Span,
    reports: &mut Reports<'_>,
) -> Following {
    match following {
        Following::Group(_) => {
            reports.warning(
                codes::PATH_ADJUSTED,
                "`track_group` is for static addresses, routes and rules: it is ignored",
                at,
            );
            Following::Own
        }
        Following::Own | Following::Nobody => following,
    }
}

/// The protocol of a path: one that is looked after has keepalived's, so that it is known again.
pub(super) fn protocol(
    written: Option<(u8, Span)>,
    following: &Following,
    reports: &mut Reports<'_>,
) -> u8 {
    match written {
        None => intent::PROTOCOL_KEEPALIVED,
        Some((protocol, _)) if *following == Following::Nobody => protocol,
        Some((intent::PROTOCOL_KEEPALIVED, _)) => intent::PROTOCOL_KEEPALIVED,
        Some((protocol, at)) => {
            reports
                .warning(
                    codes::PATH_ADJUSTED,
                    format!("what is looked after has the protocol keepalived, not {protocol}"),
                    at,
                )
                .help("add `no_track` to keep the protocol");
            intent::PROTOCOL_KEEPALIVED
        }
    }
}

/// `IFNAMSIZ` without its NUL.
const INTERFACE: usize = 15;
