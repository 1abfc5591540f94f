use config::model::Model;
use config::source::SourceSet;
use config::syntax::Environment;
use intent::service::{Back, Transport};

use super::*;
use crate::checker_child::numbering::Numbering;
use crate::checker_child::plan::plan;

fn model(text: &str) -> Model {
    let sources = SourceSet::single("case.conf", text.to_owned());
    config::check(&sources, &Environment::of_host("host")).model
}

/// A virtual server of these real servers.
fn web(lines: &str, lasts: &[u8]) -> Model {
    let servers: String =
        lasts.iter().map(|last| format!("real_server 192.0.2.{last} 80 {{\n }}\n")).collect();
    model(&format!("virtual_server 192.0.2.1 80 {{\n protocol TCP\n{lines}\n{servers}}}\n"))
}

/// A pool under test, with the balancer that it is led by.
#[derive(Default)]
struct Bench {
    numbering: Numbering,
    catalogue: Catalogue,
    pool: Pool,
    kernel: Stock,
    /// What the kernel refuses.
    refuses: Option<&'static str>,
}

impl Bench {
    /// One whose servers are all in the pool.
    fn new(lines: &str, lasts: &[u8]) -> Self {
        let mut bench = Self::default();
        bench.configure(lines, lasts);
        let of = service(&bench.catalogue);
        let servers = bench.catalogue.servers.keys();
        let all = servers.map(|id| (of, Change::Add { destination: *id, weight: 1 })).collect();
        bench.pool.follow(all, &bench.catalogue);
        bench
    }

    fn configure(&mut self, lines: &str, lasts: &[u8]) {
        (self.catalogue, _) = plan(&web(lines, lasts), &self.catalogue, &mut self.numbering, 1);
        self.pool.follow_all(&self.catalogue);
    }

    /// What a look at the balancer finds.
    fn seen(&self) -> Services {
        self.kernel.iter().map(|(front, it)| (*front, Service::clone(it))).collect()
    }

    fn follow(&mut self, change: Change) {
        self.pool.follow(vec![(service(&self.catalogue), change)], &self.catalogue);
    }

    /// Takes the steps that are due; which they were, and what is told.
    fn tend(&mut self, second: u64) -> (Vec<String>, Vec<Word>) {
        let steps = self.pool.steps(at(second));
        let names = steps.iter().map(ToString::to_string).collect();
        let results = steps
            .into_iter()
            .map(|step| match self.refuses {
                Some(word) if step.to_string().contains(word) => {
                    (step.clone(), Err(format!("{step}: no")))
                }
                _ => {
                    perform(&mut self.kernel, step.clone());
                    (step, Ok(()))
                }
            })
            .collect();
        (names, self.pool.took(at(second), results).words)
    }
}

fn at(second: u64) -> Instant {
    Instant::from_nanos(second * 1_000_000_000)
}

fn service(catalogue: &Catalogue) -> ServiceId {
    *catalogue.services.first_key_value().unwrap().0
}

fn front() -> Front {
    Front::Address { protocol: Transport::Tcp, address: [192, 0, 2, 1].into(), port: 80 }
}

fn back(last: u8) -> Back {
    Back { address: [192, 0, 2, last].into(), port: 80 }
}

#[test]
fn what_is_wanted_is_made_once() {
    let mut bench = Bench::new("", &[11, 12]);
    let (steps, words) = bench.tend(1);
    assert_eq!(
        steps,
        [
            "add service TCP 192.0.2.1:80",
            "add server 192.0.2.11:80 to TCP 192.0.2.1:80",
            "add server 192.0.2.12:80 to TCP 192.0.2.1:80",
        ]
    );
    assert_eq!(words, []);
    assert_eq!(bench.tend(2), (vec![], vec![]));
    assert_eq!(bench.pool.deadline(), None);
}

