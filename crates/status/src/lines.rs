//! What travels over the control socket: one request on one line, and lines in answer.
//!
//! An answer begins with `{"version":1}` and ends with `{"end":...}` or `{"error":...}`. One line for each thing, so
//! that neither side has to hold an answer as a whole: a daemon may have thousands of instances.

use serde::{Deserialize, Serialize};

use crate::{
    Daemon, Event, Group, Instance, Order, Planned, Reload, Report, Script, Steered, VirtualServer,
};

/// Version of requests and answers.
pub const VERSION: u32 = 1;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// For what.
    pub ask: Ask,
    /// Of this instance, virtual server or real server only.
    #[serde(default)]
    pub instance: Option<String>,
    /// With this file instead of the daemon's own, for a plan; the program to execute, for an upgrade. An absolute path.
    #[serde(default)]
    pub file: Option<String>,
    /// Of these things only.
    #[serde(default)]
    pub only: Option<Only>,
    /// An order about real servers.
    #[serde(default)]
    pub steer: Option<Steer>,
}

/// An order about real servers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steer {
    /// Of which virtual servers, by a name that they have; `all` for all of them.
    pub virtual_server: String,
    /// Which of their real servers, by a name that these have.
    pub real_server: String,
    /// What is ordered.
    pub order: Order,
    /// Who says so, for the log.
    #[serde(default)]
    pub by: String,
}

/// What a status may be limited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Only {
    /// What the VRRP process knows: instances and sync groups.
    Instances,
    /// What the checker process knows: virtual servers.
    Servers,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ask {
    /// How everything stands, with the last events of an instance where one is named.
    Status,
    /// What happened lately.
    History,
    /// To read the configuration again, and how that went.
    Reload,
    /// What that would do.
    Plan,
    /// To have another program take the daemon over; that program answers.
    Upgrade,
    /// To do with real servers what an order says, until the next reload.
    Steer,
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Line {
    /// The first one.
    Version(u32),
    /// The daemon itself.
    Daemon(Daemon),
    /// One virtual router.
    Instance(Box<Instance>),
    /// One sync group.
    Group(Group),
    /// One tracked script.
    Script(Script),
    /// One virtual server.
    #[serde(rename = "virtual_server")]
    VirtualServer(Box<VirtualServer>),
    /// Something that happened.
    Event(Event),
    /// How a reload went.
    Reload(Reload),
    /// What a reload would do to one thing.
    Plan(Planned),
    /// Another program has taken the daemon over.
    Upgraded(Upgraded),
    /// An order is in force, of these real servers.
    Steered(Vec<Steered>),
    /// The last one: how many lines came before it.
    End(usize),
    /// The last one, where there is no answer.
    Error(LineError),
}

/// The end of an upgrade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upgraded {
    /// Number of the process, which stayed the same.
    pub pid: u32,
    /// Version of the program before.
    pub from: String,
    /// Version of the program that goes on.
    pub to: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "code", content = "text")]
pub enum LineError {
    /// The request cannot be understood.
    Request(String),
    /// The request is of a version that this daemon does not speak.
    Version(String),
    /// There is no instance, virtual server or real server of this name.
    Instance(String),
    /// A child does not answer.
    Silent(String),
    /// Too many ask at once, or the daemon is ending.
    Busy(String),
    /// The other program cannot take the daemon over: it does not start, or not as one of ours.
    Upgrade(String),
    /// The other program does not take the configuration in force.
    Configuration(String),
}

impl LineError {
    /// What to tell a person.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Request(text)
            | Self::Version(text)
            | Self::Instance(text)
            | Self::Silent(text)
            | Self::Busy(text)
            | Self::Upgrade(text)
            | Self::Configuration(text) => text,
        }
    }
}

impl Request {
    /// One for this, about everything.
    #[must_use]
    pub const fn new(ask: Ask) -> Self {
        Self { version: VERSION, ask, instance: None, file: None, only: None, steer: None }
    }

