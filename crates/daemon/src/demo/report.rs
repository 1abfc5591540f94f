//! What came of it: a table for people, a document for machines.

use std::fmt::Write as _;
use std::time::Duration;

use serde::Serialize;

use super::ledger::Row;
use super::visitor;
use super::visits::VisitRow;
use super::web::Web;

/// All events, in order.
#[derive(Debug)]
pub(super) struct Report {
    /// One for each event.
    pub(super) rows: Vec<Row>,
    /// The same for requests; none where there is no web page.
    pub(super) visits: Vec<VisitRow>,
    /// How long the demonstration took.
    pub(super) took: Duration,
}

/// The JSON document; times in milliseconds.
#[derive(Serialize)]
struct Document<'a> {
    events: Vec<Entry<'a>>,
    tolerance_ms: f64,
    requests: Vec<Requests<'a>>,
    request_tolerance_ms: f64,
    met: bool,
    took_ms: f64,
}

#[derive(Serialize)]
struct Entry<'a> {
    event: &'a str,
    addresses: Vec<String>,
    outage_ms: f64,
    /// Longest time for which the client itself did not run.
    client_pause_ms: f64,
    /// Null where nobody took over, or where the protocol promises nothing.
    takeover_ms: Option<f64>,
    bound_ms: Option<f64>,
    /// Null where there is no bound.
    within_bound: Option<bool>,
}

#[derive(Serialize)]
struct Requests<'a> {
    event: &'a str,
    web_1: u32,
    web_2: u32,
    failed: u32,
    /// Null where none failed.
    last_failure_ms: Option<f64>,
    /// Null where nothing is promised.
    bound_ms: Option<f64>,
    within_bound: Option<bool>,
}

impl Report {
    /// Whether every takeover happened in time, and no request failed for longer than it may.
    pub(super) fn is_met(&self) -> bool {
        self.rows.iter().all(|row| is_within(row) != Some(false))
            && self.visits.iter().all(|row| is_over(row) != Some(false))
    }

    /// The table and the verdict under it.
    pub(super) fn table(&self) -> String {
        let mut text = line(["event", "addresses", "outage", "takeover", "bound"]);
        for row in &self.rows {
            let addresses: Vec<String> = row.addresses.iter().map(ToString::to_string).collect();
            let bound = row.bound.map_or_else(|| "-".to_owned(), span);
            let takeover = match (row.bound, row.takeover) {
                (None, _) => "-".to_owned(),
                (Some(_), None) => "none".to_owned(),
                (Some(_), Some(takeover)) => span(takeover),
            };
            let outage = span(row.outage);
            text += &line([&row.event, &addresses.join(", "), &outage, &takeover, &bound]);
        }
        text.push('\n');
        text += &self.requests();
        for row in self.rows.iter().filter(|row| is_within(row) == Some(false)) {
            let _ = writeln!(text, "NOT MET: {}, {}", row.event, complaint(row));
        }
        for row in self.visits.iter().filter(|row| is_over(row) == Some(false)) {
            let last = span(row.last_failure.unwrap_or_default());
            let _ = writeln!(text, "NOT MET: {}, a request failed after {last}", row.event);
        }
        if self.is_met() {
            let _ = writeln!(
                text,
                "Every takeover and every outage within its bound + {}.",
                span(TOLERANCE)
            );
        }
        if self.is_met() && !self.visits.is_empty() {
            let tolerance = span(VISIT_TOLERANCE);
            let _ = writeln!(
                text,
                "No request failed later than the bound of its event + {tolerance}."
            );
        }
        let pause = self.rows.iter().map(|row| row.pause).max().unwrap_or_default();
        if pause > NOTABLE {
            let _ = writeln!(
                text,
                "This machine is busy: the client itself did not run for up to {}, which counts as outage.",
                span(pause)
            );
        }
        let farm = if self.visits.is_empty() { "" } else { LEGEND_OF_REQUESTS };
        text + LEGEND + farm + &format!("The demonstration took {}.\n", span(self.took))
    }

    /// The table of requests.
    fn requests(&self) -> String {
        if self.visits.is_empty() {
            return String::new();
        }
        let [one, two] = Web::ALL.map(Web::name);
        let mut text =
            visit_line(["event", "requests", one, two, "failed", "last failure", "bound"]);
        for row in &self.visits {
            let [one, two] = row.shares;
            let all = one + two + row.failed;
            let numbers = [all, one, two, row.failed].map(|number| number.to_string());
            let [all, one, two, failed] = &numbers;
            let time = |time: Option<Duration>| time.map_or_else(|| "-".to_owned(), span);
            let (last, bound) = (time(row.last_failure), time(row.bound));
            text += &visit_line([&row.event, all, one, two, failed, &last, &bound]);
        }
        text + "\n"
    }

