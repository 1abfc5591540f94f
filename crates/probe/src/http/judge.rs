//! Whether an answer is good: its status first, then its headers, its digest, and what stands in it.

use health::Failure;
use hyper::{HeaderMap, StatusCode};

use super::HttpSpec;
use super::answer::{Answer, LONGEST_SEARCHED};
use crate::patience::{Patience, wrong};

/// A header that an answer has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedHeader {
    /// Its name, in any case.
    pub name: String,
    /// What its value contains; none for anything.
    pub text: Option<String>,
}

pub(super) fn head(spec: &HttpSpec, status: StatusCode, found: &HeaderMap) -> Result<(), Failure> {
    let status = status.as_u16();
    if !spec.statuses.is_empty() && !spec.statuses.iter().any(|good| good.contains(&status)) {
        return Err(wrong(format!("status {status}")));
    }
    for ExpectedHeader { name, text } in &spec.headers {
        let mut values = found.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Err(wrong(format!("no header {name}")));
        }
        if let Some(text) = text
            && !values.any(|value| contains(value.as_bytes(), text))
        {
            return Err(wrong(format!("header {name} without `{text}`")));
        }
    }
    Ok(())
}

pub(super) async fn body(
    spec: &HttpSpec,
    answer: &Answer,
    patience: Patience,
) -> Result<(), Failure> {
    let found = answer.digest;
    if spec.digest.is_some_and(|expected| expected != found) {
        let digits = found.map(|byte| format!("{byte:02x}")).concat();
        return Err(wrong(format!("digest {digits}")));
    }
    let within = |reach: usize| {
        if answer.whole > reach {
            format!(" in its first {} KiB", reach >> 10)
        } else {
            String::new()
        }
    };
    if let Some(expression) = &spec.expression {
        let is_found = patience.wait("verdict of `regex`", expression.is_in(&answer.body)).await?;
        match (is_found?, expression.must_be_found()) {
            (false, true) => {
                let within = within(expression.reach());
                return Err(wrong(format!("nothing matches `regex`{within}")));
            }
            (true, false) => return Err(wrong("something matches `regex`")),
            _ => {}
        }
    }
    match &spec.text {
        Some(text) if !contains(&answer.body, text) => {
            Err(wrong(format!("no `{text}` in the answer{}", within(LONGEST_SEARCHED))))
        }
        _ => Ok(()),
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
