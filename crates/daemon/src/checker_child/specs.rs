//! What a check of the configuration asks, as a conversation.

use config::model::{CheckKind, Datagram, Page, Way};
use probe::{
    DnsSpec, Endpoint, HttpProtocol, HttpSpec, PingSpec, QueryName, QueryType, ReplyPattern,
    SmtpSpec, Spec, TcpSpec, UdpSpec,
};

/// Whether this release can make it.
pub(super) fn can_be_asked(kind: &CheckKind) -> bool {
    match kind {
        CheckKind::Http(_, asked) => asked.pages.iter().all(|page| page.regex.is_none()),
        CheckKind::Dns(_, kind, name) => query(kind).is_some() && QueryName::parse(name).is_ok(),
        CheckKind::Tcp(_)
        | CheckKind::Smtp(..)
        | CheckKind::Udp(..)
        | CheckKind::Ping(_)
        | CheckKind::Misc(_)
        | CheckKind::File(..)
        | CheckKind::Bfd(_) => true,
        CheckKind::Https(..) => false,
    }
}

/// Where it goes; nothing of one that goes nowhere.
pub(super) const fn way(kind: &CheckKind) -> Option<&Way> {
    match kind {
        CheckKind::Tcp(way)
        | CheckKind::Http(way, _)
        | CheckKind::Https(way, _)
        | CheckKind::Smtp(way, _)
        | CheckKind::Dns(way, ..)
        | CheckKind::Udp(way, _)
        | CheckKind::Ping(way) => Some(way),
        CheckKind::Misc(_) | CheckKind::File(..) | CheckKind::Bfd(_) => None,
    }
}

/// The conversation of a step; `number` tells it from others of its kind.
pub(super) fn spec(kind: &CheckKind, step: u16, number: u16) -> Option<Spec> {
    Some(match kind {
        CheckKind::Tcp(way) => Spec::Tcp(TcpSpec { endpoint: endpoint(way) }),
        CheckKind::Http(way, asked) => {
            let page = asked.pages.get(usize::from(step))?;
            Spec::Http(Box::new(http(way, page, &asked.protocol)))
        }
        CheckKind::Smtp(way, name) => {
            Spec::Smtp(SmtpSpec { endpoint: endpoint(way), name: name.clone() })
        }
        CheckKind::Dns(way, kind, name) => Spec::Dns(DnsSpec {
            endpoint: endpoint(way),
            name: QueryName::parse(name).ok()?,
            query: query(kind)?,
            id: number,
        }),
        CheckKind::Udp(way, datagram) => Spec::Udp(udp(way, datagram)),
        CheckKind::Ping(way) => Spec::Ping(PingSpec { endpoint: endpoint(way), sequence: number }),
        CheckKind::Https(..) | CheckKind::Misc(_) | CheckKind::File(..) | CheckKind::Bfd(_) => {
            return None;
        }
    })
}

fn endpoint(way: &Way) -> Endpoint {
    Endpoint {
        server: way.server,
        source: way.source,
        source_port: way.source_port,
        link: way.link.clone(),
        mark: way.mark,
    }
}

fn http(way: &Way, page: &Page, protocol: &str) -> HttpSpec {
    HttpSpec {
        protocol: match protocol {
            "1.0C" => HttpProtocol::Http10Close,
            "1.1" => HttpProtocol::Http11,
            _ => HttpProtocol::Http10,
        },
        statuses: page.statuses.clone(),
        digest: page.digest,
        ..HttpSpec::new(endpoint(way), &page.path, &page.host)
    }
}

fn udp(way: &Way, datagram: &Datagram) -> UdpSpec {
    let reply = datagram.reply.as_ref().map(|bytes| ReplyPattern {
        bytes: bytes.clone(),
        shortest: datagram.shortest,
        longest: datagram.longest,
    });
    UdpSpec { endpoint: endpoint(way), payload: datagram.payload.clone(), reply }
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