    /// The document.
    pub(super) fn json(&self) -> String {
        let events = self
            .rows
            .iter()
            .map(|row| Entry {
                event: &row.event,
                addresses: row.addresses.iter().map(ToString::to_string).collect(),
                outage_ms: milliseconds(row.outage),
                client_pause_ms: milliseconds(row.pause),
                takeover_ms: row.bound.and(row.takeover).map(milliseconds),
                bound_ms: row.bound.map(milliseconds),
                within_bound: is_within(row),
            })
            .collect();
        let requests = self
            .visits
            .iter()
            .map(|row| {
                let [web_1, web_2] = row.shares;
                Requests {
                    event: &row.event,
                    web_1,
                    web_2,
                    failed: row.failed,
                    last_failure_ms: row.last_failure.map(milliseconds),
                    bound_ms: row.bound.map(milliseconds),
                    within_bound: is_over(row),
                }
            })
            .collect();
        let document = Document {
            events,
            requests,
            request_tolerance_ms: milliseconds(VISIT_TOLERANCE),
            tolerance_ms: milliseconds(TOLERANCE),
            met: self.is_met(),
            took_ms: milliseconds(self.took),
        };
        // A document of numbers and strings can always be written.
        serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
    }
}

/// Whether takeover and outage keep to the bound; nothing where there is none.
fn is_within(row: &Row) -> Option<bool> {
    let limit = row.bound? + TOLERANCE;
    Some(row.outage <= limit && row.takeover.is_some_and(|takeover| takeover <= limit))
}

/// Whether failures were over in time; nothing where there is no bound.
fn is_over(row: &VisitRow) -> Option<bool> {
    let limit = row.bound? + VISIT_TOLERANCE;
    Some(row.last_failure.is_none_or(|last| last <= limit))
}

fn complaint(row: &Row) -> String {
    let limit = row.bound.unwrap_or_default() + TOLERANCE;
    match row.takeover {
        None => "nobody took over".to_owned(),
        Some(takeover) if takeover > limit => format!("takeover after {}", span(takeover)),
        Some(_) => format!("outage of {}", span(row.outage)),
    }
}

fn line([event, addresses, outage, takeover, bound]: [&str; 5]) -> String {
    let text = format!("{event:<16}  {addresses:<26}  {outage:>10}  {takeover:>10}  {bound:>10}");
    format!("{}\n", text.trim_end())
}

fn visit_line([event, all, one, two, failed, last, bound]: [&str; 7]) -> String {
    let text =
        format!("{event:<16}  {all:>8}  {one:>6}  {two:>6}  {failed:>6}  {last:>12}  {bound:>10}");
    format!("{}\n", text.trim_end())
}

/// Below a second in milliseconds, else in seconds.
fn span(span: Duration) -> String {
    if span < Duration::from_secs(1) {
        format!("{:.1} ms", span.as_secs_f64() * 1000.0)
    } else {
        format!("{:.3} s", span.as_secs_f64())
    }
}

/// To the microsecond.
fn milliseconds(span: Duration) -> f64 {
    (span.as_secs_f64() * 1e6).round() / 1000.0
}

