//! Names by which people ask for servers: those that logs and `status` show, and what `ipvsadm` and the configuration write.

use std::net::{IpAddr, SocketAddr};

/// What somebody has written for a virtual server, a real server, or several of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    text: String,
    named: Named,
}

/// What a name says.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Named {
    /// `[192.0.2.1]:tcp:80`, `192.0.2.1:80`, `[2001:db8::1]:80`, `192.0.2.1 80`; whatever is not said is any.
    Place { address: IpAddr, protocol: Option<String>, port: Option<u16> },
    /// `FWM 7`, `fwmark 7`.
    Mark(u32),
    /// `[web]:0` or `web`: a group of virtual servers.
    Group(String),
}

impl Wanted {
    pub(crate) fn parse(text: &str) -> Self {
        Self { text: text.to_owned(), named: named(text) }
    }

    /// The group that is meant, where no server is named by its address or mark.
    pub(crate) fn group(&self) -> Option<&str> {
        match &self.named {
            Named::Group(group) => Some(group),
            Named::Place { .. } | Named::Mark(_) => None,
        }
    }

    /// Whether the server of this name is meant.
    pub(crate) fn is(&self, name: &str) -> bool {
        if self.text == name {
            return true;
        }
        match (&self.named, named(name)) {
            (
                Named::Place { address, protocol, port },
                Named::Place { address: other, protocol: of, port: at },
            ) => {
                *address == other
                    && (protocol.is_none() || *protocol == of)
                    && (port.is_none() || *port == at)
            }
            (Named::Mark(mark), Named::Mark(other)) => *mark == other,
            (Named::Group(group), Named::Group(other)) => *group == other,
            (Named::Place { .. } | Named::Mark(_) | Named::Group(_), _) => false,
        }
    }
}

/// The shortest form of a name that people may write: what they write by mistake is near to it.
pub(crate) fn short(name: &str) -> String {
    match named(name) {
        Named::Place { address, port: None, .. } => address.to_string(),
        Named::Place { address, port: Some(port), .. } => {
            SocketAddr::from((address, port)).to_string()
        }
        Named::Mark(mark) => format!("fwmark {mark}"),
        Named::Group(group) => group,
    }
}

fn named(text: &str) -> Named {
    let text = text.trim();
    let mark = ["FWM ", "fwmark "].iter().find_map(|word| text.strip_prefix(word));
    if let Some(mark) = mark.and_then(|mark| mark.trim().parse().ok()) {
        return Named::Mark(mark);
    }
    place(text).unwrap_or_else(|| {
        let group = text.strip_prefix('[').and_then(|rest| rest.strip_suffix("]:0"));
        Named::Group(group.unwrap_or(text).to_owned())
    })
}

fn place(text: &str) -> Option<Named> {
    if let Ok(address) = text.parse() {
        return Some(Named::Place { address, protocol: None, port: None });
    }
    let (address, rest) = match text.strip_prefix('[') {
        Some(text) => {
            let (address, rest) = text.split_once(']')?;
            (address, rest.strip_prefix([':', ' ']).unwrap_or(rest))
        }
        // Of an IPv6 address without brackets nobody knows where the port begins.
        None => text.split_once([':', ' '])?,
    };
    let address = address.parse().ok()?;
    let (protocol, port) = match rest.rsplit_once(':') {
        Some((protocol, port)) => (Some(protocol.to_owned()), port),
        None => (None, rest),
    };
    let port = if port.is_empty() { None } else { Some(port.trim().parse().ok()?) };
    Some(Named::Place { address, protocol, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, name: &str, expected: bool) {
        assert_eq!(Wanted::parse(wanted).is(name), expected, "{wanted} for {name}");
    }

    #[test]
    fn a_server_is_named_by_as_much_as_is_said_of_it() {
        let name = "[192.0.2.1]:tcp:80";
        for wanted in [
            name,
            "192.0.2.1:80",
            "192.0.2.1 80",
            "192.0.2.1:tcp:80",
            "[192.0.2.1]:80",
            "[192.0.2.1]",
            "192.0.2.1",
        ] {
            check(wanted, name, true);
        }
        for wanted in [
            "[192.0.2.1]:udp:80",
            "192.0.2.1:81",
            "192.0.2.2:80",
            "192.0.2.1:",
            "192.0.2.1:http",
            "192.0.2.1:80:80",
            "",
        ] {
            check(wanted, name, wanted == "192.0.2.1:");
        }
    }

    #[test]
    fn short_forms_are_forms_of_the_same() {
        for (name, expected) in [
            ("[192.0.2.1]:tcp:80", "192.0.2.1:80"),
            ("[2001:db8::1]:udp:53", "[2001:db8::1]:53"),
            ("192.0.2.1", "192.0.2.1"),
            ("FWM 7", "fwmark 7"),
            ("[web]:0", "web"),
        ] {
            assert_eq!(short(name), expected);
            check(expected, name, true);
        }
    }

    #[test]
    fn addresses_are_compared_as_such() {
        let name = "[2001:db8::1]:udp:53";
        for wanted in ["2001:db8::1", "2001:DB8:0::1", "[2001:db8::1]:53", "[2001:db8::1] 53"] {
            check(wanted, name, true);
        }
        check("2001:db8::1:53", name, false);
    }

    #[test]
    fn marks_and_groups_have_names_of_their_own() {
        for wanted in ["FWM 7", "fwmark 7"] {
            check(wanted, "FWM 7", true);
            check(wanted, "FWM 8", false);
        }
        for wanted in ["web", "[web]:0"] {
            check(wanted, "[web]:0", true);
            check(wanted, "[website]:0", false);
        }
        check("7", "FWM 7", false);
    }
}
