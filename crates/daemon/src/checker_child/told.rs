//! Checks that are told: those of files, which the parent reads, and of BFD sessions, which the VRRP process has.

use std::collections::BTreeMap;

use clock::Instant;
use config::model::CheckKind;
use control::{Finding, Watched};
use health::{CheckId, Failure, FailureKind, Input, Outcome, WeightEffect};

use super::Shell;
use super::catalogue::Catalogue;

impl Shell {
    /// The parent found out something new.
    pub(super) fn take_findings(&mut self, now: Instant, findings: BTreeMap<Watched, Finding>) {
        for (watched, finding) in findings {
            let told = self.catalogue.watchers.get(&watched).cloned().unwrap_or_default();
            self.findings.insert(watched, finding);
            for check in told {
                self.tell_check(now, check);
            }
        }
        self.follow_instance();
    }

    /// Tells checks that were not there before what was found out until now.
    pub(super) fn tell_fresh_checks(&mut self, now: Instant, former: &Catalogue) {
        let checks = self.catalogue.checks.keys();
        let fresh: Vec<CheckId> =
            checks.filter(|id| !former.checks.contains_key(id)).copied().collect();
        for check in fresh {
            self.tell_check(now, check);
        }
    }

    fn tell_check(&mut self, now: Instant, check: CheckId) {
        let Some(entry) = self.catalogue.checks.get(&check) else { return };
        let finding = watched_by(entry.kind()).and_then(|watched| self.findings.get(&watched));
        let Some(outcome) = finding.and_then(|finding| outcome(entry.kind(), *finding)) else {
            return;
        };
        self.roster.handle(now, Input::Told { check, outcome }, &mut self.outputs);
        self.perform(now);
    }
}

/// What a check hears of; nothing of one that asks itself.
pub(super) fn watched_by(kind: &CheckKind) -> Option<Watched> {
    match kind {
        CheckKind::File(name, _) => Some(Watched::File(name.clone())),
        CheckKind::Bfd(name) => Some(Watched::Session(name.clone())),
        CheckKind::Tcp(_)
        | CheckKind::Http(..)
        | CheckKind::Https(..)
        | CheckKind::Grpc(..)
        | CheckKind::Smtp(..)
        | CheckKind::Dns(..)
        | CheckKind::Udp(..)
        | CheckKind::Ping(_)
        | CheckKind::Misc(_) => None,
    }
}

/// What a finding means for a check.
fn outcome(kind: &CheckKind, finding: Finding) -> Option<Outcome> {
    let failed = |kind, why| Some(Outcome::Failed(Failure { kind, why }));
    match (kind, finding) {
        (CheckKind::File(_, Some(weight)), Finding::Value(value)) if weight.weight == 0 => {
            if (value != 0) == weight.reverse {
                return Some(Outcome::Passed(WeightEffect::None));
            }
            failed(FailureKind::WrongAnswer, format!("the file says {value}"))
        }
        (CheckKind::File(_, Some(weight)), Finding::Value(value)) => {
            let sign = if weight.reverse { -1 } else { 1 };
            let points = i64::from(value) * i64::from(weight.weight) * sign;
            if points <= i64::from(i32::MIN) {
                return failed(FailureKind::WrongAnswer, format!("the file says {value}"));
            }
            Some(Outcome::Passed(WeightEffect::Added(points)))
        }
        (CheckKind::Bfd(_), Finding::Good) => Some(Outcome::Passed(WeightEffect::None)),
        (CheckKind::Bfd(_), Finding::Bad) => {
            failed(FailureKind::Unreachable, "the session is down".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use config::model::FileWeight;

    use super::*;

    fn of_file(weight: i32, reverse: bool, value: i32) -> Option<Outcome> {
        let kind = CheckKind::File("f".to_owned(), Some(FileWeight { weight, reverse }));
        outcome(&kind, Finding::Value(value))
    }

    fn says(value: i32) -> Option<Outcome> {
        let why = format!("the file says {value}");
        Some(Outcome::Failed(Failure { kind: FailureKind::WrongAnswer, why }))
    }

    #[test]
    fn the_number_of_a_file_times_its_weight_is_added() {
        let added = |points| Some(Outcome::Passed(WeightEffect::Added(points)));
        assert_eq!(of_file(1, false, 20), added(20));
        assert_eq!(of_file(-3, false, 20), added(-60));
        assert_eq!(of_file(3, true, 20), added(-60));
        assert_eq!(of_file(i32::MAX, false, 2), added(4_294_967_294));
        assert_eq!(of_file(i32::MAX, true, 2), says(2));
    }

    #[test]
    fn without_a_weight_a_file_says_whether_the_server_is_up() {
        let passed = Some(Outcome::Passed(WeightEffect::None));
        assert_eq!(of_file(0, false, 0), passed);
        assert_eq!(of_file(0, false, 5), says(5));
        assert_eq!(of_file(0, true, 5), passed);
        assert_eq!(of_file(0, true, 0), says(0));
    }

    #[test]
    fn a_session_that_is_down_is_a_failure() {
        let bfd = CheckKind::Bfd("b".to_owned());
        assert_eq!(outcome(&bfd, Finding::Good), Some(Outcome::Passed(WeightEffect::None)));
        assert!(matches!(outcome(&bfd, Finding::Bad), Some(Outcome::Failed(_))));
        assert_eq!(outcome(&bfd, Finding::Value(1)), None);
    }
}
