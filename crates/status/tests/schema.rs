//! What `status --json` says is what `docs/status.md` describes.

#![allow(missing_docs, clippy::expect_used, reason = "a panic fails the test, as it should")]

use std::collections::BTreeSet;

use serde_json::Value;
use status::Report;

/// Every member of every object within; those of maps whose names are data are left out.
fn members(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let path = format!("{path}.{name}");
                let is_data = path.ends_with("counters.discards");
                all.insert(path.clone());
                if !is_data {
                    members(value, &path, all);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| members(value, path, all)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn described() -> BTreeSet<String> {
    let report: Report = serde_json::from_str(include_str!("report.json")).expect("a report");
    let text = report.to_json();
    let mut all = BTreeSet::new();
    members(&serde_json::from_str(&text).expect("JSON"), "", &mut all);
    all
}

#[test]
fn every_member_is_documented() {
    let document = include_str!("../../../docs/status.md");
    let missing: Vec<String> = described()
        .into_iter()
        .filter(|path| {
            let name = path.rsplit('.').next().unwrap_or_default();
            !document.contains(&format!("`{name}`"))
                && !document.contains(&format!("`{name}[]`"))
                && !document.contains(&format!("\"{name}\""))
        })
        .collect();
    assert!(missing.is_empty(), "not in docs/status.md: {missing:?}");
}
