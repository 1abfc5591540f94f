//! What a reload would do.

use super::columns::columns;
use super::counted;
use crate::{Planned, Step, Thing};

/// Each thing that would change, and how many would not.
#[must_use]
pub fn plan(steps: &[Planned]) -> String {
    let changed: Vec<[String; 3]> = steps
        .iter()
        .filter(|planned| planned.step != Step::Keep)
        .map(|planned| {
            [planned.step.word().to_owned(), planned.name.clone(), planned.details.join("; ")]
        })
        .collect();
    let mut text = String::new();
    if !changed.is_empty() {
        text.push_str(&columns(["STEP", "OF", "WITH"], &changed));
    }
    if changed.is_empty() {
        text.push_str("nothing would change\n");
    } else {
        text.push_str(&left(steps));
    }
    text
}

/// `2 instances and 1 virtual server would be left as they are`; what the configuration does not have is not counted.
fn left(steps: &[Planned]) -> String {
    let mut most = 0;
    let mut phrases = Vec::new();
    for (thing, word) in [(Thing::Instance, "instance"), (Thing::VirtualServer, "virtual server")] {
        let of_it = || steps.iter().filter(|planned| planned.thing == thing);
        if of_it().next().is_none() {
            continue;
        }
        let kept = of_it().filter(|planned| planned.step == Step::Keep).count();
        most = most.max(kept);
        phrases.push(match kept {
            0 => format!("no {word}"),
            some => counted(some, word),
        });
    }
    match phrases.as_slice() {
        [] => String::new(),
        [_] if most < 2 => format!("{} would be left as it is\n", phrases.concat()),
        [..] => format!("{} would be left as they are\n", phrases.join(" and ")),
    }
}
