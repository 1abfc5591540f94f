//! Numbers of virtual servers, real servers and checks: what is the same behind a reload keeps its number, so that what
//! was found out about it stays true.
//!
//! A virtual server is known by what it serves, a server by its place, a check by what it asks and of whom. How often a
//! check asks, weights, forwarding and all else are no part of that: they change in place. No number is given twice.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use config::model::{CheckKind, Program, Protocol, VirtualServer};
use health::{CheckId, DestinationId, ServiceId};
use intent::service::{Back, Front};

use super::question::{Question, Questions};

/// The numbers in use.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// How many were given.
    given: u32,
    /// The configuration that is being numbered.
    round: u32,
    services: BTreeMap<ServiceKey, Given<ServiceId>>,
    destinations: BTreeMap<(ServiceId, Seat), Given<DestinationId>>,
    checks: BTreeMap<DestinationId, Vec<Asked>>,
    questions: Questions,
}

/// What tells a server from the others of its virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    /// A real server.
    Real(Back),
    /// The server of last resort.
    Sorry(Back),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ServiceKey {
    /// Its services may be others, it is still the one of this group.
    Group(String, Protocol),
    Front(Front),
}

/// A number, and when it was asked for last.
#[derive(Clone, Copy, Debug)]
struct Given<T> {
    id: T,
    round: u32,
}

/// A check of a server.
#[derive(Debug)]
struct Asked {
    question: Question,
    given: Given<CheckId>,
}

impl Numbering {
    /// Begins with another configuration: what is not asked for until [`Self::end_round`] is gone.
    pub(super) const fn begin_round(&mut self) {
        self.round = self.round.wrapping_add(1);
    }

    /// Forgets what the configuration does not have any more.
    pub(super) fn end_round(&mut self) {
        let round = self.round;
        self.services.retain(|_, given| given.round == round);
        // Trees that are made of a whole list take half the room of those that grow.
        let destinations = std::mem::take(&mut self.destinations).into_iter();
        self.destinations = destinations.filter(|(_, given)| given.round == round).collect();
        let checks = std::mem::take(&mut self.checks).into_iter();
        let checks = checks.map(|(destination, mut checks)| {
            checks.retain(|asked| asked.given.round == round);
            (destination, checks)
        });
        self.checks = checks.filter(|(_, checks)| !checks.is_empty()).collect();
        self.questions.clear();
    }

    /// The number of a virtual server; none where it serves nothing.
    pub(super) fn service(&mut self, server: &VirtualServer) -> Option<ServiceId> {
        let key = match &server.group {
            Some(group) => ServiceKey::Group(group.clone(), server.protocol),
            None => ServiceKey::Front(*server.balance.as_ref()?.fronts.first()?),
        };
        let (given, round) = (&mut self.given, self.round);
        let known =
            self.services.entry(key).or_insert_with(|| Given { id: ServiceId(next(given)), round });
        known.round = round;
        Some(known.id)
    }

    /// The number of a server of a virtual server.
    pub(super) fn destination(&mut self, service: ServiceId, seat: Seat) -> DestinationId {
        let (given, round) = (&mut self.given, self.round);
        let known = self
            .destinations
            .entry((service, seat))
            .or_insert_with(|| Given { id: DestinationId(next(given)), round });
        known.round = round;
        known.id
    }

    /// The number of a check of a server that is at `own`, and what it asks. Of several that ask the same each has its
    /// own.
    pub(super) fn check(
        &mut self,
        destination: DestinationId,
        own: SocketAddr,
        kind: &CheckKind,
    ) -> (CheckId, Question) {
        let round = self.round;
        let question = self.questions.of(kind, own);
        let checks = self.checks.entry(destination).or_default();
        let is_free = |asked: &&mut Asked| {
            asked.given.round != round
                && (asked.question == question || is_moved(&asked.question.kind, kind))
        };
        if let Some(asked) = checks.iter_mut().find(is_free) {
            asked.question = question.clone();
            asked.given.round = round;
            return (asked.given.id, question);
        }
        let id = CheckId(next(&mut self.given));
        // Most servers have one check.
        checks.reserve_exact(1);
        checks.push(Asked { question: question.clone(), given: Given { id, round } });
        (id, question)
    }
}

/// Whether both run the same program, which knows the line where it is written.
fn is_moved(one: &CheckKind, other: &CheckKind) -> bool {
    let (CheckKind::Misc(one), CheckKind::Misc(other)) = (one, other) else { return false };
    let command = other.command.unplaced();
    Program { command: one.command.unplaced(), ..one.clone() }
        == Program { command, ..other.clone() }
}

/// More than four thousand million are not given in the life of a process.
const fn next(given: &mut u32) -> u32 {
    *given = given.wrapping_add(1);
    *given
}

#[cfg(test)]
mod tests {
    use config::model::{Command, GrpcHealth, NamedBy, Tls, Way};

    use super::*;

