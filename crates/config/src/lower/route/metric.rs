//! Settings of transport protocols over a route: `mtu`, `advmss`, `rtt` and their like.
//!
//! **Source**: ip-route(8); linux/rtnetlink.h (`RTAX_*`).

use intent::Metrics;

use crate::lower::path::{Read, Words, unknown, whole, wrong};
use crate::names::number;
use crate::syntax::Word;

/// Takes in a setting; says whether the word was one.
pub(super) fn read(metrics: &mut Metrics, word: &Word, words: &mut Words<'_>) -> Read<bool> {
    let text = word.text.as_str();
    if let Some((_, kind, unit)) = NUMBERS.iter().find(|(name, ..)| *name == text) {
        let locked = lockable(*kind) && words.take("lock");
        let value = words.value(word)?;
        let number = match unit {
            Unit::Count => whole(value, &value.text, 0, u32::MAX)?,
            Unit::Switch => whole(value, &value.text, 0, 1)?,
            Unit::Milliseconds(parts) => match milliseconds(&value.text) {
                Some(milliseconds) => milliseconds.saturating_mul(*parts),
                None => {
                    let what = format!("`{}` is not a time such as 200ms or 2s", value.text);
                    return wrong(value.span, what);
                }
            },
        };
        metrics.numbers.insert(*kind, number);
        if locked {
            metrics.locked |= 1 << kind;
        }
        return Ok(true);
    }
    match text {
        "features" => {
            let value = words.value(word)?;
            if value.text != "ecn" {
                return unknown(value, "no feature of a route", &["ecn"]);
            }
            metrics.numbers.insert(FEATURES, 1);
        }
        "congctl" => {
            if words.take("lock") {
                metrics.locked |= 1 << CONGESTION_CONTROL;
            }
            let value = words.value(word)?;
            if value.text.len() > ALGORITHM {
                let what = format!("`{}` is longer than the name of an algorithm", value.text);
                return wrong(value.span, what);
            }
            metrics.congestion_control = Some(value.text.clone());
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// What a number counts.
enum Unit {
    Count,
    /// 0 or 1.
    Switch,
    /// Milliseconds, of which the kernel counts this many parts.
    Milliseconds(u32),
}

const fn lockable(kind: u16) -> bool {
    // As keepalived has it: mtu, rtt, rttvar, ssthresh, cwnd, advmss, reordering, rto_min.
    matches!(kind, 2 | 4 | 5 | 6 | 7 | 8 | 9 | 13)
}

/// `200`, `200ms` or `2s`.
fn milliseconds(text: &str) -> Option<u32> {
    match text.strip_suffix("ms") {
        Some(count) => number(count),
        None => match text.strip_suffix('s') {
            Some(count) => number(count)?.checked_mul(1000),
            None => number(text),
        },
    }
}

/// Words, the kernel's numbers of them, and what their values count.
const NUMBERS: &[(&str, u16, Unit)] = &[
    ("mtu", 2, Unit::Count),
    ("window", 3, Unit::Count),
    ("rtt", 4, Unit::Milliseconds(8)),
    ("rttvar", 5, Unit::Milliseconds(4)),
    ("ssthresh", 6, Unit::Count),
    ("cwnd", 7, Unit::Count),
    ("advmss", 8, Unit::Count),
    ("reordering", 9, Unit::Count),
    ("hoplimit", 10, Unit::Count),
    ("initcwnd", 11, Unit::Count),
    ("rto_min", 13, Unit::Milliseconds(1)),
    ("initrwnd", 14, Unit::Count),
    ("quickack", 15, Unit::Switch),
    ("fastopen_no_cookie", 17, Unit::Switch),
];
const FEATURES: u16 = 12;
const CONGESTION_CONTROL: u16 = 16;
/// `TCP_CA_NAME_MAX` without its NUL.
const ALGORITHM: usize = 15;
