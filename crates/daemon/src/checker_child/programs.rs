//! Checks by programs (`MISC_CHECK`), which the parent runs: what their ends mean.

use config::model::Program;
use control::Ran;
use health::{Failure, FailureKind, Outcome, WeightEffect};

/// What the end of a run means.
pub(super) fn outcome(program: &Program, ran: Ran) -> Outcome {
    let (kind, why) = match ran {
        Ran::Exited(0) => return Outcome::Passed(WeightEffect::None),
        Ran::Exited(status @ 2..=255) if program.is_dynamic => {
            // A weight, above what says that all is well and what says that nothing is.
            let weight = u32::try_from(status).unwrap_or(2).saturating_sub(2);
            return Outcome::Passed(WeightEffect::Exactly(weight));
        }
        Ran::Exited(status) => {
            (FailureKind::Exited(status), format!("exited with status {status}"))
        }
        Ran::Signalled(signal) => {
            (FailureKind::Signaled(signal), format!("due to signal {signal}"))
        }
        Ran::TimedOut => (FailureKind::TimedOut, "timed out".to_owned()),
        Ran::NotRun(why) => (FailureKind::NotMade, why),
    };
    Outcome::Failed(Failure { kind, why })
}

#[cfg(test)]
mod tests {
    use config::model::Command;

    use super::*;

    fn check(is_dynamic: bool, ran: Ran, expected: Result<WeightEffect, &str>) {
        let command = Command { words: Vec::new(), user: None, location: String::new() };
        let found = match outcome(&Program { command, is_dynamic }, ran) {
            Outcome::Passed(effect) => Ok(effect),
            Outcome::Failed(failure) => Err(failure.why),
        };
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn a_status_is_good_or_bad() {
        check(false, Ran::Exited(0), Ok(WeightEffect::None));
        check(false, Ran::Exited(1), Err("exited with status 1"));
        check(false, Ran::Exited(5), Err("exited with status 5"));
        check(false, Ran::Signalled(9), Err("due to signal 9"));
        check(false, Ran::TimedOut, Err("timed out"));
        check(false, Ran::NotRun("no".to_owned()), Err("no"));
    }

    #[test]
    fn a_dynamic_status_from_two_on_is_a_weight() {
        check(true, Ran::Exited(0), Ok(WeightEffect::None));
        check(true, Ran::Exited(1), Err("exited with status 1"));
        check(true, Ran::Exited(2), Ok(WeightEffect::Exactly(0)));
        check(true, Ran::Exited(52), Ok(WeightEffect::Exactly(50)));
        check(true, Ran::Exited(255), Ok(WeightEffect::Exactly(253)));
    }
}