/// What scheduling on an idle machine may add.
const TOLERANCE: Duration = Duration::from_millis(20);
/// The same for requests: one that was under way may wait for its answer as long as any.
const VISIT_TOLERANCE: Duration = visitor::LIMIT.saturating_add(Duration::from_millis(50));
/// A pause of the client that is worth a word.
const NOTABLE: Duration = Duration::from_millis(5);
const LEGEND: &str = "\
Outage: longest time without an echo reply; after kill -9 the dead router's kernel still answers.
Takeover: from the last advertisement to the first gratuitous ARP or echo reply of the other router.
";
const LEGEND_OF_REQUESTS: &str = "\
Last failure: from the event to the last request that failed. A dead web server is asked on until its check has
failed twice: within delay_loop (1 s), and again after delay_before_retry (0.5 s).
";

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn row(event: &str, outage: u64, takeover: Option<u64>, bound: Option<u64>) -> Row {
        Row {
            event: event.to_owned(),
            addresses: vec![Ipv4Addr::new(10, 101, 0, 101), Ipv4Addr::new(10, 101, 0, 102)],
            outage: Duration::from_micros(outage),
            pause: Duration::from_millis(1),
            takeover: takeover.map(Duration::from_micros),
            bound: bound.map(Duration::from_micros),
        }
    }

    fn good() -> Report {
        let rows = vec![
            row("kill -9 of a", 1_234, Some(3_614_100), Some(3_613_281)),
            row("a comes back", 900, Some(400_000), None),
        ];
        let visits = vec![
            VisitRow {
                event: "kill -9 of web-2".to_owned(),
                shares: [120, 20],
                failed: 31,
                last_failure: Some(Duration::from_micros(1_204_000)),
                bound: Some(Duration::from_millis(1500)),
            },
            VisitRow {
                event: "web-2 comes back".to_owned(),
                shares: [80, 10],
                failed: 0,
                last_failure: None,
                bound: None,
            },
        ];
        Report { rows, visits, took: Duration::from_millis(26_540) }
    }

    #[test]
    fn the_table_lines_up_and_says_that_all_is_well() {
        let expected = "\
event             addresses                       outage    takeover       bound
kill -9 of a      10.101.0.101, 10.101.0.102      1.2 ms     3.614 s     3.613 s
a comes back      10.101.0.101, 10.101.0.102      0.9 ms           -           -

event             requests   web-1   web-2  failed  last failure       bound
kill -9 of web-2       171     120      20      31       1.204 s     1.500 s
web-2 comes back        90      80      10       0             -           -

Every takeover and every outage within its bound + 20.0 ms.
No request failed later than the bound of its event + 300.0 ms.
Outage: longest time without an echo reply; after kill -9 the dead router's kernel still answers.
Takeover: from the last advertisement to the first gratuitous ARP or echo reply of the other router.
Last failure: from the event to the last request that failed. A dead web server is asked on until its check has
failed twice: within delay_loop (1 s), and again after delay_before_retry (0.5 s).
The demonstration took 26.540 s.
";
        assert_eq!(good().table(), expected);
    }

    #[test]
    fn what_was_missed_is_named() {
        let rows = vec![
            row("kill -9 of a", 9_000_000, None, Some(3_613_281)),
            row("link of b down", 3_600_000, Some(3_640_000), Some(3_613_281)),
            row("a stopped", 700_000, Some(613_000), Some(613_281)),
        ];
        let visits = vec![VisitRow {
            event: "kill -9 of web-2".to_owned(),
            shares: [120, 20],
            failed: 31,
            last_failure: Some(Duration::from_millis(1801)),
            bound: Some(Duration::from_millis(1500)),
        }];
        let report = Report { rows, visits, took: Duration::from_secs(30) };
        assert!(!report.is_met());
        let table = report.table();
        assert!(table.contains("NOT MET: kill -9 of web-2, a request failed after 1.801 s\n"));
        assert!(table.contains("NOT MET: kill -9 of a, nobody took over\n"));
        assert!(table.contains("NOT MET: link of b down, takeover after 3.640 s\n"));
        assert!(table.contains("NOT MET: a stopped, outage of 700.0 ms\n"));
    }

    #[test]
    fn a_busy_machine_is_named() {
        let mut report = good();
        report.rows.iter_mut().for_each(|row| row.pause = Duration::from_millis(31));
        assert!(report.table().contains("the client itself did not run for up to 31.0 ms"));
    }

    #[test]
    fn the_document_has_milliseconds_and_null_for_what_is_not_promised() {
        let document: serde_json::Value =
            serde_json::from_str(&good().json()).expect("a JSON document");
        let expected = serde_json::json!({
            "events": [
                {
                    "event": "kill -9 of a",
                    "addresses": ["10.101.0.101", "10.101.0.102"],
                    "outage_ms": 1.234,
                    "client_pause_ms": 1.0,
                    "takeover_ms": 3614.1,
                    "bound_ms": 3613.281,
                    "within_bound": true,
                },
                {
                    "event": "a comes back",
                    "addresses": ["10.101.0.101", "10.101.0.102"],
                    "outage_ms": 0.9,
                    "client_pause_ms": 1.0,
                    "takeover_ms": null,
                    "bound_ms": null,
                    "within_bound": null,
                },
            ],
            "tolerance_ms": 20.0,
            "requests": [
                {
                    "event": "kill -9 of web-2",
                    "web_1": 120,
                    "web_2": 20,
                    "failed": 31,
                    "last_failure_ms": 1204.0,
                    "bound_ms": 1500.0,
                    "within_bound": true,
                },
                {
                    "event": "web-2 comes back",
                    "web_1": 80,
                    "web_2": 10,
                    "failed": 0,
                    "last_failure_ms": null,
                    "bound_ms": null,
                    "within_bound": null,
                },
            ],
            "request_tolerance_ms": 300.0,
            "met": true,
            "took_ms": 26540.0,
        });
        assert_eq!(document, expected);
    }
}
