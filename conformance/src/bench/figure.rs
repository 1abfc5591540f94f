//! What was measured: two series of samples side by side, what was wanted of them, and the verdict.

use crate::subject::Subject;

/// One row of the report.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The study that measured it.
    pub study: &'static str,
    /// What was measured, in words.
    pub name: String,
    /// The unit of each sample.
    pub unit: String,
    /// What is wanted of ours.
    pub wanted: Wanted,
    /// Samples of the incumbent.
    pub keepalived: Vec<f64>,
    /// Samples of ours.
    pub ours: Vec<f64>,
}

/// What is wanted of our median.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wanted {
    /// At most this many times the incumbent's median.
    Ratio(f64),
    /// At most this much, in the unit of the figure.
    AtMost(f64),
    /// At most this many times the incumbent's median, and no sample above this much.
    RatioAndWorst(f64, f64),
    /// Nothing: the figure explains another one.
    Nothing,
}

/// The answer to [`Wanted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As wanted, or better.
    Met,
    /// Worse than wanted.
    Missed,
    /// Samples are missing, so nothing can be said.
    Unknown,
    /// Nothing was wanted.
    Plain,
}

impl Figure {
    /// A row without samples yet.
    #[must_use]
    pub fn new(study: &'static str, name: &str, unit: &str, wanted: Wanted) -> Self {
        let (name, unit) = (name.to_owned(), unit.to_owned());
        Self { study, name, unit, wanted, keepalived: Vec::new(), ours: Vec::new() }
    }

    /// Adds one sample of `subject`.
    pub fn push(&mut self, subject: Subject, sample: f64) {
        match subject {
            Subject::Keepalived => self.keepalived.push(sample),
            Subject::Ours => self.ours.push(sample),
        }
    }

    /// Our median over the incumbent's, where both are there and a quotient means something.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        let (ours, theirs) = (median(&self.ours)?, median(&self.keepalived)?);
        (theirs > 0.0 && ours >= 0.0).then(|| ours / theirs)
    }

    /// Whether ours is as wanted.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let Some(ours) = median(&self.ours) else {
            return if self.wanted == Wanted::Nothing { Verdict::Plain } else { Verdict::Unknown };
        };
        let theirs = median(&self.keepalived);
        // Both may be negative or zero where a figure is a difference from a bound: a product works there too.
        let within = |factor: f64| theirs.map(|theirs| ours <= theirs.max(0.0) * factor);
        let answer = match self.wanted {
            Wanted::Nothing => return Verdict::Plain,
            Wanted::AtMost(limit) => Some(ours <= limit),
            Wanted::Ratio(factor) => within(factor),
            Wanted::RatioAndWorst(factor, limit) => {
                within(factor).map(|fits| fits && self.ours.iter().all(|s| *s <= limit))
            }
        };
        match answer {
            Some(true) => Verdict::Met,
            Some(false) => Verdict::Missed,
            None => Verdict::Unknown,
        }
    }

    /// The goal in words.
    #[must_use]
    pub fn goal(&self) -> String {
        match self.wanted {
            Wanted::Ratio(factor) => format!("<= {factor}x"),
            Wanted::AtMost(limit) => format!("<= {limit} {}", self.unit),
            Wanted::RatioAndWorst(factor, limit) => {
                format!("<= {factor}x, never over {limit} {}", self.unit)
            }
            Wanted::Nothing => "-".to_owned(),
        }
    }
}

/// The middle sample, or the mean of the two middle ones; none of none.
#[must_use]
pub fn median(samples: &[f64]) -> Option<f64> {
    let sorted = sorted(samples);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *sorted.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(lower, upper))
}

/// The sample that `percent` of all do not exceed (nearest rank); none of none.
#[must_use]
pub fn percentile(samples: &[f64], percent: usize) -> Option<f64> {
    let sorted = sorted(samples);
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::{Figure, Verdict, Wanted, median, percentile};
    use crate::subject::Subject;

    #[test]
    fn median_is_the_middle_one_or_between_the_two_middle_ones() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn percentile_is_a_sample_by_its_rank() {
        let samples: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&samples, 99), Some(198.0));
        assert_eq!(percentile(&samples, 100), Some(200.0));
        assert_eq!(percentile(&[5.0], 1), Some(5.0));
    }

    #[test]
    fn verdict_compares_medians_and_watches_the_worst() {
        let mut figure = Figure::new("s", "n", "ms", Wanted::RatioAndWorst(1.0, 1.5));
        assert_eq!(figure.verdict(), Verdict::Unknown);
        figure.push(Subject::Keepalived, 0.5);
        figure.push(Subject::Ours, 0.4);
        assert_eq!(figure.verdict(), Verdict::Met);
        figure.push(Subject::Ours, 0.3);
        figure.push(Subject::Ours, 2.0);
        assert_eq!(figure.verdict(), Verdict::Missed);
    }
}