    const OWN: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 80);

    fn back(last: u8) -> Back {
        Back { address: [192, 0, 2, last].into(), port: 80 }
    }

    fn asks(port: u16) -> CheckKind {
        let server = SocketAddr::from(([192, 0, 2, 11], port));
        CheckKind::Tcp(Way { server, source: None, source_port: None, link: None, mark: None })
    }

    /// A group that is served with `protocol`.
    fn group(protocol: Protocol) -> VirtualServer {
        VirtualServer {
            at: config::source::Span::default(),
            address: None,
            port: None,
            protocol,
            mark: None,
            group: Some("web".to_owned()),
            balance: None,
        }
    }

    #[test]
    fn what_stays_keeps_its_number_and_what_returns_is_new() {
        let mut numbering = Numbering::default();
        let mut round = |lasts: &[u8]| -> Vec<DestinationId> {
            numbering.begin_round();
            let ids = lasts
                .iter()
                .map(|last| numbering.destination(ServiceId(7), Seat::Real(back(*last))))
                .collect();
            numbering.end_round();
            ids
        };
        let first = round(&[1, 2]);
        assert_eq!(first, [DestinationId(1), DestinationId(2)]);
        assert_eq!(round(&[2, 3, 1]), [first[1], DestinationId(3), first[0]]);
        assert_eq!(round(&[3]), [DestinationId(3)]);
        assert_eq!(round(&[3, 2]), [DestinationId(3), DestinationId(4)]);
    }

    #[test]
    fn a_last_resort_is_no_real_server_of_its_place() {
        let mut numbering = Numbering::default();
        let real = numbering.destination(ServiceId(1), Seat::Real(back(1)));
        assert_ne!(numbering.destination(ServiceId(1), Seat::Sorry(back(1))), real);
        assert_ne!(numbering.destination(ServiceId(2), Seat::Real(back(1))), real);
    }

    #[test]
    fn a_check_is_known_by_what_it_asks_wherever_it_stands() {
        let mut numbering = Numbering::default();
        let mut round = |ports: &[u16]| -> Vec<CheckId> {
            numbering.begin_round();
            let ids = ports
                .iter()
                .map(|port| numbering.check(DestinationId(1), OWN, &asks(*port)).0)
                .collect();
            numbering.end_round();
            ids
        };
        let first = round(&[80, 81, 80]);
        assert_eq!(first, [CheckId(1), CheckId(2), CheckId(3)]);
        assert_eq!(round(&[81, 80, 80]), [first[1], first[0], first[2]]);
        assert_eq!(round(&[80]), [first[0]]);
        assert_eq!(round(&[80, 80]), [first[0], CheckId(4)]);
    }

    #[test]
    fn a_question_for_health_is_the_same_as_long_as_it_asks_the_same() {
        let CheckKind::Tcp(way) = asks(50051) else { panic!("another check") };
        let health = |service: &str, keyword| {
            let asked = GrpcHealth {
                service: service.to_owned(),
                host: "a.example".to_owned(),
                tls: Some(Tls::default()),
                server_name: Some("a.example".to_owned()),
                server_named_by: NamedBy(keyword),
            };
            CheckKind::Grpc(way.clone(), asked)
        };
        let mut numbering = Numbering::default();
        let mut round = |kind: &CheckKind| {
            numbering.begin_round();
            let (id, _) = numbering.check(DestinationId(1), OWN, kind);
            numbering.end_round();
            id
        };
        let first = round(&health("shop", "sni_name"));
        assert_eq!(round(&health("shop", "virtualhost")), first);
        assert_ne!(round(&health("cart", "virtualhost")), first);
    }

    #[test]
    fn a_program_that_moved_in_the_file_is_the_same() {
        let runs = |location: &str| {
            let words = vec!["/bin/true".to_owned()];
            let command = Command { words, user: None, location: location.to_owned() };
            CheckKind::Misc(Program { command, is_dynamic: false })
        };
        let mut numbering = Numbering::default();
        numbering.begin_round();
        let (first, _) = numbering.check(DestinationId(1), OWN, &runs("x.conf:7"));
        numbering.end_round();
        numbering.begin_round();
        let (second, question) = numbering.check(DestinationId(1), OWN, &runs("x.conf:9"));
        assert_eq!(second, first);
        // What is said of it names the line where it stands now.
        assert_eq!(*question.kind, runs("x.conf:9"));
    }

    #[test]
    fn a_group_is_the_same_whatever_it_serves_and_another_one_for_each_protocol() {
        let mut numbering = Numbering::default();
        let tcp = numbering.service(&group(Protocol::Tcp));
        assert_eq!(numbering.service(&group(Protocol::Tcp)), tcp);
        assert_ne!(numbering.service(&group(Protocol::Udp)), tcp);
        let lone = VirtualServer { group: None, ..group(Protocol::Tcp) };
        assert_eq!(numbering.service(&lone), None);
    }
}
