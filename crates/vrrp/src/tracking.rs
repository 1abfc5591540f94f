//! Watched things: what their states do to the priority of a router, and which of them are faults.

use std::collections::BTreeMap;

use wire::Priority;

use crate::{Mode, Parameters, TrackerId, TrackerState, Weight};

/// States of all watched things.
pub(crate) type TrackerStates = BTreeMap<TrackerId, TrackerState>;

/// The base priority plus all weights, within 1 to 254. An owner is never reduced. `cut` is the
/// incumbent's answer to a second owner that does not give way.
pub(crate) fn effective_priority(
    parameters: &Parameters,
    states: &TrackerStates,
    cut: bool,
) -> Priority {
    let base = match parameters.mode {
        Mode::Owner if cut => return Priority(254),
        Mode::Owner => return Priority::OWNER,
        Mode::Contender { priority, .. } => priority,
    };
    let sum = parameters
        .tracking
        .iter()
        .map(|tracking| match effect(tracking.weight, state_of(states, tracking.tracker)) {
            Effect::Added(points) => points,
            Effect::Fault => 0,
        })
        .fold(i32::from(base.0), i32::saturating_add);
    Priority(u8::try_from(sum.clamp(1, 254)).unwrap_or(1))
}

/// The watched things, and whether each is a reason for Fault.
pub(crate) fn faults(
    parameters: &Parameters,
    states: &TrackerStates,
) -> impl Iterator<Item = (TrackerId, bool)> {
    parameters.tracking.iter().map(|tracking| {
        let effect = effect(tracking.weight, state_of(states, tracking.tracker));
        (tracking.tracker, effect == Effect::Fault)
    })
}

/// What one watched thing does to one router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Its priority changes by this much.
    Added(i32),
    /// It cannot take part.
    Fault,
}

fn effect(weight: Weight, state: TrackerState) -> Effect {
    match (weight, state) {
        (Weight::Fault { reverse }, TrackerState::Value(value)) => {
            if (value != 0) == reverse {
                Effect::Added(0)
            } else {
                Effect::Fault
            }
        }
        (Weight::Fault { reverse }, TrackerState::Up | TrackerState::Down) => {
            if (state == TrackerState::Up) == reverse { Effect::Fault } else { Effect::Added(0) }
        }
        (Weight::Fault { .. }, TrackerState::Unknown) => Effect::Fault,
        (Weight::Priority { .. }, TrackerState::Unknown) => Effect::Added(0),
        (Weight::Priority { weight, reverse }, TrackerState::Value(value)) => {
            let weight = i32::from(weight);
            match value.saturating_mul(if reverse { -weight } else { weight }) {
                ..=-254 => Effect::Fault,
                points => Effect::Added(points.min(253)),
            }
        }
        (Weight::Priority { weight, reverse }, TrackerState::Up | TrackerState::Down) => {
            let counts = (state == TrackerState::Up) == (weight > 0);
            let points = if counts { i32::from(weight) } else { 0 };
            Effect::Added(if reverse { -points } else { points })
        }
    }
}

fn state_of(states: &TrackerStates, tracker: TrackerId) -> TrackerState {
    states.get(&tracker).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tracking;
    use crate::router::fixture::contender;

    fn check(base: u8, tracking: &[(i16, bool, TrackerState)], expected: u8) {
        let mut parameters = contender(base);
        let mut states = TrackerStates::new();
        for (number, (weight, reverse, state)) in (0_u32..).zip(tracking) {
            let tracker = TrackerId(number);
            let weight = Weight::Priority { weight: *weight, reverse: *reverse };
            parameters.tracking.push(Tracking { tracker, weight });
            states.insert(tracker, *state);
        }
        assert_eq!(effective_priority(&parameters, &states, false), Priority(expected));
    }

    #[test]
    fn positive_weights_add_while_up_and_negative_ones_subtract_while_down() {
        use TrackerState::{Down, Unknown, Up};
        check(100, &[(50, false, Up)], 150);
        check(100, &[(50, false, Down)], 100);
        check(100, &[(-30, false, Up)], 100);
        check(100, &[(-30, false, Down)], 70);
        check(100, &[(50, false, Up), (-30, false, Down)], 120);
        check(100, &[(50, false, Unknown), (-30, false, Unknown)], 100);
    }

    #[test]
    fn reverse_turns_the_sign_of_what_is_added() {
        use TrackerState::{Down, Up};
        check(100, &[(50, true, Up)], 50);
        check(100, &[(50, true, Down)], 100);
        check(100, &[(-30, true, Up)], 100);
        check(100, &[(-30, true, Down)], 130);
    }

    #[test]
    fn the_sum_stays_between_1_and_254() {
        use TrackerState::{Down, Up};
        check(200, &[(253, false, Up), (253, false, Up)], 254);
        check(50, &[(-253, false, Down)], 1);
    }

    #[test]
    fn a_number_is_multiplied_by_its_weight() {
        use TrackerState::Value;
        check(100, &[(2, false, Value(30))], 160);
        check(100, &[(2, false, Value(-30))], 40);
        check(100, &[(2, true, Value(30))], 40);
        check(100, &[(1, false, Value(5)), (-1, false, Value(3))], 102);
        check(100, &[(1, false, Value(i32::MAX))], 254);
        // A fault changes no priority.
        check(100, &[(1, false, Value(-254))], 100);
        check(100, &[(-254, false, Value(i32::MAX))], 100);
    }

    fn is_fault(weight: Weight, state: TrackerState) -> bool {
        let mut parameters = contender(100);
        parameters.tracking.push(Tracking { tracker: TrackerId(7), weight });
        let states = TrackerStates::from([(TrackerId(7), state)]);
        faults(&parameters, &states).any(|fault| fault == (TrackerId(7), true))
    }

    #[test]
    fn without_weight_a_failure_is_a_fault_and_so_is_a_number_that_is_not_0() {
        use TrackerState::{Down, Unknown, Up, Value};
        for (state, plain, reversed) in [
            (Up, false, true),
            (Down, true, false),
            (Unknown, true, true),
            (Value(0), false, true),
            (Value(1), true, false),
            (Value(-1), true, false),
        ] {
            assert_eq!(is_fault(Weight::Fault { reverse: false }, state), plain, "{state:?}");
            assert_eq!(is_fault(Weight::Fault { reverse: true }, state), reversed, "{state:?}");
        }
    }

    #[test]
    fn a_product_of_minus_254_or_less_is_a_fault() {
        use TrackerState::{Down, Unknown, Value};
        let is_fault =
            |weight, reverse, state| is_fault(Weight::Priority { weight, reverse }, state);
        assert!(!is_fault(1, false, Value(-253)));
        assert!(is_fault(1, false, Value(-254)));
        assert!(is_fault(254, false, Value(-1)));
        assert!(is_fault(254, true, Value(1)));
        assert!(is_fault(-2, false, Value(127)));
        assert!(is_fault(-254, false, Value(i32::MAX)));
        assert!(!is_fault(-253, false, Down) && !is_fault(-253, false, Unknown));
    }

    #[test]
    fn an_owner_keeps_255_whatever_is_watched() {
        let mut parameters = contender(100);
        parameters.mode = Mode::Owner;
        parameters.tracking.push(Tracking {
            tracker: TrackerId(0),
            weight: Weight::Priority { weight: -50, reverse: false },
        });
        let states = TrackerStates::from([(TrackerId(0), TrackerState::Down)]);
        assert_eq!(effective_priority(&parameters, &states, false), Priority(255));
        assert_eq!(effective_priority(&parameters, &states, true), Priority(254));
    }
}
