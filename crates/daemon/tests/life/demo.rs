//! `steadfast demo` as a whole: what it shows happens, however busy this machine is. Its bounds are for one that is not.

use std::process::Command;

use serde_json::Value;

use crate::Test;
use crate::daemon::PROGRAM;

pub const TESTS: &[Test] =
    &[("addresses_move_and_requests_go_where_a_web_server_lives", moves_and_balances)];

fn moves_and_balances() {
    let output = Command::new(PROGRAM).args(["demo", "--json"]).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
    let events = document["events"].as_array().unwrap();
    assert_eq!(events.len(), 6, "{document}");
    for event in events.iter().filter(|event| !event["bound_ms"].is_null()) {
        assert!(event["takeover_ms"].is_number(), "{event}");
    }
    let requests = document["requests"].as_array().unwrap();
    let names: Vec<&str> = requests.iter().map(|row| row["event"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "all is well",
            "kill -9 of web-2",
            "web-2 comes back",
            "kill -9 of a",
            "a comes back",
            "a stopped",
            "a comes back"
        ]
    );
    let counts =
        |row: usize| ["web_1", "web_2", "failed"].map(|name| requests[row][name].as_u64().unwrap());
    let [one, two, failed] = counts(0);
    assert!(one.abs_diff(two) <= 1 + failed && one > 3, "{document}");
    // Every other request is refused until the dead one is taken out; then none is.
    let [one, _, failed] = counts(1);
    assert!(one >= 20 && failed > 0, "{document}");
    assert!(requests[1]["last_failure_ms"].as_f64().unwrap() < 5000.0, "{document}");
    // While an address moves after a stop, few requests are answered.
    for row in [2, 3, 4, 6] {
        let [one, two, _] = counts(row);
        assert!(one > 0 && two > 0, "{document}");
    }
    for line in [
        "Removing service [10.101.1.188]:tcp:80 from VS [10.101.0.101]:tcp:80",
        "Adding service [10.101.1.188]:tcp:80 to VS [10.101.0.101]:tcp:80",
        "10.101.0.101 is answered by b",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
}
