//! One real server: up if all its checks say so, with the weight that they leave it, unless an operator orders otherwise.

use clock::Instant;

use crate::checker::Checker;
use crate::output::Teller;
use crate::snapshot::RealServerSnapshot;
use crate::{Alerts, ByCheck, OnFailure, Order, RealServerParameters, Verdict, WeightEffect};

/// The state of one real server.
#[derive(Clone, Debug)]
pub(crate) struct RealServer {
    base_weight: u32,
    /// What a former process left it, which counts until its checks have said which weight they leave it.
    left_weight: Option<u32>,
    on_failure: OnFailure,
    pub(crate) alerts: Alerts,
    /// What an operator wants of it.
    pub(crate) order: Option<Order>,
    pub(crate) checks: ByCheck<Checker>,
    /// What is acted upon and was told; follows [`Self::opinion`].
    pub(crate) verdict: Verdict,
    /// The weight that is acted upon; follows [`Self::weight_due`].
    pub(crate) weight: u32,
    /// Its weight in the pool.
    pub(crate) installed: Option<u32>,
    /// When the verdict began; none before the start.
    pub(crate) since: Option<Instant>,
}

/// What a process before this one left of a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Former {
    /// Nothing is known of it.
    Unknown,
    /// Its weight in the pool; none where it was not in there.
    Known(Option<u32>),
}

impl RealServer {
    /// One that no pool holds as far as this process is concerned, or that a former process left there. One that
    /// served goes on to serve, with the weight that its checks gave it; one that did not waits for its checks.
    pub(crate) fn new(
        parameters: &RealServerParameters,
        former: Former,
        order: Option<Order>,
    ) -> Self {
        // Whoever was drained has weight 0 without being down.
        let usual = match order {
            Some(Order::Weight(weight)) => weight,
            _ => parameters.weight,
        };
        let assumed = match former {
            Former::Unknown => None,
            Former::Known(Some(weight)) => Some(parameters.on_failure.tells(weight, usual)),
            Former::Known(None) => Some(Verdict::Down),
        };
        let installed = match former {
            Former::Unknown => None,
            Former::Known(installed) => installed,
        };
        let checks = parameters
            .checks
            .iter()
            .map(|(id, check)| (*id, Checker::new(check.clone(), assumed.unwrap_or(check.start))));
        let mut server = Self {
            base_weight: parameters.weight,
            // What was ordered is not what checks say.
            left_weight: installed.filter(|_| order.is_none() && assumed == Some(Verdict::Up)),
            on_failure: parameters.on_failure,
            alerts: parameters.alerts,
            order,
            checks: checks.collect(),
            verdict: Verdict::Up,
            weight: parameters.weight,
            installed,
            since: None,
        };
        server.verdict = server.opinion();
        server.weight = server.weight_due();
        server
    }

    /// What it is: Down if one of its checks says so, or an order.
    pub(crate) fn opinion(&self) -> Verdict {
        if self.order == Some(Order::Disabled) {
            Verdict::Down
        } else if self.checks.values().all(|check| check.verdict() == Verdict::Up) {
            Verdict::Up
        } else {
            Verdict::Down
        }
    }

    /// The weight that is ordered, or that the checks leave it. What several of them add adds up.
    pub(crate) fn weight_due(&self) -> u32 {
        if let Some(Order::Weight(weight)) = self.order {
            return weight;
        }
        if let Some(left) = self.left_weight
            && self.checks.values().any(Checker::owes_weight)
        {
            return left;
        }
        let base = i64::from(self.base_weight);
        let added = self.checks.values().map(|check| match check.effect() {
            WeightEffect::None => 0,
            WeightEffect::Exactly(weight) => i64::from(weight) - base,
            WeightEffect::Added(points) => points,
        });
        let sum = added.fold(base, i64::saturating_add).clamp(0, MAX_WEIGHT);
        u32::try_from(sum).unwrap_or(0)
    }

    /// Its weight in the pool; none for out of it. `has_given_way` while the sorry server serves for all.
    pub(crate) fn wanted(&self, has_given_way: bool) -> Option<u32> {
        let is_drained = self.order == Some(Order::Weight(0));
        match (self.verdict, self.on_failure) {
            (Verdict::Up, _) if !has_given_way || is_drained => Some(self.weight),
            (_, OnFailure::Inhibit) => Some(0),
            (_, OnFailure::Remove) => None,
        }
    }

    /// Takes other parameters. A check that is new does not take a server down that serves, even if it is one
    /// that starts Down.
    pub(crate) fn adjust(
        &mut self,
        now: Instant,
        parameters: &RealServerParameters,
        order: Option<Order>,
        teller: &mut Teller<'_>,
    ) {
        let owes_weight = self.checks.values().any(Checker::owes_weight);
        self.left_weight =
            self.left_weight.filter(|_| owes_weight && self.base_weight == parameters.weight);
        self.order = order;
        self.base_weight = parameters.weight;
        self.on_failure = parameters.on_failure;
        self.alerts = parameters.alerts;
        self.checks.retain(|id, check| {
            let stays = parameters.checks.get(id).is_some();
            if !stays {
                teller.cancel(*id, check.suspend());
            }
            stays
        });
        let serves = self.verdict == Verdict::Up;
        for (id, check) in parameters.checks.iter() {
            if let Some(old) = self.checks.get_mut(id) {
                teller.cancel(*id, old.adjust(now, check));
            } else {
                let start = if serves { Verdict::Up } else { check.start };
                self.checks.insert(*id, Checker::new(check.clone(), start));
            }
        }
    }

    pub(crate) fn snapshot(&self) -> RealServerSnapshot {
        RealServerSnapshot {
            verdict: self.verdict,
            since: self.since,
            weight: self.weight,
            installed: self.installed,
            order: self.order,
            checks: self.checks.iter().map(|(id, check)| (*id, check.snapshot())).collect(),
        }
    }
}

impl OnFailure {
    /// What a server was found to be that a former process left in the pool with the weight `left`, where `base` is
    /// its own: one that is down is not in the pool, or there with weight 0.
    const fn tells(self, left: u32, base: u32) -> Verdict {
        match self {
            Self::Inhibit if left == 0 && base > 0 => Verdict::Down,
            Self::Inhibit | Self::Remove => Verdict::Up,
        }
    }
}

/// The largest weight of the configuration language.
const MAX_WEIGHT: i64 = 0x7fff_ffff;
