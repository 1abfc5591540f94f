//! Configurations as scenarios need them: one instance, its variations, rendered as a keepalived.conf.

use std::time::Duration;

use crate::flavour::Flavour;

/// A `vrrp_instance` on `eth0`, in the form in which both daemons read it.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its label.
    pub name: &'static str,
    /// `virtual_router_id`.
    pub vrid: u8,
    /// `priority`.
    pub priority: u8,
    /// Version, authentication and family.
    pub flavour: Flavour,
    /// `advert_int`.
    pub interval: Duration,
    /// Lines of `virtual_ipaddress`.
    pub addresses: Vec<String>,
    /// Further lines of the instance, as they are written.
    pub lines: Vec<String>,
    /// `auth_pass`, where the flavour has one.
    pub password: &'static str,
    /// `auth_type`, where the flavour has a password.
    pub auth_type: &'static str,
}

impl Instance {
    /// Instance `VI_1`, VRID 51, without preset state.
    #[must_use]
    pub fn new(flavour: Flavour, priority: u8) -> Self {
        let addresses = match flavour {
            Flavour::V2 | Flavour::V2Pass | Flavour::V3Ipv4 => vec!["192.0.2.10/24".to_owned()],
            Flavour::V3Ipv6 => vec!["fe80::10/64".to_owned(), "2001:db8::10/64".to_owned()],
        };
        Self {
            name: "VI_1",
            vrid: 51,
            priority,
            flavour,
            interval: flavour.interval(),
            addresses,
            lines: Vec::new(),
            password: "s3cret",
            auth_type: "PASS",
        }
    }

    /// With one more line.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// With these lines of `virtual_ipaddress` instead.
    #[must_use]
    pub fn addresses(mut self, addresses: &[&str]) -> Self {
        self.addresses = addresses.iter().map(|a| (*a).to_owned()).collect();
        self
    }

    /// With another label and VRID.
    #[must_use]
    pub const fn named(mut self, name: &'static str, vrid: u8) -> Self {
        self.name = name;
        self.vrid = vrid;
        self
    }

    /// With another interval.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// With another password.
    #[must_use]
    pub const fn password(mut self, password: &'static str) -> Self {
        self.password = password;
        self
    }

    /// With an IP authentication header instead of the password in the packet.
    #[must_use]
    pub const fn with_header(mut self) -> Self {
        self.auth_type = "AH";
        self
    }

    /// A whole file with this instance only.
    #[must_use]
    pub fn render(&self) -> String {
        file(&[], std::slice::from_ref(self))
    }

    fn block(&self) -> String {
        let mut text = format!(
            "vrrp_instance {} {{\n    interface eth0\n    virtual_router_id {}\n    priority {}\n    advert_int {}\n",
            self.name,
            self.vrid,
            self.priority,
            self.interval.as_secs_f64()
        );
        text.push_str(match self.flavour {
            Flavour::V2 | Flavour::V2Pass => "    version 2\n",
            Flavour::V3Ipv4 | Flavour::V3Ipv6 => "    version 3\n",
        });
        if self.flavour == Flavour::V2Pass {
            let password = self.password;
            let lines = [
                "    authentication {".to_owned(),
                format!("        auth_type {}", self.auth_type),
                format!("        auth_pass {password}"),
                "    }".to_owned(),
            ];
            text.push_str(&lines.join("\n"));
            text.push('\n');
        }
        for line in &self.lines {
            writes(&mut text, &format!("    {line}"));
        }
        if !self.addresses.is_empty() {
            writes(&mut text, "    virtual_ipaddress {");
            for address in &self.addresses {
                writes(&mut text, &format!("        {address}"));
            }
            writes(&mut text, "    }");
        }
        text.push_str("}\n");
        text
    }
}

/// A whole file: `global_defs`, then what is in `extra` (other blocks, as they are written), then the instances.
#[must_use]
pub fn file(extra: &[&str], instances: &[Instance]) -> String {
    let mut text = String::from("global_defs {\n    router_id lab\n}\n\n");
    for block in extra {
        writes(&mut text, block);
    }
    for instance in instances {
        writes(&mut text, &instance.block());
    }
    text
}

fn writes(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}
