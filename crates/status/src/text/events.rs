//! What happened lately, and why.

use super::Look;
use super::columns::columns;
use crate::{Event, Occurrence};

/// Events in the order in which they happened.
#[must_use]
pub fn history(events: &[Event], look: &Look) -> String {
    if events.is_empty() {
        return "nothing happened yet\n".to_owned();
    }
    let row = |event: &Event| {
        let time = (look.time)(event.at);
        match &event.what {
            Occurrence::Instance { name, state, cause } => {
                [time, name.clone(), (look.state)(*state).to_owned(), cause.clone()]
            }
            Occurrence::Group { name, state } => {
                let name = format!("group {name}");
                [time, name, (look.state)(*state).to_owned(), String::new()]
            }
            Occurrence::VirtualServer { name, state, cause } => {
                [time, name.clone(), (look.condition)(*state).to_owned(), cause.clone()]
            }
            Occurrence::RealServer { name, virtual_server, state, cause } => {
                let name = format!("{name} of {virtual_server}");
                [time, name, (look.condition)(*state).to_owned(), cause.clone()]
            }
            Occurrence::Daemon { text } => [time, "daemon".to_owned(), String::new(), text.clone()],
        }
    };
    let rows: Vec<[String; 4]> = events.iter().map(row).collect();
    columns(["WHEN", "WHO", "STATE", "WHY"], &rows)
}
