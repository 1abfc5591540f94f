//! Stories of load balancing, which take a kernel with IPVS: `cargo xtask test` plays them in the lab's machine.

mod checks;
mod forms;
mod http;
mod life;
mod quorum;
mod reload;
mod sync;
mod tcp;
mod told;
mod traffic;

use conformance::farm::Story;
use conformance::subject::Pair;
use libtest_mimic::Trial;

const THEMES: &[(&str, &[Story])] = &[
    ("lvs_checks", checks::STORIES),
    ("lvs_forms", forms::STORIES),
    ("lvs_http", http::STORIES),
    ("lvs_life", life::STORIES),
    ("lvs_quorum", quorum::STORIES),
    ("lvs_reload", reload::STORIES),
    ("lvs_sync", sync::STORIES),
    ("lvs_tcp", tcp::STORIES),
    ("lvs_told", told::STORIES),
    ("lvs_traffic", traffic::STORIES),
];

/// Whether there is such a story.
pub(crate) fn exists(theme: &str, story: &str) -> bool {
    let mut stories = THEMES.iter().filter(|(name, _)| *name == theme).flat_map(|(_, all)| *all);
    stories.any(|it| it.name == story)
}

/// Every story by every cast that it is for.
pub(crate) fn trials(pairs: &[Pair], obstacle: Option<&str>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (theme, stories) in THEMES {
        for story in *stories {
            let casts = pairs.iter().filter(|pair| is_for(*story, **pair));
            trials.extend(casts.map(|pair| trial(theme, *story, *pair, obstacle)));
        }
    }
    trials
}

fn is_for(story: Story, pair: Pair) -> bool {
    (story.mixed || !pair.is_mixed()) && story.only.is_none_or(|only| pair == Pair::both(only))
}

fn trial(theme: &str, story: Story, pair: Pair, obstacle: Option<&str>) -> Trial {
    let name = format!("{pair}::{theme}::{}", story.name);
    let gap = story.gap.filter(|_| pair.needs_ours());
    let title = name.clone();
    let obstacle = obstacle.map(str::to_owned).or_else(|| pair.missing());
    let trial = Trial::test(name, move || match obstacle {
        Some(reason) => {
            println!("SKIPPED: {title}: {reason}");
            Ok(())
        }
        None => story.run(pair).map_err(|error| format!("{error:#}").into()),
    });
    let kind = gap.map(|gap| format!("gap: {gap}")).unwrap_or_default();
    trial.with_ignored_flag(gap.is_some()).with_kind(kind)
}
