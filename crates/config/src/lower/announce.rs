//! `garp_*`: when an Active router announces its addresses, and where.

use core::time::Duration;

use vrrp::AnnounceSchedule;

use super::read::seconds;
use crate::model::ExtraLinks;
use crate::syntax::Directive;

/// The `garp_*` settings as written: what is not set follows another one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Announce {
    /// `vrrp_min_garp`: one announcement, no second burst, where nothing else is written.
    pub(super) minimal: bool,
    pub(super) delay: Option<Duration>,
    pub(super) repeat: Option<u32>,
    pub(super) refresh: Option<Duration>,
    pub(super) refresh_repeat: Option<u32>,
    pub(super) lower_priority_delay: Option<Duration>,
    pub(super) lower_priority_repeat: Option<u32>,
    /// `garp_extra_if`.
    pub(super) extra: Option<(Duration, ExtraLinks)>,
}

impl Announce {
    /// Reads one of the keywords; `name` is the keyword without `vrrp_`. Says whether it was one.
    pub(super) fn read(&mut self, name: &str, directive: &Directive) -> bool {
        let text = directive.text(0);
        let count = || text.and_then(|text| text.parse::<u32>().ok());
        let time = || text.and_then(|text| seconds(text, 0));
        match name {
            "garp_master_delay" => self.delay = time().or(self.delay),
            "garp_master_repeat" => self.repeat = count().map(|n| n.max(1)).or(self.repeat),
            "garp_master_refresh" => self.refresh = time().or(self.refresh),
            "garp_master_refresh_repeat" => {
                self.refresh_repeat = count().map(|n| n.max(1)).or(self.refresh_repeat);
            }
            "garp_lower_prio_delay" => {
                self.lower_priority_delay = time().or(self.lower_priority_delay);
            }
            "garp_lower_prio_repeat" => {
                self.lower_priority_repeat = count().or(self.lower_priority_repeat);
            }
            "garp_extra_if" | "vmac_garp_intvl" => self.extra = extra(directive).or(self.extra),
            _ => return false,
        }
        true
    }

    fn extra(&self, outer: &Self) -> Option<(Duration, ExtraLinks)> {
        self.extra.or(outer.extra)
    }

    /// On which links the periodic ones are.
    pub(super) fn extra_links(&self, outer: &Self) -> ExtraLinks {
        self.extra(outer).map(|(_, links)| links).unwrap_or_default()
    }

    /// The schedule of an instance that says `self` under a `global_defs` that says `outer`.
    pub(super) fn schedule(&self, outer: &Self) -> AnnounceSchedule {
        let default = AnnounceSchedule::default();
        let minimal = outer.minimal;
        let delay = outer.delay.or(if minimal { None } else { default.again_after });
        let repeat = outer.repeat.unwrap_or(if minimal { 1 } else { default.repeat });
        let nonzero = |span: &Duration| !span.is_zero();
        AnnounceSchedule {
            repeat: self.repeat.unwrap_or(repeat).min(BURST_MAX),
            again_after: self.delay.or(delay).filter(nonzero),
            refresh: self.refresh.or(outer.refresh).filter(nonzero),
            refresh_repeat: self
                .refresh_repeat
                .or(outer.refresh_repeat)
                .unwrap_or(1)
                .min(BURST_MAX),
            lower_priority_repeat: self
                .lower_priority_repeat
                .or(outer.lower_priority_repeat)
                .unwrap_or(repeat)
                .min(BURST_MAX),
            lower_priority_again_after: self
                .lower_priority_delay
                .or(outer.lower_priority_delay)
                .or(delay)
                .filter(nonzero),
            extra: self.extra(outer).map(|(period, _)| period).filter(nonzero),
        }
    }
}

/// `[all] <seconds>`; nothing for a number that is out of range.
fn extra(directive: &Directive) -> Option<(Duration, ExtraLinks)> {
    let (links, text) = match directive.text(0)? {
        "all" => (ExtraLinks::All, directive.text(1)?),
        text => (ExtraLinks::Virtual, text),
    };
    let seconds = text.parse().ok().filter(|seconds| *seconds <= 86_400)?;
    Some((Duration::from_secs(seconds), links))
}

/// Most announcements of one address in one burst, so that a typing error does not flood the LAN.
const BURST_MAX: u32 = 100;