#[test]
fn what_stands_as_wanted_is_adopted_untouched() {
    let mut first = Bench::new("", &[11, 12]);
    first.tend(1);
    let mut second = Bench::new("", &[11, 12]);
    second.kernel = first.kernel.clone();
    second.pool.see(first.seen());
    assert_eq!(second.tend(1), (vec![], vec![]));
    // A server that went with the process before.
    let gone = *second.catalogue.servers.last_key_value().unwrap().0;
    second.follow(Change::Remove { destination: gone });
    assert_eq!(second.tend(1).0, ["remove server 192.0.2.12:80 of TCP 192.0.2.1:80"]);
}

#[test]
fn a_reload_changes_only_what_differs() {
    let mut bench = Bench::new("", &[11, 12]);
    bench.tend(1);
    bench.configure("", &[11, 12]);
    assert_eq!(bench.tend(2).0, [""; 0]);
    bench.configure("lb_algo rr", &[11, 12]);
    assert_eq!(bench.tend(3).0, ["change service TCP 192.0.2.1:80"]);
    bench.configure("lb_algo rr\n lvs_method DR", &[11, 12]);
    assert_eq!(
        bench.tend(4).0,
        [
            "change server 192.0.2.11:80 of TCP 192.0.2.1:80",
            "change server 192.0.2.12:80 of TCP 192.0.2.1:80",
        ]
    );
}

#[test]
fn a_service_that_is_gone_is_taken_away_and_forgotten() {
    let mut bench = Bench::new("", &[11]);
    bench.tend(1);
    (bench.catalogue, _) = plan(&Model::default(), &bench.catalogue, &mut bench.numbering, 1);
    bench.pool.follow_all(&bench.catalogue);
    assert_eq!(bench.tend(2).0, ["remove service TCP 192.0.2.1:80"]);
    bench.tend(3);
    // One of that name that somebody else makes is none of ours.
    let foreign = Services::from([(front(), Service::new(intent::service::Scheduling::new("rr")))]);
    assert_eq!(bench.pool.see(foreign), []);
    assert_eq!(bench.tend(4).0, [""; 0]);
    assert_eq!(bench.pool.release(), []);
}

#[test]
fn a_refusal_is_told_once_and_tried_again_ever_more_seldom() {
    let mut bench = Bench { refuses: Some("add service"), ..Bench::new("", &[11]) };
    let (steps, words) = bench.tend(1);
    assert_eq!(steps.len(), 2);
    assert_eq!(words, [Word::Refused("add service TCP 192.0.2.1:80: no".to_owned())]);
    assert_eq!(bench.pool.deadline(), Some(at(2)));
    assert_eq!(bench.tend(1).0, [""; 0]);
    for (second, next) in [(2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 124), (124, 184)] {
        let (steps, words) = bench.tend(second);
        assert_eq!((steps.len(), words), (2, vec![]));
        assert_eq!(bench.pool.deadline(), Some(at(next)));
    }
    bench.refuses = None;
    let (_, words) = bench.tend(184);
    assert_eq!(words, [Word::Accepted(front())]);
    assert_eq!(bench.kernel[&front()].destinations.len(), 1);
}

#[test]
fn a_dead_server_is_removed_while_something_else_of_its_service_is_refused() {
    let mut bench = Bench::new("lb_algo rr", &[11, 12]);
    bench.tend(1);
    bench.refuses = Some("change service");
    bench.configure("lb_algo mh", &[11, 12]);
    let (steps, words) = bench.tend(2);
    assert_eq!(steps, ["change service TCP 192.0.2.1:80"]);
    assert_eq!(words, [Word::Refused("change service TCP 192.0.2.1:80: no".to_owned())]);
    for second in [3, 5, 9, 17, 33, 65, 125] {
        assert_eq!(bench.tend(second).0.len(), 1);
    }
    let gone = *bench.catalogue.servers.last_key_value().unwrap().0;
    bench.follow(Change::Remove { destination: gone });
    assert_eq!(bench.pool.deadline(), Some(Instant::ZERO));
    let removal = "remove server 192.0.2.12:80 of TCP 192.0.2.1:80";
    assert_eq!(bench.tend(126), (vec![removal.to_owned()], vec![]));
    // What is refused waits as before.
    assert_eq!(bench.pool.deadline(), Some(at(185)));
    assert_eq!(bench.tend(184).0, [""; 0]);
    assert_eq!(bench.tend(185).0, steps);
    bench.refuses = None;
    assert_eq!(bench.tend(245), (steps, vec![Word::Accepted(front())]));
}

