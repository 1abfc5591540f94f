//! Stories of load balancing, which take a kernel with IPVS: `cargo xtask test` plays them in the lab's machine.

mod chaos;
mod checks;
mod dumps;
mod followed;
mod forms;
mod http;
mod life;
mod quorum;
mod reload;
mod secure;
mod steering;
mod sync;
mod tcp;
mod told;
mod traffic;
mod watched;

use conformance::farm::Story;
use conformance::subject::{Pair, Subject};
use libtest_mimic::Trial;

const THEMES: &[(&str, &[Story])] = &[
    ("lvs_chaos", chaos::STORIES),
    ("lvs_checks", checks::STORIES),
    ("lvs_dumps", dumps::STORIES),
    ("lvs_followed", followed::STORIES),
    ("lvs_forms", forms::STORIES),
    ("lvs_http", http::STORIES),
    ("lvs_life", life::STORIES),
    ("lvs_quorum", quorum::STORIES),
    ("lvs_reload", reload::STORIES),
    ("lvs_secure", secure::STORIES),
    ("lvs_steering", steering::STORIES),
    ("lvs_sync", sync::STORIES),
    ("lvs_tcp", tcp::STORIES),
    ("lvs_told", told::STORIES),
    ("lvs_traffic", traffic::STORIES),
    ("lvs_watched", watched::STORIES),
];

/// The story of this name.
pub(crate) fn find(theme: &str, story: &str) -> Option<Story> {
    let mut stories = THEMES.iter().filter(|(name, _)| *name == theme).flat_map(|(_, all)| *all);
    stories.find(|it| it.name == story).copied()
}

/// Stories that nobody plays: of ours alone, and ours cannot. Chaos, which is chance, is played by hand for now.
pub(crate) fn unplayed() -> Vec<String> {
    let all = THEMES.iter().flat_map(|(theme, all)| all.iter().map(move |it| (theme, it)));
    all.filter(|(theme, _)| **theme != "lvs_chaos")
        .filter(|(_, story)| story.gap.is_some() && story.only == Some(Subject::Ours))
        .map(|(theme, story)| format!("{theme}::{}", story.name))
        .collect()
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
