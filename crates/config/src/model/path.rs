//! Routes and rules as configured.

use intent::{Route, Rule};

use crate::source::Span;

/// One route line (`virtual_routes`, `static_routes`); its interfaces are names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLine {
    /// Where it is written.
    pub at: Span,
    /// The route.
    pub route: Route<String>,
    /// `vrf`: the interface whose table it is of, instead of that of the route.
    pub vrf: Option<String>,
    /// Whether its loss matters.
    pub following: Following,
}

/// One rule line (`virtual_rules`, `static_rules`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleLine {
    /// Where it is written.
    pub at: Span,
    /// The rule.
    pub rule: Rule,
    /// Whether its loss matters.
    pub following: Following,
}

/// Who cares for the loss of an address, a route or a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Following {
    /// It is put back, and the loss of its interface is a fault of its instance.
    #[default]
    Own,
    /// `no_track`: nobody; it is not put back before the next time.
    Nobody,
    /// `track_group`: the instances of this group, where it is static.
    Group(Box<str>),
}

impl Following {
    /// The `track_group`.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Group(name) => Some(name),
            Self::Own | Self::Nobody => None,
        }
    }
}
