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
    /// Those who get each letter.
    pub recipients: Vec<String>,
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
            recipients: vec!["b@example.org".to_owned()],
            letters: vec![Letter { number: 7, text: "Subject: x\r\n\r\ny\r\n".to_owned() }],
        }
    }

    #[test]
    fn an_errand_and_its_reports_come_back_as_they_were() {
        assert_eq!(decode::<Errand>(&encode(&errand())).expect("decodes"), errand());
        for report in [
            Report::Delivered { number: 1, without: vec!["c@example.org: no".to_owned()] },
            Report::Refused { number: 2, why: "no".to_owned() },
            Report::Failed { why: "nobody answers".to_owned() },
        ] {
            assert_eq!(decode::<Report>(&encode(&report)).expect("decodes"), report);
        }
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
