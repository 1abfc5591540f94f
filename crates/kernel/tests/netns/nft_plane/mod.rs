//! Balancing by nftables on a real kernel: real connections and datagrams from a client to real servers.

mod direct;
mod farm;
mod nat;
mod sctp;
mod standing;

use intent::service::{
    Back, Destination, Forwarding, Front, Scheduling, Service, Services, Transport, diff_services,
    names,
};
use kernel::nft_plane::{NftPlane, NftPlaneError};

use crate::Test;

pub const TESTS: &[Test] = &[
    ("new_connections_take_turns_and_servers_see_their_clients", nat::turns),
    ("weights_are_shares", nat::weights),
    ("a_drained_server_keeps_its_connections_and_gets_no_more", nat::drained),
    ("datagrams_of_a_flow_stay_until_their_server_goes", nat::datagrams),
    ("datagrams_of_a_flow_stay_over_ipv6_too", nat::datagrams_of_ipv6),
    ("associations_of_sctp_take_turns", sctp::rewritten),
    ("associations_of_sctp_go_to_servers_as_they_are", sctp::as_they_are),
    ("a_client_returns_to_its_server_while_it_is_remembered", nat::persistent),
    ("a_service_that_remembers_loses_its_last_server_and_gets_its_first", nat::emptied),
    ("clients_are_remembered_at_servers_with_ports_and_without", nat::ports_and_none),
    ("a_client_is_remembered_as_long_as_its_connection_lasts", nat::kept),
    ("a_hash_finds_the_same_server_for_a_client", nat::hashed),
    ("marked_packets_and_all_ports_of_an_address_are_balanced", nat::marks_and_ports),
    ("a_connection_by_another_service_to_the_same_server_goes_on", nat::shared),
    ("what_a_killed_process_did_not_forget_its_successor_does", nat::inherited),
    ("nobody_left_is_said_at_once", nat::nobody),
    ("the_hosts_own_connections_are_balanced", nat::own),
    ("no_request_fails_while_servers_are_drained_and_return", nat::rolling),
    ("packets_go_to_servers_as_they_are_and_flows_stay", direct::flows),
    ("datagrams_and_ipv6_go_to_servers_as_they_are", direct::datagrams),
    ("a_flow_ends_with_its_server_and_a_client_is_remembered", direct::removed),
    ("a_server_with_a_new_link_address_is_found", direct::moved),
    ("no_connection_ends_while_weights_change", direct::rolling),
    ("nft_shows_what_stands", standing::shown),
    ("a_successor_finds_what_stands_and_changes_nothing", standing::adopted),
    ("what_somebody_else_broke_is_made_anew", standing::broken),
    ("what_cannot_be_done_is_refused_and_the_rest_is_done", standing::refused),
    ("thousands_of_services_come_and_change_one_by_one", standing::many),
];

const TABLE: &str = "balance";
const NAT: Destination = Destination::new(Forwarding::Nat, 1);
const DIRECT: Destination = Destination::new(Forwarding::DirectRoute, 1);

fn tcp(address: &str, port: u16) -> Front {
    Front::Address { protocol: Transport::Tcp, address: address.parse().unwrap(), port }
}

fn udp(address: &str, port: u16) -> Front {
    Front::Address { protocol: Transport::Udp, address: address.parse().unwrap(), port }
}

fn back(address: &str, port: u16) -> Back {
    Back { address: address.parse().unwrap(), port }
}

fn service(scheduling: Scheduling, destinations: &[(Back, Destination)]) -> Service {
    Service { scheduling, destinations: destinations.iter().copied().collect() }
}

/// The first two servers by NAT at one port, with these weights; none for one that is not there.
fn pool(scheduler: &str, weights: [Option<u32>; 2]) -> Service {
    let servers = weights.into_iter().zip(1..).filter_map(|(weight, number)| {
        Some((back(&farm::server(number), 8080), Destination { weight: weight?, ..NAT }))
    });
    service(Scheduling::new(scheduler), &servers.collect::<Vec<_>>())
}

/// Has `wanted` stand, and nothing else; how many steps it took.
fn reach(plane: &mut NftPlane, wanted: &Services) -> usize {
    let (steps, results) = steps(plane, wanted);
    for result in results {
        result.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    }
    settle(plane);
    assert_eq!(plane.services().unwrap(), *wanted);
    steps
}

/// Has the connections of servers that are gone forgotten.
fn settle(plane: &mut NftPlane) {
    while plane.is_to_forget() {
        plane.forget().unwrap();
    }
}

fn steps(plane: &mut NftPlane, wanted: &Services) -> (usize, Vec<Result<(), NftPlaneError>>) {
    let standing = plane.services().unwrap();
    let changes = diff_services(wanted, &standing, &names(&standing));
    (changes.len(), plane.apply(&changes))
}

/// A plane with these services.
fn plane(wanted: &Services) -> NftPlane {
    let mut plane = NftPlane::open(TABLE).unwrap();
    reach(&mut plane, wanted);
    plane
}
