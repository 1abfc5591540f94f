//! Values in the forms of the MIB.

use std::net::IpAddr;

use agentx::Value;
use status::State;

/// A text; one that is empty is none.
pub(super) fn text(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::Octets(text.as_bytes().to_vec()))
}

/// A signed number; one too great is the greatest.
pub(super) fn integer(number: impl TryInto<i32>) -> Value {
    Value::Integer(number.try_into().unwrap_or(i32::MAX))
}

/// A number; one too great is the greatest.
pub(super) fn gauge(number: impl TryInto<u32>) -> Value {
    Value::Gauge32(number.try_into().unwrap_or(u32::MAX))
}

/// `TruthValue`, and all that is 1 or 2 like it.
pub(super) fn truth(is_so: bool) -> Value {
    Value::Integer(if is_so { 1 } else { 2 })
}

/// `InetAddressType`.
pub(super) fn family(address: IpAddr) -> Value {
    Value::Integer(if address.is_ipv4() { 1 } else { 2 })
}

/// `InetAddress`.
pub(super) fn address(address: IpAddr) -> Value {
    Value::Octets(match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    })
}

/// `InetScopeType` of a scope of the kernel.
pub(super) fn scope(scope: u8) -> Value {
    Value::Integer(match scope {
        0 => 14,
        200 => 5,
        253 => 2,
        254 => 1,
        _ => 0,
    })
}

/// `VrrpState`.
pub(super) fn state(state: State) -> Value {
    integer(super::super::number(state))
}

/// A program with its arguments.
pub(super) fn command(words: &[String]) -> Option<Value> {
    text(&super::super::command(words))
}