    /// The request on a line.
    ///
    /// **Errors**: it is no request, or one of another version.
    pub fn parse(line: &[u8]) -> Result<Self, LineError> {
        /// Enough of any version to know which it is.
        #[derive(Deserialize)]
        struct Any {
            version: u32,
        }
        let refuse =
            |error: serde_json::Error| LineError::Request(format!("not a request: {error}"));
        let any: Any = serde_json::from_slice(line).map_err(refuse)?;
        if any.version != VERSION {
            let text = format!("version {} is not spoken here, only {VERSION}", any.version);
            return Err(LineError::Version(text));
        }
        serde_json::from_slice(line).map_err(refuse)
    }

    /// As a line with its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{text}\n")
    }
}

impl Line {
    /// As a line with its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{text}\n")
    }
}

impl Report {
    /// Takes in one line of an answer; gives those back that belong to no report.
    pub fn take(&mut self, line: Line) -> Option<Line> {
        match line {
            Line::Daemon(daemon) => self.daemon = daemon,
            Line::Instance(instance) => self.instances.push(*instance),
            Line::Group(group) => self.groups.push(group),
            Line::Script(script) => self.scripts.push(script),
            Line::VirtualServer(server) => self.virtual_servers.push(*server),
            Line::Event(event) => self.events.push(event),
            Line::Version(_) => {}
            Line::Plan(_)
            | Line::Reload(_)
            | Line::Upgraded(_)
            | Line::Steered(_)
            | Line::End(_)
            | Line::Error(_) => {
                return Some(line);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_line_of_json() {
        let instance = Some("VI_1".to_owned());
        let request = Request { instance, ..Request::new(Ask::Status) };
        let line = "{\"version\":1,\"ask\":\"status\",\"instance\":\"VI_1\",\"file\":null,\"only\":null,\"steer\":null}\n";
        assert_eq!(request.to_line(), line);
        assert_eq!(Request::parse(line.as_bytes()), Ok(request));
        let short = Request::parse(br#"{"version":1,"ask":"history","later":true}"#).unwrap();
        assert_eq!((short.ask, short.instance), (Ask::History, None));
    }

    #[test]
    fn an_order_says_what_of_whom() {
        let line = br#"{"version":1,"ask":"steer","steer":{"virtual_server":"192.0.2.1:80",
            "real_server":"192.0.2.11","order":{"weight":3}}}"#;
        let order = Order::Weight(3);
        let (virtual_server, real_server) = ("192.0.2.1:80".to_owned(), "192.0.2.11".to_owned());
        let steer = Steer { virtual_server, real_server, order, by: String::new() };
        let request = Request { steer: Some(steer), ..Request::new(Ask::Steer) };
        assert_eq!(Request::parse(line), Ok(request));
    }

    #[test]
    fn what_is_no_request_is_told_why() {
        let refusal = |line: &str| Request::parse(line.as_bytes()).unwrap_err();
        let later = refusal(r#"{"version":2,"ask":"dance"}"#);
        assert_eq!(later, LineError::Version("version 2 is not spoken here, only 1".to_owned()));
        for line in ["", "GET / HTTP/1.1", "{}", r#"{"version":1}"#, r#"{"version":1,"ask":"x"}"#] {
            assert!(matches!(refusal(line), LineError::Request(_)), "{line}");
        }
    }

    #[test]
    fn an_answer_without_result_says_why() {
        let line = Line::Error(LineError::Instance("no VI_9".to_owned())).to_line();
        assert_eq!(line, "{\"error\":{\"code\":\"instance\",\"text\":\"no VI_9\"}}\n");
        assert_eq!(Line::End(3).to_line(), "{\"end\":3}\n");
    }

    #[test]
    fn no_bytes_make_parsing_panic() {
        bolero::check!().for_each(|bytes: &[u8]| {
            let _ = Request::parse(bytes);
            let _ = serde_json::from_slice::<Line>(bytes);
        });
    }
}