#[test]
fn each_of_several_refusals_is_told_once() {
    let mut bench = Bench { refuses: Some("add server"), ..Bench::new("", &[11, 12]) };
    let mut told = Vec::new();
    for second in 1..200 {
        told.extend(bench.tend(second).1);
    }
    let refused =
        |last: u8| Word::Refused(format!("add server 192.0.2.{last}:80 to TCP 192.0.2.1:80: no"));
    assert_eq!(told.iter().filter(|word| **word == refused(11)).count(), 1);
    assert!(told.iter().filter(|word| **word == refused(12)).count() <= 1);
}

#[test]
fn a_reload_tries_at_once_what_was_refused_and_pauses_begin_anew() {
    let mut bench = Bench { refuses: Some("add service"), ..Bench::new("", &[11]) };
    for second in [1, 2, 4, 8] {
        assert_eq!(bench.tend(second).0.len(), 2);
    }
    assert_eq!(bench.pool.deadline(), Some(at(16)));
    bench.configure("", &[11]);
    assert_eq!(bench.pool.deadline(), Some(Instant::ZERO));
    assert_eq!(bench.tend(9).0.len(), 2);
    assert_eq!(bench.pool.deadline(), Some(at(10)));
}

#[test]
fn where_all_is_refused_for_the_sake_of_one_step_the_others_are_taken_without_it() {
    let mut bench = Bench::new("lb_algo rr", &[11, 12]);
    bench.tend(1);
    let gone = *bench.catalogue.servers.last_key_value().unwrap().0;
    bench.follow(Change::Remove { destination: gone });
    bench.configure("lb_algo wlc", &[11, 12]);
    // All or nothing, as nftables does it.
    let steps = bench.pool.steps(at(2));
    let names = |steps: &[ServiceChange]| steps.iter().map(ToString::to_string).collect::<Vec<_>>();
    let removal = "remove server 192.0.2.12:80 of TCP 192.0.2.1:80";
    assert_eq!(names(&steps), ["change service TCP 192.0.2.1:80", removal]);
    let results = steps.into_iter().map(|step| (step, Err("no".to_owned()))).collect();
    let taken = bench.pool.took(at(2), results);
    assert_eq!(taken, Taken { words: vec![Word::Refused("no".to_owned())], is_refused: true });
    assert_eq!(bench.tend(2), (vec![removal.to_owned()], vec![]));
    assert_eq!(bench.pool.deadline(), Some(at(3)));
}

#[test]
fn only_a_batch_with_a_refusal_is_worth_a_look() {
    let mut bench = Bench { refuses: Some("add service"), ..Bench::new("", &[11]) };
    bench.tend(1);
    let other = Front::Mark { mark: 7, family: wire::Family::Ipv4 };
    let step = ServiceChange::Add(other, intent::service::Scheduling::new("rr"));
    let taken = bench.pool.took(at(1), vec![(step, Ok(()))]);
    assert_eq!(taken, Taken { words: vec![], is_refused: false });
}

#[test]
fn what_stands_as_wanted_is_held_once_until_one_of_them_changes() {
    let mut bench = Bench::new("", &[11, 12]);
    let is_held_once =
        |pool: &Pool| Arc::ptr_eq(&pool.wanted[&front()], &pool.standing()[&front()]);
    assert!(!bench.pool.standing().contains_key(&front()));
    bench.tend(1);
    assert!(is_held_once(&bench.pool));
    bench.pool.see(bench.seen());
    assert!(is_held_once(&bench.pool));
    // What others took away is missed, and not taken for what is wanted.
    Arc::make_mut(bench.kernel.get_mut(&front()).unwrap()).destinations.remove(&back(11));
    bench.pool.see(bench.seen());
    assert!(!is_held_once(&bench.pool));
    assert_eq!(bench.tend(2).0, ["add server 192.0.2.11:80 to TCP 192.0.2.1:80"]);
    assert!(is_held_once(&bench.pool));
    // What is wanted now changes nothing of what stands.
    let gone = *bench.catalogue.servers.keys().next().unwrap();
    bench.follow(Change::Remove { destination: gone });
    assert_eq!(bench.pool.standing()[&front()].destinations.len(), 2);
    assert_eq!(bench.tend(3).0, ["remove server 192.0.2.11:80 of TCP 192.0.2.1:80"]);
    assert!(is_held_once(&bench.pool));
    assert_eq!(bench.pool.wanted[&front()].destinations.len(), 1);
}

