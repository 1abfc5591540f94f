//! `auth_hmac`: keys, and what is done with adverts that bring no proof.
//!
//! A key that cannot be used is an error: without it the instance would be deaf to its peers, or speak unproved. No key
//! is ever part of a message.

use core::time::Duration;

use wire::vrrp::{KeyId, TrailerKey};

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Freshness, Trailer, TrailerMode};
use crate::syntax::{Directive, Word};

/// Lowers the block of one instance that advertises this often.
pub(super) fn lower(
    block: &Directive,
    interval: Duration,
    strict: bool,
    reports: &mut Reports<'_>,
) -> Trailer {
    let mut trailer = Trailer {
        keys: Vec::new(),
        active: None,
        window: (interval * 3).clamp(WINDOW_LEAST, WINDOW_MOST),
        freshness: Freshness::Time,
        mode: TrailerMode::Enforce,
    };
    let mut active = None;
    for line in block.children() {
        let word = line.arguments.first();
        match (line.keyword.text.as_str(), word.map(Word::as_str)) {
            ("key", _) => trailer.keys.extend(key(line, &trailer, reports)),
            ("active_key", Some(_)) => active = word,
            ("time_window", Some(text)) => {
                let seconds = text.parse().ok().map(Duration::from_secs);
                let valid = seconds.filter(|it| !it.is_zero() && *it <= WINDOW_MOST);
                trailer.window = valid.unwrap_or(trailer.window);
            }
            ("anti_replay", Some("monotonic")) => trailer.freshness = Freshness::Monotonic,
            ("mode", Some("permissive")) => trailer.mode = TrailerMode::Permissive,
            ("mode", Some("receive-only")) => trailer.mode = TrailerMode::ReceiveOnly,
            _ => {}
        }
    }
    if strict && trailer.mode != TrailerMode::Enforce {
        let message =
            "under strict mode `auth_hmac` refuses adverts without a trailer: `mode` is enforce";
        reports.warning(codes::STRICT, message, block.keyword.span);
        trailer.mode = TrailerMode::Enforce;
    }
    if trailer.keys.is_empty() {
        let message = "`auth_hmac` has no usable key";
        let help = "add `key 1 file:/etc/steadfast/vrrp.key`, the same on every node";
        reports.error(codes::UNUSABLE_KEY, message, block.keyword.span).help(help);
    }
    trailer.active = trailer.keys.first().map(|(id, _)| *id);
    if let Some(word) = active {
        let id = word.text.parse().ok();
        match id.filter(|id| trailer.key(*id).is_some()) {
            Some(id) => trailer.active = Some(id),
            None => {
                let message = format!("`active_key` {} is no key of this block", word.text);
                reports.error(codes::UNUSABLE_KEY, message, word.span);
            }
        }
    }
    trailer
}

/// One key; nothing, after saying why, for one that cannot be used.
fn key(
    line: &Directive,
    trailer: &Trailer,
    reports: &mut Reports<'_>,
) -> Option<(KeyId, TrailerKey)> {
    let [id, given, ..] = line.arguments.as_slice() else { return None };
    let at = line.keyword.span;
    let Ok(id) = id.text.parse::<KeyId>() else {
        let message = format!("`{}` is no number of a key: 1 to 255", id.text);
        reports.error(codes::UNUSABLE_KEY, message, id.span);
        return None;
    };
    if trailer.key(id).is_some() {
        reports.error(codes::UNUSABLE_KEY, format!("key {id} is given twice"), at);
        return None;
    }
    match bytes(&given.text, reports).map(|bytes| (TrailerKey::new(&bytes), bytes.len())) {
        Ok((Some(key), _)) => Some((id, key)),
        Ok((None, length)) => {
            let message = format!("key {id} has not 32 to 64 bytes, but {length}");
            reports.error(codes::UNUSABLE_KEY, message, at);
            None
        }
        Err(why) => {
            reports.error(codes::UNUSABLE_KEY, format!("key {id} cannot be used: {why}"), at);
            None
        }
    }
}

/// The bytes of a key as it is written: text, `hex:` or `file:`, whose content is one of the former.
fn bytes(given: &str, reports: &mut Reports<'_>) -> Result<Vec<u8>, String> {
    let Some(path) = given.strip_prefix("file:") else { return text(given.as_bytes()) };
    if !path.starts_with('/') {
        return Err(format!("{path} is no absolute path"));
    }
    match reports.sources.key_file(path) {
        Some(Ok(content)) => text(content.strip_suffix(b"\n").unwrap_or(content))
            .map_err(|why| format!("{path} {why}")),
        Some(Err(why)) => Err(format!("{path}: {why}")),
        None => {
            reports.key_files.push(path.to_owned());
            Err(format!("{path} was not read"))
        }
    }
}

/// Text as it is, or the bytes that hexadecimal digits mean.
fn text(given: &[u8]) -> Result<Vec<u8>, String> {
    let Some(digits) = given.strip_prefix(b"hex:") else { return Ok(given.to_vec()) };
    let (pairs, rest) = digits.as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let text = core::str::from_utf8(pair).ok().filter(|text| !text.starts_with('+'))?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|_| rest.is_empty()).ok_or_else(|| "is not hexadecimal".to_owned())
}

const WINDOW_LEAST: Duration = Duration::from_secs(5);
const WINDOW_MOST: Duration = Duration::from_secs(300);
