//! What somebody asks for: by its name, or by its kind.

use status::{About, Instance, Only, Report, VirtualServer};

use crate::compat::naming::Wanted;

/// What is wanted of a report; everything by default.
#[derive(Debug, Default)]
pub(super) struct Selection {
    only: Option<Only>,
    name: Option<String>,
    /// What that means as the name of a server.
    server: Option<Wanted>,
}

impl Selection {
    pub(super) fn new(name: Option<&str>, only: Option<Only>) -> Self {
        Self { only, name: name.map(str::to_owned), server: name.map(Wanted::parse) }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Whether instances are wanted, and what goes with them.
    pub(super) fn has_instances(&self) -> bool {
        self.only != Some(Only::Servers)
    }

    pub(super) fn has_instance(&self, instance: &Instance) -> bool {
        self.has_instances() && self.name().is_none_or(|name| instance.name == name)
    }

    /// A virtual server, if it is wanted; where one of its real servers is meant, with that one alone.
    pub(super) fn of_server(&self, server: &VirtualServer) -> Option<VirtualServer> {
        if !self.has_server(server) {
            return None;
        }
        let mut part = server.clone();
        if let Some(wanted) = self.server.as_ref().filter(|wanted| !wanted.is(&server.name)) {
            part.real_servers.retain(|real| wanted.is(&real.name));
            part.sorry_server = part.sorry_server.filter(|real| wanted.is(&real.name));
        }
        Some(part)
    }

    /// Whether a virtual server is wanted, or one of its real servers.
    fn has_server(&self, server: &VirtualServer) -> bool {
        let of = |wanted: &Wanted| {
            let mut real = server.real_servers.iter().chain(server.sorry_server.as_deref());
            wanted.is(&server.name) || real.any(|real| wanted.is(&real.name))
        };
        self.only != Some(Only::Instances) && self.server.as_ref().is_none_or(of)
    }

    /// Whether a report has anything of it.
    pub(super) fn has_any(&self, report: &Report) -> bool {
        report.instances.iter().any(|it| self.has_instance(it))
            || report.virtual_servers.iter().any(|it| self.has_server(it))
    }

    /// Whether an event is about something that is wanted.
    pub(super) fn wants(&self, about: About<'_>) -> bool {
        let Some(name) = self.name() else { return true };
        let is = |server: &str| self.server.as_ref().is_some_and(|wanted| wanted.is(server));
        match about {
            About::Instance(instance) => instance == name,
            About::Group(_) => false,
            About::VirtualServer(server) => is(server),
            About::RealServer { of, name } => is(of) || is(name),
        }
    }
}
