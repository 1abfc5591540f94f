//! What a check of the configuration asks, as a conversation.

use std::net::SocketAddr;

use config::model::{CheckKind, Datagram, Page, Way};
use probe::{
    DnsSpec, Endpoint, ExpectedHeader, GrpcSpec, HttpProtocol, HttpSpec, PingSpec, QueryName,
    QueryType, ReplyPattern, SmtpSpec, Spec, TcpSpec, UdpSpec,
};

use crate::webs::{Told, Webs};

/// Whether this release can make it.
pub(super) fn can_be_asked(kind: &CheckKind) -> bool {
    match kind {
        CheckKind::Dns(_, kind, name) => query(kind).is_some() && QueryName::parse(name).is_ok(),
        CheckKind::Tcp(_)
        | CheckKind::Http(..)
        | CheckKind::Https(..)
        | CheckKind::Grpc(..)
        | CheckKind::Smtp(..)
        | CheckKind::Udp(..)
        | CheckKind::Ping(_)
        | CheckKind::Misc(_)
        | CheckKind::File(..)
        | CheckKind::Bfd(_) => true,
    }
}

/// Whether what it finds can change the weight of its server.
pub(super) const fn weighs(kind: &CheckKind) -> bool {
    match kind {
        CheckKind::Misc(program) => program.is_dynamic,
        CheckKind::File(..) => true,
        CheckKind::Tcp(_)
        | CheckKind::Http(..)
        | CheckKind::Https(..)
        | CheckKind::Grpc(..)
        | CheckKind::Smtp(..)
        | CheckKind::Dns(..)
        | CheckKind::Udp(..)
        | CheckKind::Ping(_)
        | CheckKind::Bfd(_) => false,
    }
}

/// Where it goes; nothing of one that goes nowhere.
pub(super) const fn way_mut(kind: &mut CheckKind) -> Option<&mut Way> {
    match kind {
        CheckKind::Tcp(way)
        | CheckKind::Http(way, _)
        | CheckKind::Https(way, _)
        | CheckKind::Grpc(way, _)
        | CheckKind::Smtp(way, _)
        | CheckKind::Dns(way, ..)
        | CheckKind::Udp(way, _)
        | CheckKind::Ping(way) => Some(way),
        CheckKind::Misc(_) | CheckKind::File(..) | CheckKind::Bfd(_) => None,
    }
}

/// The conversation of a step with whoever is at `at`; `number` tells it from others of its kind.
///
/// **Errors**: it cannot be had, and why.
pub(super) fn spec(
    kind: &CheckKind,
    at: SocketAddr,
    (step, number): (u16, u16),
    webs: &Webs,
) -> Result<Spec, String> {
    if let CheckKind::Http(way, asked) | CheckKind::Https(way, asked) = kind {
        let page = asked.pages.get(usize::from(step)).ok_or(UNKNOWN)?;
        let mut spec = http(endpoint(way, at), page, &asked.protocol);
        spec.expression = page.regex.as_ref().map(|regex| webs.expression(regex)).transpose()?;
        if matches!(kind, CheckKind::Https(..)) {
            spec.tls = Some(webs.tls(&asked.tls, Told::page(page), at.ip())?);
        }
        return Ok(Spec::Http(Box::new(spec)));
    }
    if let CheckKind::Grpc(way, asked) = kind {
        let tls = asked.tls.as_ref();
        let tls = tls.map(|said| webs.tls(said, Told::grpc(asked), at.ip())).transpose()?;
        let (service, host) = (asked.service.clone(), asked.host.clone());
        return Ok(Spec::Grpc(Box::new(GrpcSpec {
            endpoint: endpoint(way, at),
            service,
            host,
            tls,
        })));
    }
    plain(kind, at, number).ok_or_else(|| UNKNOWN.to_owned())
}

/// One that needs nothing that was made before.
fn plain(kind: &CheckKind, at: SocketAddr, number: u16) -> Option<Spec> {
    Some(match kind {
        CheckKind::Tcp(way) => Spec::Tcp(TcpSpec { endpoint: endpoint(way, at) }),
        CheckKind::Smtp(way, name) => {
            Spec::Smtp(SmtpSpec { endpoint: endpoint(way, at), name: name.clone() })
        }
        CheckKind::Dns(way, kind, name) => Spec::Dns(DnsSpec {
            endpoint: endpoint(way, at),
            name: QueryName::parse(name).ok()?,
            query: query(kind)?,
            id: number,
        }),
        CheckKind::Udp(way, datagram) => Spec::Udp(udp(endpoint(way, at), datagram)),
        CheckKind::Ping(way) => {
            Spec::Ping(PingSpec { endpoint: endpoint(way, at), sequence: number })
        }
        CheckKind::Http(..)
        | CheckKind::Https(..)
        | CheckKind::Grpc(..)
        | CheckKind::Misc(_)
        | CheckKind::File(..)
        | CheckKind::Bfd(_) => return None,
    })
}

fn endpoint(way: &Way, at: SocketAddr) -> Endpoint {
    Endpoint {
        server: at,
        source: way.source,
        source_port: way.source_port,
        link: way.link.clone(),
        mark: way.mark,
    }
}

fn http(endpoint: Endpoint, page: &Page, protocol: &str) -> HttpSpec {
    HttpSpec {
        protocol: match protocol {
            "1.0C" => HttpProtocol::Http10Close,
            "1.1" => HttpProtocol::Http11,
            "2" => HttpProtocol::Http2,
            _ => HttpProtocol::Http10,
        },
        statuses: page.statuses.clone(),
        digest: page.digest,
        headers: page.headers.iter().map(header).collect(),
        text: page.text.clone(),
        ..HttpSpec::new(endpoint, &page.path, &page.host)
    }
}

fn header((name, text): &(String, Option<String>)) -> ExpectedHeader {
    ExpectedHeader { name: name.clone(), text: text.clone() }
}

fn udp(endpoint: Endpoint, datagram: &Datagram) -> UdpSpec {
    let reply = datagram.reply.as_ref().map(|bytes| ReplyPattern {
        bytes: bytes.clone(),
        shortest: datagram.shortest,
        longest: datagram.longest,
    });
    UdpSpec { endpoint, payload: datagram.payload.clone(), reply }
}

fn query(word: &str) -> Option<QueryType> {
    Some(match word {
        "A" => QueryType::A,
        "NS" => QueryType::Ns,
        "CNAME" => QueryType::Cname,
        "SOA" => QueryType::Soa,
        "MX" => QueryType::Mx,
        "TXT" => QueryType::Txt,
        "AAAA" => QueryType::Aaaa,
        "RRSIG" => QueryType::Rrsig,
        "DNSKEY" => QueryType::Dnskey,
        _ => return None,
    })
}

const UNKNOWN: &str = "this process does not know what to ask";