#[test]
fn what_others_change_of_ours_is_named_and_put_right_and_theirs_is_left_alone() {
    let mut bench = Bench::new("", &[11, 12]);
    bench.tend(1);
    let taken = Arc::make_mut(bench.kernel.get_mut(&front()).unwrap());
    let destination = taken.destinations.remove(&back(11)).unwrap();
    taken.destinations.insert(back(99), destination);
    let words = bench.pool.see(bench.seen());
    let what = "remove server 192.0.2.11:80 of TCP 192.0.2.1:80";
    assert_eq!(words, [Word::Disturbed(what.to_owned())]);
    assert_eq!(bench.tend(2).0, ["add server 192.0.2.11:80 to TCP 192.0.2.1:80"]);
    let backs: Vec<Back> = bench.kernel[&front()].destinations.keys().copied().collect();
    assert_eq!(backs, [back(11), back(12), back(99)]);
    assert_eq!(bench.pool.see(bench.seen()), []);
}

#[test]
fn of_a_server_that_is_its_own_last_resort_the_larger_weight_counts() {
    let mut bench = Bench::new("sorry_server 192.0.2.11 80", &[11]);
    let ids: Vec<DestinationId> = bench.catalogue.servers.keys().copied().collect();
    bench.follow(Change::SetWeight { destination: ids[0], weight: 0 });
    bench.tend(1);
    assert_eq!(bench.kernel[&front()].destinations[&back(11)].weight, 1);
    bench.follow(Change::Remove { destination: ids[1] });
    bench.tend(1);
    assert_eq!(bench.kernel[&front()].destinations[&back(11)].weight, 0);
    bench.follow(Change::Remove { destination: ids[0] });
    assert_eq!(bench.tend(1).0, ["remove server 192.0.2.11:80 of TCP 192.0.2.1:80"]);
}

#[test]
fn the_end_takes_away_all_of_ours() {
    let mut bench = Bench::new("", &[11, 12]);
    bench.tend(1);
    assert_eq!(bench.pool.release(), [ServiceChange::Remove(front())]);
}

/// What a daemon with these servers leaves.
fn left(lasts: &[u8]) -> Stock {
    let mut former = Bench::new("", lasts);
    former.tend(1);
    former.kernel
}

#[test]
fn servers_that_were_left_and_are_not_configured_go_once_they_are_claimed() {
    let mut bench = Bench { kernel: left(&[11, 12]), ..Bench::new("", &[11, 13]) };
    bench.pool.see(bench.seen());
    let surplus = "server 192.0.2.12:80 of TCP 192.0.2.1:80".to_owned();
    assert_eq!(bench.pool.claim(false), [Word::Left(surplus)]);
    assert_eq!(
        bench.tend(1).0,
        [
            "add server 192.0.2.13:80 to TCP 192.0.2.1:80",
            "remove server 192.0.2.12:80 of TCP 192.0.2.1:80",
        ]
    );
    assert_eq!(bench.pool.claim(false), []);
}

#[test]
fn a_service_that_is_not_configured_goes_only_where_everything_is_ours() {
    for everything in [false, true] {
        let mut bench = Bench { kernel: left(&[11]), ..Bench::default() };
        bench.pool.see(bench.seen());
        let told = bench.pool.claim(everything);
        let steps = bench.tend(1).0;
        if everything {
            assert_eq!(told, [Word::Left("service TCP 192.0.2.1:80".to_owned())]);
            assert_eq!(steps, ["remove service TCP 192.0.2.1:80"]);
        } else {
            assert_eq!((told, steps), (vec![], vec![]));
        }
    }
}
