//! What the chosen data plane cannot do of what is written.

use intent::service::nftables::method;
use intent::service::{Front, Service};
use wire::Family;

use crate::diagnostic::model as codes;
use crate::lower::report::Reports;
use crate::model::{Balance, DataPlane, place};
use crate::source::Span;

/// With nftables alone it is refused; where IPVS may be there, it is said.
pub(super) fn check(plane: DataPlane, at: Span, balance: &Balance, reports: &mut Reports<'_>) {
    if plane == DataPlane::Ipvs {
        return;
    }
    // The fronts of a group differ in nothing else that matters here.
    let fronts = [Family::Ipv4, Family::Ipv6]
        .into_iter()
        .filter_map(|family| balance.fronts.iter().find(|front| front.family() == family));
    for front in fronts {
        let Err(refusal) = method(front, &service(balance, front)) else { continue };
        let culprit = balance
            .servers
            .iter()
            .find(|it| refusal.back() == Some(place(it.back, it.destination.forwarding, front)));
        let at = culprit.map_or(at, |it| it.at);
        let reported = if plane == DataPlane::Nftables {
            reports.error(codes::UNABLE_PLANE, refusal.to_string(), at)
        } else {
            let text = format!("{refusal}: on a kernel without IPVS this is not balanced");
            reports.warning(codes::UNABLE_PLANE, text, at)
        };
        drop(reported.help(refusal.remedy()));
        return;
    }
}

/// All that may ever stand at a front.
fn service(balance: &Balance, front: &Front) -> Service {
    let mut service = Service::new(balance.scheduling.clone());
    let servers = balance.servers.iter().map(|it| (it.back, it.destination));
    let sorry = balance.sorry_server.iter().map(|it| (it.back, it.destination));
    for (back, destination) in servers.chain(sorry) {
        service.destinations.insert(place(back, destination.forwarding, front), destination);
    }
    service
}
