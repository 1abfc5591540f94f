//! Figures as lines of text: those of the lab's machine come out of it by its one line of output.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::figure::{Figure, Wanted};
use super::session::Session;
use super::study::STUDIES;

/// A word before each line, so that it is known among others.
const FIGURE: &str = "figure ";
const FAILURE: &str = "failure ";
const FACT: &str = "fact ";

/// Everything that a run has brought, a line each.
#[must_use]
pub fn lines(session: &Session, facts: &[(String, String)]) -> Vec<String> {
    let facts = facts.iter().map(|fact| format!("{FACT}{}", json!([fact.0, fact.1])));
    let figures = session.figures.iter().map(|figure| format!("{FIGURE}{}", written(figure)));
    let failures = session.failures.iter();
    let failures = failures.map(|(study, why)| format!("{FAILURE}{}", json!([study, why])));
    facts.chain(figures).chain(failures).collect()
}

/// Takes the lines of another run into this one; gives its facts. Other lines are passed over.
///
/// # Errors
/// When a line is not understood.
pub fn take(session: &mut Session, text: &str) -> Result<Vec<(String, String)>> {
    let mut facts = Vec::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(FIGURE) {
            session.figures.push(read(&serde_json::from_str(rest)?).context("read a figure")?);
        } else if let Some(rest) = line.strip_prefix(FAILURE) {
            let (study, why): (String, String) = serde_json::from_str(rest)?;
            session.failures.push((named(&study)?, why));
        } else if let Some(rest) = line.strip_prefix(FACT) {
            facts.push(serde_json::from_str(rest)?);
        }
    }
    Ok(facts)
}

fn written(figure: &Figure) -> Value {
    let wanted = match figure.wanted {
        Wanted::Nothing => json!([]),
        Wanted::Ratio(factor) => json!(["ratio", factor]),
        Wanted::AtMost(limit) => json!(["at most", limit]),
        Wanted::RatioAndWorst(factor, limit) => json!(["ratio", factor, limit]),
    };
    json!({
        "study": figure.study,
        "name": figure.name,
        "unit": figure.unit,
        "wanted": wanted,
        "keepalived": figure.keepalived,
        "ours": figure.ours,
    })
}

fn read(value: &Value) -> Result<Figure> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).with_context(|| key.to_owned());
    let samples = |key: &str| -> Result<Vec<f64>> {
        let list = value.get(key).and_then(Value::as_array).with_context(|| key.to_owned())?;
        list.iter().map(|it| it.as_f64().context("not a number")).collect()
    };
    let wanted = value.get("wanted").and_then(Value::as_array).context("wanted")?;
    let number = |index: usize| wanted.get(index).and_then(Value::as_f64);
    let wanted = match (wanted.first().and_then(Value::as_str), number(1), number(2)) {
        (None, ..) => Wanted::Nothing,
        (Some("ratio"), Some(factor), None) => Wanted::Ratio(factor),
        (Some("ratio"), Some(factor), Some(limit)) => Wanted::RatioAndWorst(factor, limit),
        (Some("at most"), Some(limit), None) => Wanted::AtMost(limit),
        other => bail!("no such wish: {other:?}"),
    };
    let mut figure = Figure::new(named(text("study")?)?, text("name")?, text("unit")?, wanted);
    figure.keepalived = samples("keepalived")?;
    figure.ours = samples("ours")?;
    Ok(figure)
}

fn named(name: &str) -> Result<&'static str> {
    let study = STUDIES.iter().find(|study| study.name == name);
    Ok(study.with_context(|| format!("no study {name}"))?.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_other_lines_are_passed_over() {
        let mut first = Session::new(true);
        for wanted in [
            Wanted::Nothing,
            Wanted::Ratio(0.5),
            Wanted::AtMost(3.0),
            Wanted::RatioAndWorst(1.0, 1.5),
        ] {
            let mut figure = Figure::new("cost", "memory, of all", "MB", wanted);
            figure.ours = vec![1.0, 2.5];
            first.figures.push(figure);
        }
        first.failures.push(("check", "ours: it\nended".to_owned()));
        let facts = [("kernel".to_owned(), "6.1".to_owned())];
        let mut text = lines(&first, &facts).join("\n");
        text.insert_str(0, "[    1.0 s] figure\n");
        let mut second = Session::new(true);
        assert_eq!(take(&mut second, &text).unwrap(), facts);
        assert_eq!(second.failures, first.failures);
        assert_eq!(format!("{:?}", second.figures), format!("{:?}", first.figures));
    }

    #[test]
    fn a_study_that_there_is_not_is_refused() {
        assert!(take(&mut Session::new(true), r#"failure ["none","why"]"#).is_err());
    }
}
