//! What is said of the session with the master agent: each line once, until a session has lasted.

use agentx::{Lost, Output};
use config::model::Master;
use control::Severity;

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Narration {
    /// Lines about sessions since one lasted.
    said: Vec<String>,
    /// Whether the last of them says that there is no session.
    is_lost: bool,
}

impl Narration {
    /// The line for an output of the session, where there is one; `refusal` is why there was no connection last.
    pub(super) fn tell(
        &mut self,
        output: &Output,
        master: &Master,
        refusal: &str,
    ) -> Option<(Severity, String)> {
        let open = || format!("SNMP: session with the master agent at {master} is open");
        let text = match output {
            Output::Opened => {
                let line = self.once(open())?;
                self.is_lost = false;
                return Some((Severity::Info, line));
            }
            Output::Steady => {
                self.said.clear();
                let was_lost = std::mem::take(&mut self.is_lost);
                return was_lost.then(|| (Severity::Info, open()));
            }
            Output::Lost(why) => {
                let of_connection = *why == Lost::Connection;
                let why = if of_connection { refusal.to_owned() } else { why.to_string() };
                let text = format!("SNMP: no session with the master agent at {master}: {why}");
                let line = self.once(text)?;
                self.is_lost = true;
                line
            }
            Output::Refused(subtree, error) => format!(
                "SNMP: the master agent does not give {subtree} to this agent (error {error}): another one may have it"
            ),
            Output::Missing => format!(
                "SNMP: the master agent at {master} does not take what is to be notified: the oldest of it is lost"
            ),
            Output::Missed(count) => format!(
                "SNMP: {} lost, which the master agent at {master} did not take",
                status::counted(*count, "notification")
            ),
            Output::Connect | Output::Send(_) | Output::Disconnect | Output::Asked(_) => {
                return None;
            }
        };
        Some((Severity::Warning, text))
    }

    fn once(&mut self, text: String) -> Option<String> {
        if self.said.contains(&text) || self.said.len() >= SAID {
            return None;
        }
        self.said.push(text.clone());
        Some(text)
    }
}

/// Lines about sessions none of which lasts.
const SAID: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(narration: &mut Narration, output: &Output) -> Option<String> {
        let master = Master::Unix("/agentx".to_owned());
        narration.tell(output, &master, "nobody listens").map(|(_, text)| text)
    }

    #[test]
    fn sessions_that_do_not_last_are_told_of_once() {
        let mut narration = Narration::default();
        let open = "SNMP: session with the master agent at unix:/agentx is open";
        let lost = "SNMP: no session with the master agent at unix:/agentx: nobody listens";
        let down = Output::Lost(Lost::Connection);
        assert_eq!(told(&mut narration, &Output::Opened).as_deref(), Some(open));
        assert_eq!(told(&mut narration, &down).as_deref(), Some(lost));
        for _ in 0..100 {
            assert_eq!(told(&mut narration, &Output::Opened), None);
            assert_eq!(told(&mut narration, &down), None);
        }
        // The last that was said was not so: it is put right, once it has lasted.
        assert_eq!(told(&mut narration, &Output::Opened), None);
        assert_eq!(told(&mut narration, &Output::Steady).as_deref(), Some(open));
        assert_eq!(told(&mut narration, &Output::Steady), None);
        assert_eq!(told(&mut narration, &down).as_deref(), Some(lost));
        assert_eq!(told(&mut narration, &Output::Opened).as_deref(), Some(open));
    }

    #[test]
    fn ever_other_reasons_come_to_an_end() {
        let mut narration = Narration::default();
        let lost = |error| Output::Lost(Lost::Refused(error));
        let lines = (0..1000).filter_map(|error| told(&mut narration, &lost(error))).count();
        assert_eq!(lines, 16);
    }
}
