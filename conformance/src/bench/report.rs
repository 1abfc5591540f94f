//! The page that a run writes: machine, figures with their goals, and what is known of those that missed theirs.

use super::figure::{Figure, Verdict, median};
use super::reasons::reason;
use super::session::Session;
use super::study::{STUDIES, Study};

/// The whole page, in Markdown.
#[must_use]
pub fn page(session: &Session, facts: &[(String, String)]) -> String {
    let mut text = String::from(INTRODUCTION);
    if session.quick {
        text.push_str("\n**A quick run: it shows that everything works, not how fast it is.**\n");
    }
    text.push_str("\n## Machine\n\n");
    for (name, value) in facts {
        put(&mut text, &format!("- {name}: {value}"));
    }
    put(&mut text, &format!("- duration of the run: {:.0} s", session.elapsed().as_secs_f64()));
    let count = |verdict| session.figures.iter().filter(|f| f.verdict() == verdict).count();
    put(
        &mut text,
        &format!(
            "\n{} goals are met, {} are not, {} could not be measured.",
            count(Verdict::Met),
            count(Verdict::Missed),
            count(Verdict::Unknown)
        ),
    );
    for study in STUDIES {
        section(&mut text, session, study);
    }
    if !session.figures.iter().any(is_of_lab) {
        text.push_str(WITHOUT_LAB);
    }
    missed(&mut text, session);
    if !session.failures.is_empty() {
        text.push_str("\n## Broken off\n\nRepetitions that gave no sample:\n\n");
        for (study, failure) in &session.failures {
            let first = failure.lines().next().unwrap_or_default();
            put(&mut text, &format!("- {study}: {first}"));
        }
    }
    text
}

fn section(text: &mut String, session: &Session, study: &Study) {
    let figures: Vec<&Figure> = session.figures.iter().filter(|f| f.study == study.name).collect();
    if figures.is_empty() {
        return;
    }
    put(text, &format!("\n## {}: {}\n", study.name, study.summary));
    if study.in_lab {
        text.push_str(IN_LAB);
    }
    text.push_str("| figure | unit | keepalived | ours | ratio | goal | |\n");
    text.push_str("| --- | --- | ---: | ---: | ---: | --- | --- |\n");
    for figure in figures {
        let ratio = figure.ratio().map_or("-".to_owned(), |ratio| format!("{ratio:.2}"));
        let verdict = match figure.verdict() {
            Verdict::Met => "met",
            Verdict::Missed => "**not met**",
            Verdict::Unknown => "not measured",
            Verdict::Plain => "",
        };
        put(
            text,
            &format!(
                "| {} | {} | {} | {} | {ratio} | {} | {verdict} |",
                figure.name,
                figure.unit,
                samples(&figure.keepalived),
                samples(&figure.ours),
                figure.goal()
            ),
        );
    }
}

fn is_of_lab(figure: &Figure) -> bool {
    STUDIES.iter().any(|study| study.in_lab && study.name == figure.study)
}

fn missed(text: &mut String, session: &Session) {
    let missed: Vec<&Figure> =
        session.figures.iter().filter(|f| f.verdict() == Verdict::Missed).collect();
    if missed.is_empty() {
        return;
    }
    text.push_str("\n## Not met, and why\n\n");
    for figure in missed {
        let why = reason(&figure.name).unwrap_or("The cause is not known yet.");
        put(text, &format!("- {}: {why}", figure.name));
    }
}

/// The median, and the range where there are several samples.
fn samples(samples: &[f64]) -> String {
    let Some(middle) = median(samples) else { return "-".to_owned() };
    let (low, high) = samples
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), s| (low.min(*s), high.max(*s)));
    match samples.len() {
        1 => number(middle),
        count => format!("{} ({} .. {}, n {count})", number(middle), number(low), number(high)),
    }
}

fn number(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middling if middling >= 10.0 => format!("{value:.1}"),
        small if small >= 1.0 || small == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn put(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

const IN_LAB: &str = "\
Measured in the lab's machine (`cargo xtask lab`), whose kernel has IPVS and whose processors are emulated: everything takes
many times as long as it would, so that ratios count, and no figure compares with those of other studies.

";
const WITHOUT_LAB: &str = "
**What takes IPVS was not measured in this run**: the lab's machine could not be had, or nobody asked for it.
";

const INTRODUCTION: &str = "\
# Benchmarks

Ours and the packaged keepalived, measured side by side: one run, the same scenario, the two taking turns, the release
build. This page is written by `cargo xtask bench` and not by hand; `--quick` shows in three minutes that everything
works, `--only NAME` measures one study.

Each cell has the median, and in brackets the range and the number of samples. Frames are stamped by the kernel as they
enter the switch of the lab, so that the measuring program's own lateness does not count. *Bound* is what the protocol
allows: the last advert and three intervals and the skew time, or priority 0 and the skew time. Processor time is what the
scheduler accounts for all processes of a daemon, memory their proportional set size. Everything runs as root with the
daemons' default settings, in network namespaces of one machine; absolute figures say little about another one.
Neither daemon writes to syslog, only to standard error: where no syslog listens, the incumbent writes each line to the
machine's console, and that would be what is measured.

Not measured here: the time of a clean build, a syslog that blocks, scripts started by a reload, other releases of
keepalived than the packaged one; and of the incumbent a reload of 10 000 virtual servers and 5000 checks a second, since
IPVS is in an emulated machine here.
";
