//! What a courier is sent with, and what it says: one run of e-mail.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Letters, and the server that takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand {
    /// Name or address of the server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// What we call ourselves.
    pub helo: String,
    /// How the conversation is protected.
    pub security: Security,
    /// Who we are, where the server wants to know.
    pub credentials: Option<Credentials>,
    /// A file of certificates that are trusted beside the system's.
    pub trusted: Option<String>,
    /// How long the server may take for each step.
    pub step: Duration,
    /// The address that errors go to.
    pub from: String,
    /// The letters, in order.
    pub letters: Vec<Letter>,
}

/// How a conversation is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Security {
    /// Not at all.
    None,
    /// By TLS after STARTTLS (RFC 3207), or not at all: a server that lacks it gets nothing.
    StartTls,
    /// By TLS from the first byte (RFC 8314 §3.3).
    Smtps,
}

/// A name and its password.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password, or where it is.
    pub password: Password,
}

/// A password, or the file that holds it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Password {
    /// Itself.
    Text(String),
    /// The first line of this file, read each time.
    File(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ********)", self.user)
    }
}

/// One letter: headers, an empty line, and the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// By which it is spoken of.
    pub number: u64,
    /// Those who get it.
    pub recipients: Vec<String>,
    /// Lines with CR and LF.
    pub text: String,
}

/// What a courier says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// The server took this letter, but for these recipients.
    Delivered {
        /// Which.
        number: u64,
        /// Who does not get it, with the reason.
        without: Vec<String>,
    },
    /// For some recipients the server wants to be asked again later.
    Deferred {
        /// Which.
        number: u64,
        /// Who they are: places in the letter's list.
        places: Vec<u32>,
        /// Who was asked, with the reason.
        later: Vec<String>,
        /// Who does not get it, with the reason.
        without: Vec<String>,
    },
    /// The server refused this letter for good.
    Refused {
        /// Which.
        number: u64,
        /// Why.
        why: String,
    },
    /// What was not spoken of could not be sent.
    Failed {
        /// Why.
        why: String,
    },
}

impl Report {
    /// With its reasons cut to what a reader wants and a message holds: a server may say very much of very many.
    #[must_use]
    pub fn brief(self) -> Self {
        match self {
            Self::Delivered { number, without } => {
                Self::Delivered { number, without: few(without) }
            }
            Self::Deferred { number, places, later, without } => {
                Self::Deferred { number, places, later: few(later), without: few(without) }
            }
            Self::Refused { number, why } => Self::Refused { number, why: cut(&why) },
            Self::Failed { why } => Self::Failed { why: cut(&why) },
        }
    }
}

/// The first of some lines, each cut, and how many there were beside them.
fn few(mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    lines.iter_mut().for_each(|line| *line = cut(line));
    lines.extend((more > 0).then(|| format!("and {more} more")));
    lines
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
    }
}

/// Characters of a reason.
const LONGEST: usize = 200;
/// Reasons in a list.
const LINES: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{decode, encode};

    fn errand() -> Errand {
        Errand {
            server: "mail.example.org".to_owned(),
            port: 587,
            helo: "router".to_owned(),
            security: Security::StartTls,
            credentials: Some(Credentials {
                user: "alerts".to_owned(),
                password: Password::Text("hunter2".to_owned()),
            }),
            trusted: None,
            step: Duration::from_secs(30),
            from: "a@example.org".to_owned(),
            letters: vec![Letter {
                number: 7,
                recipients: vec!["b@example.org".to_owned()],
                text: "Subject: x\r\n\r\ny\r\n".to_owned(),
            }],
        }
    }

    #[test]
    fn an_errand_and_its_reports_come_back_as_they_were() {
        assert_eq!(decode::<Errand>(&encode(&errand())).expect("decodes"), errand());
        for report in [
            Report::Delivered { number: 1, without: vec!["c@example.org: no".to_owned()] },
            Report::Deferred {
                number: 3,
                places: vec![0, 300],
                later: vec!["d@example.org: busy".to_owned()],
                without: Vec::new(),
            },
            Report::Refused { number: 2, why: "no".to_owned() },
            Report::Failed { why: "nobody answers".to_owned() },
        ] {
            assert_eq!(decode::<Report>(&encode(&report)).expect("decodes"), report);
        }
    }

    #[test]
    fn whatever_a_server_says_a_report_of_it_fits_into_a_message() {
        let long = "ü".repeat(3000);
        let many = || vec![long.clone(); 50];
        let cut = format!("{}...", "ü".repeat(200));
        let mut few = vec![cut.clone(); 20];
        few.push("and 30 more".to_owned());
        assert_eq!(
            Report::Delivered { number: 1, without: many() }.brief(),
            Report::Delivered { number: 1, without: few.clone() }
        );
        let deferred =
            Report::Deferred { number: 1, places: vec![7; 2000], later: many(), without: many() };
        let (later, without) = (few.clone(), few);
        let brief = Report::Deferred { number: 1, places: vec![7; 2000], later, without };
        assert_eq!(deferred.brief(), brief);
        assert!(encode(&brief).len() < 30_000);
        let refused = Report::Refused { number: 1, why: long.clone() };
        assert_eq!(refused.brief(), Report::Refused { number: 1, why: cut.clone() });
        assert_eq!(Report::Failed { why: long }.brief(), Report::Failed { why: cut });
    }

    #[test]
    fn what_is_short_stays_as_it_is() {
        let without = vec!["x".repeat(200); 20];
        let report = Report::Delivered { number: 1, without };
        assert_eq!(report.clone().brief(), report);
    }

    #[test]
    fn no_password_is_shown() {
        assert!(!format!("{:?}", errand()).contains("hunter2"));
    }

    #[test]
    fn no_bytes_make_decoding_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = decode::<Errand>(bytes);
            let _ = decode::<Report>(bytes);
        });
    }
}
