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
        .map(|tracking| match tracking.weight {
            Weight::Fault { .. } => 0,
            Weight::Priority { weight, reverse } => {
                match (seen(state_of(states, tracking.tracker), reverse), weight > 0) {
                    (TrackerState::Up, true) | (TrackerState::Down, false) => i32::from(weight),
                    (TrackerState::Up, false)
                    | (TrackerState::Down, true)
                    | (TrackerState::Unknown, _) => 0,
                }
            }
        })
        .fold(i32::from(base.0), i32::saturating_add);
    Priority(u8::try_from(sum.clamp(1, 254)).unwrap_or(1))
}

/// The watched things without weight, and whether each is a reason for Fault.
pub(crate) fn faults(
    parameters: &Parameters,
    states: &TrackerStates,
) -> impl Iterator<Item = (TrackerId, bool)> {
    parameters.tracking.iter().filter_map(|tracking| match tracking.weight {
        Weight::Fault { reverse } => {
            let state = seen(state_of(states, tracking.tracker), reverse);
            Some((tracking.tracker, state != TrackerState::Up))
        }
        Weight::Priority { .. } => None,
    })
}

fn state_of(states: &TrackerStates, tracker: TrackerId) -> TrackerState {
    states.get(&tracker).copied().unwrap_or_default()
}

fn seen(state: TrackerState, reverse: bool) -> TrackerState {
    match (state, reverse) {
        (TrackerState::Up, false) | (TrackerState::Down, true) => TrackerState::Up,
        (TrackerState::Down, false) | (TrackerState::Up, true) => TrackerState::Down,
        (TrackerState::Unknown, _) => TrackerState::Unknown,
    }
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
    fn reverse_swaps_up_and_down() {
        use TrackerState::{Down, Up};
        check(100, &[(50, true, Down)], 150);
        check(100, &[(50, true, Up)], 100);
        check(100, &[(-30, true, Up)], 70);
    }

    #[test]
    fn the_sum_stays_between_1_and_254() {
        use TrackerState::{Down, Up};
        check(200, &[(253, false, Up), (253, false, Up)], 254);
        check(50, &[(-253, false, Down)], 1);
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
