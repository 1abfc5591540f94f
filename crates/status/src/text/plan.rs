//! What a reload would do.

use super::columns::columns;
use crate::{Planned, Step};

/// Each thing that would change, and how many would not.
#[must_use]
pub fn plan(steps: &[Planned]) -> String {
    let kept = steps.iter().filter(|planned| planned.step == Step::Keep).count();
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
    text.push_str(&match (changed.is_empty(), kept) {
        (true, _) => "nothing would change\n".to_owned(),
        (false, 0) => "no instance would be left as it is\n".to_owned(),
        (false, 1) => "1 instance would be left as it is\n".to_owned(),
        (false, many) => format!("{many} instances would be left as they are\n"),
    });
    text
}
