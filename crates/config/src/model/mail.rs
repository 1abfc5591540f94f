//! E-mail: who is told of changes, and by which server.

use core::fmt;
use core::time::Duration;

/// Everything that `global_defs` says of e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `smtp_server`; without one nothing is sent.
    pub server: Option<MailServer>,
    /// `notification_email`: without one nothing is sent.
    pub recipients: Vec<String>,
    /// `notification_email_from`; the user and host of the daemon where not set.
    pub from: Option<String>,
    /// `smtp_helo_name`; the host name where not set.
    pub helo: Option<String>,
    /// `smtp_connect_timeout`: how long each step may take.
    pub step: Duration,
    /// Off with `no_email_faults`: whether FAULT is told.
    pub faults: bool,
    /// Whether changes are told of those that do not say it themselves.
    pub alerts: Alerts,
}

/// Whether changes are told where nothing else is said; not set where that is not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alerts {
    /// `smtp_alert`: of all.
    pub all: Option<bool>,
    /// `smtp_alert_vrrp`: of instances and sync groups.
    pub vrrp: Option<bool>,
    /// `smtp_alert_checker`: of balanced services.
    pub checker: Option<bool>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            server: None,
            recipients: Vec::new(),
            from: None,
            helo: None,
            step: Duration::from_secs(30),
            faults: true,
            alerts: Alerts::default(),
        }
    }
}

/// The server that takes e-mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `smtp_tls`.
    pub security: MailSecurity,
    /// `smtp_user`, with its password.
    pub login: Option<Login>,
    /// `smtp_ca_file`: certificates that are trusted beside the system's.
    pub trusted: Option<String>,
}

/// `smtp_tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// `off`.
    None,
    /// `starttls`: and a server that lacks it gets nothing.
    StartTls,
    /// `smtps`.
    Smtps,
}

/// Who we are for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// `smtp_user`.
    pub user: String,
    /// Its password.
    pub password: LoginPassword,
}

/// Where a password is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginPassword {
    /// `smtp_password`.
    Text(Secret),
    /// `smtp_password_file`: the first line of this file.
    File(String),
}

/// A text that no log, dump or message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for whom it is meant.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("********")
    }
}
