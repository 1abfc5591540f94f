//! The ways of a route: `via`, `dev`, `onlink`, `realms`, `encap`, and `nexthop` for several.

use core::net::IpAddr;

use intent::{Encap, NextHop, RouteKind};
use wire::Family;

use super::encap;
use crate::diagnostic::model as codes;
use crate::lower::path::{Read, Words, wrong};
use crate::lower::report::Reports;
use crate::source::Span;
use crate::syntax::Word;

/// Ways as they are written: words before the first `nexthop` are about the only way.
#[derive(Default)]
pub(super) struct Ways {
    list: Vec<(NextHop<String>, Span)>,
    /// Whether words are about one of several ways.
    is_several: bool,
    /// Where the only way was begun, where `nexthop` follows.
    mixed: Option<Span>,
}

impl Ways {
    /// Takes in a word about a way; says whether it was one.
    pub(super) fn read(
        &mut self,
        word: &Word,
        words: &mut Words<'_>,
        reports: &mut Reports<'_>,
    ) -> Read<bool> {
        match word.text.as_str() {
            "via" => self.current(word).gateway = Some(words.address(word)?),
            "gw" => {
                retired(word, "via", reports);
                self.current(word).gateway = Some(words.address(word)?);
            }
            "or" => {
                retired(word, "nexthop via", reports);
                let gateway = Some(words.address(word)?);
                self.list.push((NextHop { gateway, ..new() }, word.span));
            }
            "dev" | "oif" => self.current(word).device = Some(words.interface(word)?),
            "onlink" => self.current(word).on_link = true,
            "realms" | "realm" => self.current(word).realms = words.realms(word, reports)?,
            "weight" if self.is_several => {
                let weight = words.number(word, 1, 256)?;
                self.current(word).weight = u16::try_from(weight).unwrap_or(1);
            }
            "encap" => self.current(word).encap = Some(encap::read(word, words)?),
            "nexthop" => {
                if !self.is_several {
                    self.mixed = self.list.first().map(|(_, at)| *at);
                }
                self.is_several = true;
                self.list.push((new(), word.span));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The way that words are about.
    fn current(&mut self, word: &Word) -> &mut NextHop<String> {
        let several = self.is_several;
        if self.list.is_empty() {
            self.list.push((new(), word.span));
        }
        let index = if several { self.list.len() - 1 } else { 0 };
        #[expect(clippy::indexing_slicing, reason = "there is one at least")]
        &mut self.list[index].0
    }

    pub(super) fn gateways(&self) -> impl Iterator<Item = IpAddr> {
        self.list.iter().filter_map(|(hop, _)| hop.gateway)
    }

    /// The ways of a route of this kind; one without router and interface may still get the latter.
    pub(super) fn settle(
        &self,
        kind: RouteKind,
        family: Family,
        at: Span,
    ) -> Read<Vec<NextHop<String>>> {
        if let Some(at) = self.mixed {
            return wrong(at, "a route has `via` and `dev` of its own, or `nexthop`s, not both");
        }
        if kind.is_dead_end() {
            return match self.list.first() {
                Some((_, at)) => wrong(*at, format!("a {} route leads nowhere", kind.name())),
                None => Ok(Vec::new()),
            };
        }
        for (hop, at) in &self.list {
            if let Some(gateway) = hop.gateway
                && Family::of(gateway) != family
                && family == Family::Ipv6
            {
                return wrong(*at, format!("an IPv6 route does not go via {gateway}"));
            }
            if self.list.len() > 1 && hop.gateway.is_none() && hop.device.is_none() {
                return wrong(*at, "each of several ways needs `via` or `dev`");
            }
            if hop.on_link && hop.device.is_none() {
                return wrong(*at, "`onlink` needs `dev`: the kernel asks no table for it");
            }
            if family == Family::Ipv4 && matches!(hop.encap, Some(Encap::Ila(_))) {
                return wrong(*at, "`encap ila` is nothing that an IPv4 route has");
            }
            if hop.realms != 0 && family == Family::Ipv6 {
                return wrong(*at, "`realms` is nothing that an IPv6 route has");
            }
        }
        if self.list.len() > WAYS {
            return wrong(at, format!("a route has at most {WAYS} ways"));
        }
        let mut hops: Vec<NextHop<String>> = self.list.iter().map(|(hop, _)| hop.clone()).collect();
        if let [only] = hops.as_mut_slice() {
            // The kernel keeps no share of a single way, and would be found to differ at each look.
            only.weight = 1;
        }
        Ok(if hops.is_empty() { vec![new()] } else { hops })
    }
}

const fn new() -> NextHop<String> {
    NextHop { gateway: None, device: None, weight: 1, on_link: false, realms: 0, encap: None }
}

fn retired(word: &Word, now: &str, reports: &mut Reports<'_>) {
    reports
        .warning(codes::OLD_FORM, format!("`{}` of a route is an old form", word.text), word.span)
        .help(format!("write `{now}`"));
}

/// The kernel tells of a route in a message of 32 kB at most, and a way says up to 180 bytes: an encapsulation has labels,
/// or addresses and options.
const WAYS: usize = 128;
