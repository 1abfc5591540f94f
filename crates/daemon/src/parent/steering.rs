//! Orders about real servers: handed to the checker process, and kept for its successors until the next reload.

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Instant;
use control::{Order, Ordered, Role, Severity, Steered, ToChild, Unsteered};
use kernel::eventloop::{now, wall_clock};
use status::{Condition, Event, Line, LineError, Occurrence, Steer};

use super::Parent;
use super::control_socket::Client;
use super::reload::Progress;
use super::view::today;
use crate::compat::verdicts;

/// Orders that the checker process has not answered yet.
#[derive(Debug, Default)]
pub(super) struct Steering {
    serial: u32,
    waiting: BTreeMap<u32, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    client: Client,
    order: Option<Order>,
    by: String,
    at: u64,
    /// Of whom it is in force, as far as that was told.
    told: Vec<Steered>,
    /// Until when the client has patience; none once he has been told that nobody answers.
    until: Option<Instant>,
}

impl Steering {
    /// Whether nothing waits for an answer.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// When patience with an answer ends.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().filter_map(|waiting| waiting.until).min()
    }
}

impl Parent {
    /// Somebody at the control socket orders something.
    pub(super) fn steer_for(&mut self, client: &Client, steer: Option<Steer>) {
        if let Err(error) = self.pass_on(client, steer) {
            self.refuse(client, error);
        }
    }

    fn pass_on(&mut self, client: &Client, steer: Option<Steer>) -> Result<(), LineError> {
        let steer = steer.ok_or_else(|| LineError::Request("it orders nothing".to_owned()))?;
        if self.stopping.is_some() {
            return Err(LineError::Busy("the daemon is ending".to_owned()));
        }
        // It would end what is ordered now, sooner or later.
        if self.reload.is_running() {
            return Err(busy());
        }
        let order = match steer.order {
            status::Order::Weight(weight) => Some(Order::Weight(weight)),
            status::Order::Disable => Some(Order::Disabled),
            status::Order::Enable => None,
        };
        let by = self.who(client, &steer.by);
        let at = u64::try_from(wall_clock().as_micros()).unwrap_or(u64::MAX);
        let Some(child) = self.children.iter().find(|child| child.role == Role::Checker) else {
            let text = "no virtual server is configured".to_owned();
            return Err(LineError::Instance(text));
        };
        let serial = self.steering.serial.wrapping_add(1);
        let Steer { virtual_server, real_server, .. } = steer;
        let steering = control::Steering { virtual_server, real_server, order, by: by.clone() };
        let message = ToChild::Steer { serial, steering, at };
        if !child.is_ready() || !child.offer(&message) {
            return Err(LineError::Silent(SILENT.to_owned()));
        }
        self.steering.serial = serial;
        let until = Some(now() + PATIENCE);
        let waiting = Waiting { client: client.clone(), order, by, at, told: Vec::new(), until };
        self.steering.waiting.insert(serial, waiting);
        Ok(())
    }

    /// Who orders, for the log: what he calls himself, and what the kernel says of him.
    fn who(&self, client: &Client, called: &str) -> String {
        let name: String = called.chars().filter(|it| is_of_name(*it)).take(NAME).collect();
        let uid = self
            .control
            .stream(client)
            .and_then(|stream| rustix::net::sockopt::socket_peercred(stream).ok())
            .map_or_else(|| "unknown".to_owned(), |peer| peer.uid.as_raw().to_string());
        if name.is_empty() { format!("uid {uid}") } else { format!("{name} (uid {uid})") }
    }

    /// What became of an order.
    pub(super) fn take_steered(
        &mut self,
        serial: u32,
        outcome: Result<Vec<Steered>, Unsteered>,
        last: bool,
    ) {
        if !last {
            if let (Some(waiting), Ok(part)) = (self.steering.waiting.get_mut(&serial), outcome) {
                waiting.told.extend(part);
            }
            return;
        }
        let Some(waiting) = self.steering.waiting.remove(&serial) else { return };
        let Waiting { client, order, by, at, told: mut all, .. } = waiting;
        match outcome {
            Ok(part) => all.extend(part),
            Err(Unsteered::Nobody(why)) => return self.refuse(&client, LineError::Instance(why)),
            Err(Unsteered::Busy) => return self.refuse(&client, busy()),
        }
        for steered in &all {
            // What is answered behind the beginning of a reload was done before it: it ends with it, or goes on.
            let orders = match &mut self.reload {
                Progress::Running { orders, .. } => orders,
                Progress::Idle => &mut self.handover.orders,
            };
            let former = match order {
                None => orders.remove(&steered.key),
                Some(order) => {
                    orders.insert(steered.key.clone(), Ordered { order, by: by.clone(), at })
                }
            };
            // What makes a server come up or go down is told as such.
            let is_of_weight = |it: Order| matches!(it, Order::Weight(_));
            if order.or(former.map(|it| it.order)).is_some_and(is_of_weight) {
                self.record_order(steered, order, &by);
            }
        }
        let told = all.into_iter().map(|it| status::Steered {
            state: if it.is_up { Condition::Up } else { Condition::Down },
            virtual_server: it.virtual_server,
            real_server: it.real_server,
        });
        self.answer_line(&client, Line::Steered(told.collect()));
    }

    /// Remembers an order.
    fn record_order(&mut self, steered: &Steered, order: Option<Order>, by: &str) {
        let Steered { virtual_server, real_server, is_up, .. } = steered;
        let what = Occurrence::RealServer {
            name: real_server.clone(),
            virtual_server: virtual_server.clone(),
            state: if *is_up { Condition::Up } else { Condition::Down },
            cause: verdicts::ordered(order, real_server, virtual_server, by),
        };
        self.history.record(Event { at: today(), what });
    }

    /// The process that had them is gone: nothing that it has not answered is in force behind its end.
    pub(super) fn give_up_steering(&mut self) {
        for waiting in std::mem::take(&mut self.steering.waiting).into_values() {
            self.refuse(&waiting.client, LineError::Silent(SILENT.to_owned()));
        }
    }

    /// Tells whoever has waited for too long. What is answered later is kept all the same.
    pub(super) fn tend_steering(&mut self) {
        let now = now();
        let mut late = Vec::new();
        for waiting in self.steering.waiting.values_mut() {
            if waiting.until.take_if(|until| *until <= now).is_some() {
                late.push(waiting.client.clone());
            }
        }
        for client in late {
            self.refuse(&client, LineError::Silent(LATE.to_owned()));
        }
    }

    /// A reload has ended these orders.
    pub(super) fn end_orders(&mut self, orders: &BTreeMap<String, Ordered>) {
        let text = match orders.len() {
            0 => return,
            1 => "The order about 1 real server ends with this reload".to_owned(),
            many => format!("Orders about {many} real servers end with this reload"),
        };
        self.log(Severity::Info, &text);
    }
}

fn busy() -> LineError {
    LineError::Busy("a reload is under way: try again in a moment".to_owned())
}

/// What names of users have.
fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || "._-@".contains(letter)
}

const SILENT: &str = "the checker process does not answer: nothing is ordered";
const LATE: &str =
    "the checker process does not answer in time: `steadfast status` says what is ordered";
/// How long the checker process may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Letters of what somebody calls himself.
const NAME: usize = 64;
