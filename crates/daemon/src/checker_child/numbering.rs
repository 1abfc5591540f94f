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

use super::catalogue::Catalogue;
use super::question::{Question, Questions};

/// The numbers that were given.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    /// How many.
    given: u32,
    /// The configuration that was numbered last.
    round: u32,
    services: BTreeMap<ServiceKey, Given>,
}

/// One configuration that is being numbered. What the one before has is looked up in its catalogue, so that nothing is
/// kept for it in between.
#[derive(Debug)]
pub(super) struct Round<'a> {
    numbering: &'a mut Numbering,
    destinations: BTreeMap<(ServiceId, Seat), DestinationId>,
    /// Those of the one before that nobody has asked for yet.
    checks: BTreeMap<DestinationId, Vec<(CheckId, Question)>>,
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
struct Given {
    id: ServiceId,
    round: u32,
}

impl Numbering {
    /// Begins with another configuration than `former`, which was numbered last: what is not asked for until
    /// [`Round::end`] is gone.
    #[must_use]
    pub(super) fn begin_round(&mut self, former: &Catalogue) -> Round<'_> {
        self.round = self.round.wrapping_add(1);
        let servers = former.servers.iter();
        let mut checks: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (id, check) in &former.checks {
            checks.entry(check.server).or_default().push((*id, check.question.clone()));
        }
        Round {
            numbering: self,
            destinations: servers.map(|(id, it)| ((it.service, it.seat()), *id)).collect(),
            checks,
            questions: Questions::default(),
        }
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
}

