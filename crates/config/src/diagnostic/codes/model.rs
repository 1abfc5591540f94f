//! Codes of what a configuration means: instances, addresses, groups, and how they fit together.

use super::codes;

codes! {
    DUPLICATE_ROUTER = "VRRP001", Fatal, "two instances are the same virtual router";
}
