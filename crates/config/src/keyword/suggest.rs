//! "Did you mean": the nearest of the words that would be right.

use super::words::problem;
use super::{Problem, place, places};

/// The words that keepalived once had, or that people write, and what to write now.
const RETIRED: &[(&str, &str)] = &[
    ("auth_password", "auth_pass"),
    ("lvs_id", "router_id"),
    ("stmp_connect_timeout", "smtp_connect_timeout"),
    ("vrrp_skip_check_adv_adr", "vrrp_skip_check_adv_addr"),
    ("nb_get_retry", "retry"),
    ("state_file_location", "state_dump_file"),
    ("stats_file_location", "stats_dump_file"),
    ("json_file_location", "json_dump_file"),
    ("mcast_group4", "vrrp_mcast_group4"),
    ("mcast_group6", "vrrp_mcast_group6"),
];

/// What to say about an unknown keyword in a block.
pub(super) fn keyword(path: &[&str], name: &str) -> Option<String> {
    if name == "nat_mask" {
        return Some("`nat_mask` never had an effect: remove it".to_owned());
    }
    if path.last() == Some(&"real_server") && name == "lb_kind" {
        return Some("in a real_server the word is `lvs_method`".to_owned());
    }
    let here = place(path);
    let known = |word: &str| here.is_some_and(|it| it.keywords().any(|it| it.name == word));
    if let Some((_, now)) = RETIRED.iter().find(|(old, now)| *old == name && known(now)) {
        return Some(format!("did you mean `{now}`?"));
    }
    let names = here.into_iter().flat_map(super::Place::keywords).map(|it| it.name);
    if let Some(near) = nearest(name, names) {
        return Some(format!("did you mean `{near}`?"));
    }
    elsewhere(name)
}

/// Where a keyword that is unknown here belongs.
fn elsewhere(name: &str) -> Option<String> {
    let homes: Vec<String> = places()
        .iter()
        .filter(|place| place.keywords().any(|keyword| keyword.name == name))
        .map(|place| match place.path {
            [] => "the top level".to_owned(),
            path => format!("`{}`", path.join(" ")),
        })
        .collect();
    match homes.as_slice() {
        [] => None,
        [one] => Some(format!("`{name}` belongs into {one}")),
        [first, ..] => Some(format!("`{name}` belongs into other blocks, such as {first}")),
    }
}

/// A word that is not one of those allowed.
pub(super) fn choice(index: usize, text: &str, words: &[&'static str]) -> Problem {
    let mut problem = problem(index, format!("is not one of `{}`", words.join(" ")));
    let folded = words.iter().find(|it| it.eq_ignore_ascii_case(text)).copied();
    problem.help = folded
        .or_else(|| nearest(text, words.iter().copied()))
        .map(|near| format!("did you mean `{near}`?"));
    problem
}

/// The nearest word, where one is near enough that a slip explains the difference.
#[must_use]
pub fn nearest<'a>(name: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Hostile names may be long; nothing that long is a slip of a keyword.
    if name.len() > 64 {
        return None;
    }
    let allowed = (name.chars().count() / 4).clamp(1, 3);
    words
        .map(|word| (strsim::damerau_levenshtein(name, word), word))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, word)| word)
}
