//! A conversation with a mail server, protected or as of old.
//!
//! Where neither TLS nor a login is asked for, the server hears HELO and what follows from it, as from keepalived:
//! any server of the last forty years takes that. All else is the mail library's work.

use control::{Errand, Security};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::is_protected;
use super::plain::Plain;

/// A conversation that has begun.
pub(super) enum Conversation {
    /// HELO, in plain text.
    Plain(Plain),
    /// EHLO, with TLS or a login.
    Extended(Box<SmtpConnection>),
}

/// What the server did not do.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It never will (5xx).
    ForGood(String),
    /// It may another time (4xx).
    ForNow(String),
    /// It is gone, or cannot be understood: nothing more can be said.
    Gone(String),
}

impl Conversation {
    /// Connects, greets, and proves who we are where that is asked for.
    ///
    /// **Errors**: why that is not possible now.
    pub(super) fn begin(
        errand: &Errand,
        login: Option<Credentials>,
        trusted: Option<Certificate>,
    ) -> Result<Self, String> {
        if !is_protected(errand) {
            return Plain::begin(errand).map(Self::Plain).map_err(Refusal::into_why);
        }
        let server = (errand.server.as_str(), errand.port);
        let tls = match errand.security {
            Security::None => None,
            Security::StartTls | Security::Smtps => Some(tls(&errand.server, trusted)?),
        };
        let hello = ClientId::Domain(errand.helo.clone());
        let at_once = tls.as_ref().filter(|_| errand.security == Security::Smtps);
        let step = Some(errand.step);
        let connected = SmtpConnection::connect(server, step, &hello, at_once, None);
        let mut connection = connected.map_err(|error| error.to_string())?;
        if let Some(tls) = tls.as_ref().filter(|_| errand.security == Security::StartTls) {
            connection.starttls(tls, &hello).map_err(|error| format!("STARTTLS: {error}"))?;
        }
        if let Some(login) = login {
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, &login).map_err(|error| format!("login: {error}"))?;
        }
        Ok(Self::Extended(Box::new(connection)))
    }

    /// Says a line and hears a positive answer to it.
    pub(super) fn command(&mut self, line: &str) -> Result<(), Refusal> {
        match self {
            Self::Plain(plain) => plain.command(line),
            Self::Extended(it) => {
                it.command(format!("{line}\r\n")).map(drop).map_err(|error| refusal(&error))
            }
        }
    }

    /// Says a letter to those who were agreed upon.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Refusal> {
        self.command("DATA")?;
        match self {
            Self::Plain(plain) => plain.text(text),
            Self::Extended(it) => {
                it.message(text.as_bytes()).map(drop).map_err(|error| refusal(&error))
            }
        }
    }

    /// Takes leave. How the server answers changes nothing.
    pub(super) fn end(mut self) {
        let _ = self.command("QUIT");
    }
}

impl Refusal {
    pub(super) fn into_why(self) -> String {
        match self {
            Self::ForGood(why) | Self::ForNow(why) | Self::Gone(why) => why,
        }
    }
}

fn tls(server: &str, trusted: Option<Certificate>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.to_owned());
    if let Some(trusted) = trusted {
        builder = builder.add_root_certificate(trusted);
    }
    builder.build().map_err(|error| error.to_string())
}

fn refusal(error: &lettre::transport::smtp::Error) -> Refusal {
    if error.is_permanent() {
        Refusal::ForGood(error.to_string())
    } else if error.is_transient() {
        Refusal::ForNow(error.to_string())
    } else {
        Refusal::Gone(error.to_string())
    }
}
