//! `regex` of a check: an expression of PCRE2, which keepalived uses too, with a bound on its work.
//!
//! Some expressions take more time than any body is worth (`(a+)+$`), and a library that works on one cannot be
//! stopped from outside. So it is asked about one place of the body at a time, with a bound on its steps. Between the
//! places others have their turn, the deadline of the check counts, and so does the time that went into it. Short
//! bodies, which most are, are first searched at once, with a bound that only simple expressions keep to.

mod compile;

use std::sync::Arc;
use std::time::{Duration, Instant};

use health::Failure;

use self::compile::Programs;
pub use self::compile::{ExpressionError, ExpressionOptions};
use crate::http::LONGEST_SEARCHED;
use crate::patience::wrong;

/// An expression that can be looked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    options: ExpressionOptions,
    programs: Arc<Programs>,
}

impl Expression {
    /// **Errors**: it is none.
    pub fn new(text: &str, options: ExpressionOptions) -> Result<Self, ExpressionError> {
        let programs = Arc::new(compile::programs(text, &options)?);
        Ok(Self { text: text.to_owned(), options, programs })
    }

    /// A match is good, or the opposite.
    pub(crate) const fn must_be_found(&self) -> bool {
        !self.options.must_not_match
    }

    /// How many bytes of a body are looked at.
    pub(crate) fn reach(&self) -> usize {
        match (self.programs.is_utf, self.programs.is_plain) {
            (true, true) => SHORT_PLAIN_UTF,
            (true, false) => LONGEST_UTF,
            (false, _) => LONGEST_SEARCHED,
        }
    }

    /// Whether a match begins at a place where it may.
    ///
    /// **Errors**: it takes too much work; the body is not of the encoding that it wants.
    pub(crate) async fn is_in(&self, body: &[u8]) -> Result<bool, Failure> {
        let body = self.readable(body.get(..self.reach()).unwrap_or(body))?;
        let last = self.last_place(body);
        let first = usize::try_from(self.options.from).unwrap_or(usize::MAX);
        if last == body.len()
            && first <= last
            && body.len() <= self.short()
            && let Ok(found) = self.programs.quick.is_match_at(body, self.place(body, first))
        {
            return Ok(found);
        }
        let mut worked = Duration::ZERO;
        let (mut since, mut mark) = (Instant::now(), processor_time());
        for at in (first..=last).filter(|at| self.is_place(body, *at)) {
            match self.programs.careful.is_match_at(body, at) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(_) => return Err(wrong("`regex` takes too many steps on this answer")),
            }
            if since.elapsed() >= SLICE {
                worked += processor_time().saturating_sub(mark);
                if worked >= MOST_WORK {
                    return Err(wrong("`regex` takes too long on this answer"));
                }
                tokio::task::yield_now().await;
                (since, mark) = (Instant::now(), processor_time());
            }
        }
        Ok(false)
    }

    /// What can be searched: for an expression of characters, as far as there are any.
    fn readable<'a>(&self, body: &'a [u8]) -> Result<&'a [u8], Failure> {
        match std::str::from_utf8(body) {
            // It may have been cut within a character.
            Err(error) if self.programs.is_utf && error.error_len().is_some() => {
                Err(wrong("the answer is not UTF-8, which `regex` wants"))
            }
            Err(error) if self.programs.is_utf => {
                Ok(body.get(..error.valid_up_to()).unwrap_or_default())
            }
            Ok(_) | Err(_) => Ok(body),
        }
    }

    /// Up to which length a body is searched at once.
    fn short(&self) -> usize {
        match (self.programs.is_utf, self.programs.is_plain) {
            (true, true) => SHORT_PLAIN_UTF,
            (true, false) => SHORT_UTF,
            (false, _) => SHORT,
        }
    }

    /// The last place where a match may begin; the end of the body is one.
    fn last_place(&self, body: &[u8]) -> usize {
        let most = match self.options.to {
            Some(to) => usize::try_from(to).unwrap_or(usize::MAX),
            None => body.len(),
        };
        let line = self.options.first_line.then(|| body.iter().position(|byte| *byte == b'\n'));
        most.min(body.len()).min(line.flatten().unwrap_or(body.len()))
    }

    fn is_place(&self, body: &[u8], at: usize) -> bool {
        let is_within = |byte: &u8| byte & 0xc0 == 0x80;
        !(self.programs.is_utf && body.get(at).is_some_and(is_within))
    }

    /// The first place that is not before `at`.
    fn place(&self, body: &[u8], at: usize) -> usize {
        (at..body.len()).find(|at| self.is_place(body, *at)).unwrap_or(body.len())
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.options == other.options
    }
}

impl Eq for Expression {}

/// What this thread has worked. What others of the machine do meanwhile is no work for a body.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// How long others wait.
const SLICE: Duration = Duration::from_millis(1);
/// How much time one body is worth.
const MOST_WORK: Duration = Duration::from_millis(500);
/// Bytes of a body that is searched at once: from each place an expression may look at all of the rest.
const SHORT: usize = 8 << 10;
/// The same for an expression of characters, which take longer.
const SHORT_UTF: usize = 4 << 10;
/// The same where it looks only a little way from each place.
const SHORT_PLAIN_UTF: usize = 64 << 10;
/// Bytes that are searched for characters place by place: the library looks at the encoding of all of them each time.
const LONGEST_UTF: usize = 16 << 10;
