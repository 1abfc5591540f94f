//! E-mail settings of `global_defs`: what is written, and what it means together.

use core::time::Duration;

use super::report::Reports;
use crate::diagnostic::model as codes;
use crate::model::{Alerts, Login, LoginPassword, Mail, MailSecurity, MailServer, Secret};
use crate::source::Span;
use crate::syntax::Directive;

/// The settings as written; they come in any order, and the last of each counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    server: Option<(String, Option<u16>)>,
    recipients: Vec<String>,
    from: Option<String>,
    helo: Option<String>,
    step: Option<Duration>,
    alerts: Alerts,
    without_faults: bool,
    security: Option<MailSecurity>,
    user: Option<(String, Span)>,
    password: Option<LoginPassword>,
    trusted: Option<String>,
}

impl Written {
    /// Reads one directive; says whether it was one of these.
    pub(super) fn read(&mut self, keyword: &str, directive: &Directive) -> bool {
        let text = directive.text(0).map(str::to_owned);
        match keyword {
            "smtp_server" => {
                let port = directive.text(1).and_then(|text| text.parse().ok());
                self.server = text.map(|host| (host, port.filter(|port| *port > 0)));
            }
            "notification_email" => {
                self.recipients.extend(directive.flat_words().map(|word| word.text.clone()));
            }
            "notification_email_from" => self.from = text,
            "smtp_helo_name" => self.helo = text,
            "smtp_connect_timeout" => {
                let seconds = text.and_then(|text| text.parse::<u64>().ok());
                let seconds = seconds.filter(|seconds| *seconds <= STEP_MAX);
                // keepalived reads 0 as one second.
                self.step = seconds.map(|it| Duration::from_secs(it.max(1))).or(self.step);
            }
            "smtp_alert" => self.alerts.all = directive.flag().or(self.alerts.all),
            "smtp_alert_vrrp" => self.alerts.vrrp = directive.flag().or(self.alerts.vrrp),
            "smtp_alert_checker" => {
                self.alerts.checker = directive.flag().or(self.alerts.checker);
                // What follows from it is a matter of load balancing.
                return false;
            }
            "no_email_faults" => self.without_faults = true,
            "smtp_tls" => self.security = text.as_deref().and_then(security).or(self.security),
            "smtp_user" => self.user = text.map(|user| (user, directive.keyword.span)),
            "smtp_password" => {
                self.password = text.map(|text| LoginPassword::Text(Secret::new(text)));
            }
            "smtp_password_file" => self.password = text.map(LoginPassword::File),
            "smtp_ca_file" => self.trusted = text,
            _ => return false,
        }
        true
    }

    /// Whether instances and groups that do not say it are told of.
    pub(super) fn alerts(&self) -> bool {
        self.alerts.vrrp.or(self.alerts.all).unwrap_or(false)
    }

    /// `smtp_alert`, where written.
    pub(super) const fn all_alerts(&self) -> Option<bool> {
        self.alerts.all
    }

    /// What it means together.
    pub(super) fn settle(self, reports: &mut Reports<'_>) -> Mail {
        let default = Mail::default();
        let login = login(self.user, self.password, self.security, reports);
        // A password goes in clear only where that is written.
        let usual = if login.is_some() { MailSecurity::StartTls } else { MailSecurity::None };
        let security = self.security.unwrap_or(usual);
        Mail {
            server: self.server.map(|(host, port)| MailServer {
                host,
                port: port.unwrap_or(match security {
                    MailSecurity::None | MailSecurity::StartTls => 25,
                    MailSecurity::Smtps => 465,
                }),
                security,
                login,
                trusted: self.trusted,
            }),
            recipients: self.recipients,
            from: self.from,
            helo: self.helo,
            step: self.step.unwrap_or(default.step),
            faults: !self.without_faults,
            alerts: self.alerts,
        }
    }
}

fn login(
    user: Option<(String, Span)>,
    password: Option<LoginPassword>,
    security: Option<MailSecurity>,
    reports: &mut Reports<'_>,
) -> Option<Login> {
    let (user, at) = user?;
    let Some(password) = password else {
        reports
            .warning(
                codes::MAIL_LOGIN,
                format!("`smtp_user {user}` has no password: e-mail is sent without logging in"),
                at,
            )
            .help("add `smtp_password_file` or `smtp_password`");
        return None;
    };
    if security == Some(MailSecurity::None) {
        reports
            .warning(
                codes::MAIL_LOGIN,
                format!("the password of `smtp_user {user}` goes over the network in clear"),
                at,
            )
            .help("write `smtp_tls starttls` or `smtp_tls smtps`");
    }
    Some(Login { user, password })
}

fn security(text: &str) -> Option<MailSecurity> {
    match text {
        "off" => Some(MailSecurity::None),
        "starttls" => Some(MailSecurity::StartTls),
        "smtps" => Some(MailSecurity::Smtps),
        _ => None,
    }
}

/// The longest `smtp_connect_timeout` of keepalived, in seconds.
const STEP_MAX: u64 = 4294;