impl Round<'_> {
    /// Forgets the virtual servers that the configuration does not have any more.
    pub(super) fn end(self) {
        let round = self.numbering.round;
        self.numbering.services.retain(|_, given| given.round == round);
    }

    /// As [`Numbering::service`].
    pub(super) fn service(&mut self, server: &VirtualServer) -> Option<ServiceId> {
        self.numbering.service(server)
    }

    /// The number of a server of a virtual server.
    pub(super) fn destination(&mut self, service: ServiceId, seat: Seat) -> DestinationId {
        let given = &mut self.numbering.given;
        let known = self.destinations.entry((service, seat));
        *known.or_insert_with(|| DestinationId(next(given)))
    }

    /// The number of a check of a server that is at `own`, and what it asks. Of several that ask the same each has its
    /// own.
    pub(super) fn check(
        &mut self,
        destination: DestinationId,
        own: SocketAddr,
        kind: &CheckKind,
    ) -> (CheckId, Question) {
        let question = self.questions.of(kind, own);
        let is_it =
            |(_, asked): &(CheckId, Question)| *asked == question || is_moved(&asked.kind, kind);
        let known = self.checks.get_mut(&destination);
        let known = known.and_then(|all| Some(all.remove(all.iter().position(is_it)?)));
        let id = known.map_or_else(|| CheckId(next(&mut self.numbering.given)), |(id, _)| id);
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
    use std::time::Duration;

    use config::model::{Command, GrpcHealth, NamedBy, Tls, Way};
    use intent::service::{Destination, Forwarding};

    use super::*;
    use crate::checker_child::catalogue::{Check, Server};

    const SERVICE: ServiceId = ServiceId(1000);

    /// Numbers that are given from one configuration of a virtual server to the next.
    #[derive(Default)]
    struct Book {
        numbering: Numbering,
        catalogue: Catalogue,
    }

    impl Book {
        /// The numbers of real servers at these places, and of what is asked of each.
        fn number(&mut self, servers: &[(u8, &[CheckKind])]) -> Vec<(DestinationId, Vec<CheckId>)> {
            let mut catalogue = Catalogue::default();
            let mut round = self.numbering.begin_round(&self.catalogue);
            let mut numbers = Vec::new();
            for (last, kinds) in servers {
                let back = back(*last);
                let own = SocketAddr::new(back.address, back.port);
                let server = round.destination(SERVICE, Seat::Real(back));
                let asked: Vec<_> =
                    kinds.iter().map(|kind| round.check(server, own, kind)).collect();
                numbers.push((server, asked.iter().map(|(id, _)| *id).collect()));
                let checks = asked.into_iter().map(|(id, question)| (id, check(question, server)));
                catalogue.checks.extend(checks);
                catalogue.servers.insert(server, real_server(back));
            }
            round.end();
            self.catalogue = catalogue;
            numbers
        }

        /// The same of the only server.
        fn ask(&mut self, kinds: &[CheckKind]) -> Vec<CheckId> {
            self.number(&[(11, kinds)]).pop().unwrap().1
        }
    }

    fn back(last: u8) -> Back {
        Back { address: [192, 0, 2, last].into(), port: 80 }
    }

    fn real_server(back: Back) -> Server {
        Server {
            service: SERVICE,
            protocol: "tcp",
            back,
            destination: Destination::new(Forwarding::Nat, 1),
            is_inhibited: false,
            is_last_resort: false,
        }
    }

    fn check(question: Question, server: DestinationId) -> Check {
        Check {
            question,
            server,
            retry: 1,
            timeout: Duration::from_secs(1),
            tells_failures: false,
            program: None,
        }
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
        let mut book = Book::default();
        let mut round = |lasts: &[u8]| -> Vec<u32> {
            let servers: Vec<(u8, &[CheckKind])> =
                lasts.iter().map(|last| (*last, [].as_slice())).collect();
            book.number(&servers).iter().map(|(id, _)| id.0).collect()
        };
        assert_eq!(round(&[1, 2]), [1, 2]);
        assert_eq!(round(&[2, 3, 1]), [2, 3, 1]);
        assert_eq!(round(&[3]), [3]);
        assert_eq!(round(&[3, 2]), [3, 4]);
        // One that is written twice is one.
        assert_eq!(round(&[2, 5, 5]), [4, 5, 5]);
    }

    #[test]
    fn a_last_resort_is_no_real_server_of_its_place() {
        let (mut numbering, mut catalogue) = (Numbering::default(), Catalogue::default());
        let mut round = numbering.begin_round(&catalogue);
        let real = round.destination(SERVICE, Seat::Real(back(1)));
        let sorry = round.destination(SERVICE, Seat::Sorry(back(1)));
        assert_ne!(sorry, real);
        assert_ne!(round.destination(ServiceId(2), Seat::Real(back(1))), real);
        round.end();
        catalogue.servers.insert(sorry, Server { is_last_resort: true, ..real_server(back(1)) });
        let mut round = numbering.begin_round(&catalogue);
        assert_eq!(round.destination(SERVICE, Seat::Sorry(back(1))), sorry);
        assert_ne!(round.destination(SERVICE, Seat::Real(back(1))), sorry);
    }

    #[test]
    fn a_check_is_known_by_what_it_asks_wherever_it_stands() {
        let mut book = Book::default();
        let mut round = |ports: &[u16]| -> Vec<u32> {
            let kinds: Vec<CheckKind> = ports.iter().map(|port| asks(*port)).collect();
            book.ask(&kinds).iter().map(|id| id.0).collect()
        };
        // The server has number 1.
        assert_eq!(round(&[80, 81, 80]), [2, 3, 4]);
        assert_eq!(round(&[81, 80, 80]), [3, 2, 4]);
        assert_eq!(round(&[80]), [2]);
        assert_eq!(round(&[80, 80]), [2, 5]);
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
        let mut book = Book::default();
        let first = book.ask(&[health("shop", "sni_name")]);
        assert_eq!(book.ask(&[health("shop", "virtualhost")]), first);
        assert_ne!(book.ask(&[health("cart", "virtualhost")]), first);
    }

    #[test]
    fn a_program_that_moved_in_the_file_is_the_same() {
        let runs = |location: &str| {
            let words = vec!["/bin/true".to_owned()];
            let command = Command { words, user: None, location: location.to_owned() };
            CheckKind::Misc(Program { command, is_dynamic: false })
        };
        let mut book = Book::default();
        let first = book.ask(&[runs("x.conf:7")]);
        assert_eq!(book.ask(&[runs("x.conf:9")]), first);
        // What is said of it names the line where it stands now.
        assert_eq!(*book.catalogue.checks[&first[0]].question.kind, runs("x.conf:9"));
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
