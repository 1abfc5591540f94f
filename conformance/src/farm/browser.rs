//! The client of a farm: what it asked, and what it was answered.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::lab::{Space, reap};
use crate::moment::Moment;
use crate::stream::{Mark, Stream};

/// What came of one request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// When it was asked.
    pub asked: Moment,
    /// How long that took.
    pub took: Duration,
    /// The body, or `error: ` and why there is none.
    pub text: String,
}

impl Answer {
    /// Whether there was one.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.text.starts_with("error: ")
    }
}

/// A client that asks on and on. It ends with this value.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    answers: Stream<Answer>,
    count: usize,
}

impl Browser {
    /// One that asks for `what`: `pages` or `datagrams`.
    pub(super) fn start(
        space: &Space,
        what: &str,
        address: &str,
        count: u32,
        (every, patience): (Duration, Duration),
    ) -> Result<Self> {
        let (times, micros) = (count.to_string(), every.as_micros().to_string());
        let millis = patience.as_millis().to_string();
        let words = [what, address, &times, &micros, &millis];
        let mut child = space.agent(&words).spawn().context("start client")?;
        let output = BufReader::new(child.stdout.take().context("client without output")?);
        let answers = Stream::new();
        let sink = answers.clone();
        thread::spawn(move || {
            output.lines().map_while(Result::ok).filter_map(|line| read(&line)).for_each(
                |answer| {
                    sink.push(answer);
                },
            );
        });
        Ok(Self { child, answers, count: usize::try_from(count)? })
    }

    /// The answers so far, to be waited for.
    #[must_use]
    pub fn answers(&self) -> Stream<Answer> {
        self.answers.clone()
    }

    /// All answers, once they are there.
    ///
    /// # Errors
    /// When they are not `within` that time.
    pub fn all(&self, within: Duration) -> Result<Vec<Answer>> {
        let last = self.count.saturating_sub(1);
        self.answers.wait(Mark::after(last), within, |_| true).with_context(|| {
            format!("{} of {} answers", self.answers.since(Mark::START).len(), self.count)
        })?;
        Ok(self.answers.since(Mark::START))
    }

    /// How often each body came, once all are there.
    ///
    /// # Errors
    /// When a request failed, or answers are missing `within` that time.
    pub fn shares(&self, within: Duration) -> Result<BTreeMap<String, usize>> {
        let mut shares = BTreeMap::new();
        for answer in self.all(within)? {
            ensure!(answer.is_good(), "a request failed: {answer:?}");
            *shares.entry(answer.text).or_default() += 1;
        }
        Ok(shares)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        reap(&mut self.child);
    }
}

fn read(line: &str) -> Option<Answer> {
    let mut words = line.splitn(3, ' ');
    let asked = Moment(words.next()?.parse().ok()?);
    let took = Duration::from_micros(words.next()?.parse().ok()?);
    Some(Answer { asked, took, text: words.next()?.to_owned() })
}
