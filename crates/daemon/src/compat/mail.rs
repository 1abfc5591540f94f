//! E-mail in keepalived's words: its subjects, headers and texts.

use control::{Subject, What};

/// Who is written to, and in whose name: the same for all letters.
#[derive(Debug)]
pub(crate) struct Head<'a> {
    /// Address of the sender.
    pub(crate) from: &'a str,
    /// Addresses of those who get it.
    pub(crate) to: &'a [String],
    /// Name of the program that writes.
    pub(crate) mailer: &'a str,
}

/// What one change is told with: its subject behind the name of the router, and its text. Nothing where it is none
/// that is told by e-mail.
pub(crate) fn words(subject: &Subject, what: What) -> Option<(String, String)> {
    let entering = |word: &str| format!("Entering {word} state");
    let (event, is_stop) = match what {
        What::Active | What::Backup | What::Fault => (entering(super::changes::word(what)), false),
        What::Stopped => ("Stopping".to_owned(), true),
        What::Deleted => ("Deleted".to_owned(), false),
        What::LowerPriority | What::ActivePriority | What::BackupPriority => return None,
    };
    Some(match subject {
        Subject::Instance(name) => {
            let text = match what {
                What::Active => "=> VRRP Instance is now owning VRRP VIPs <=",
                What::Stopped => "=> VRRP Instance stopping <=",
                What::Deleted => "=> VRRP Deleted at reload <=",
                What::Backup
                | What::Fault
                | What::LowerPriority
                | What::ActivePriority
                | What::BackupPriority => "=> VRRP Instance is no longer owning VRRP VIPs <=",
            };
            (format!("VRRP Instance {name} - {event}"), text.to_owned())
        }
        // Told of by the checker process, in its own words.
        Subject::VirtualServer(_) | Subject::RealServer(_) => return None,
        Subject::Group(name) => {
            let state = if is_stop {
                "stopping".to_owned()
            } else {
                format!("in {} state", super::changes::word(what))
            };
            let text = format!("=> All VRRP group instances are now {state} <=");
            (format!("VRRP Group {name} - {event}"), text)
        }
    })
}

/// A whole letter as it goes over the wire, but for its last line with a dot.
pub(crate) fn letter(head: &Head<'_>, date: &str, subject: &str, text: &str) -> String {
    let Head { from, to, mailer } = head;
    let to = list(to);
    format!(
        "Date: {date}\r\nFrom: {from}\r\nSubject: {subject}\r\nX-Mailer: {mailer}\r\nTo: {to}\r\n\r\n{text}\r\n"
    )
}

/// Addresses in a header, on several lines where one would be longer than a letter may have (RFC 5322 §2.1.1).
fn list(addresses: &[String]) -> String {
    let mut text = String::new();
    let mut line = 0;
    for (place, address) in addresses.iter().enumerate() {
        if place > 0 {
            let folds = line + address.len() > LINE;
            text.push_str(if folds { ",\r\n " } else { ", " });
            line = if folds { 0 } else { line };
        }
        line += address.len() + 2;
        text.push_str(address);
    }
    text
}

/// Octets of a line, with room for the name of its header.
const LINE: usize = 900;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_of_many_addresses_has_lines_of_bounded_length() {
        let addresses: Vec<String> = (0..1000).map(|n| format!("r{n}@example.org")).collect();
        let head = Head { from: "a@b", to: &addresses, mailer: "steadfast" };
        let letter = letter(&head, "D", "S", "T");
        assert!(letter.split("\r\n").all(|line| line.len() <= 998));
        assert!(!letter.replace("\r\n", "").contains('\n'));
        let to = letter.split_once("To: ").and_then(|(_, rest)| rest.split_once("\r\n\r\n"));
        let unfolded = to.map(|(to, _)| to.replace("\r\n ", " "));
        assert_eq!(unfolded, Some(addresses.join(", ")));
        assert_eq!(list(&addresses[..2]), "r0@example.org, r1@example.org");
    }

    #[test]
    fn every_state_has_the_incumbents_subject_and_text() {
        let instance = Subject::Instance("VI_1".to_owned());
        let group = Subject::Group("G1".to_owned());
        let no_longer = "=> VRRP Instance is no longer owning VRRP VIPs <=";
        for (subject, what, title, text) in [
            (
                &instance,
                What::Active,
                "VRRP Instance VI_1 - Entering MASTER state",
                "=> VRRP Instance is now owning VRRP VIPs <=",
            ),
            (&instance, What::Backup, "VRRP Instance VI_1 - Entering BACKUP state", no_longer),
            (&instance, What::Fault, "VRRP Instance VI_1 - Entering FAULT state", no_longer),
            (
                &instance,
                What::Stopped,
                "VRRP Instance VI_1 - Stopping",
                "=> VRRP Instance stopping <=",
            ),
            (
                &instance,
                What::Deleted,
                "VRRP Instance VI_1 - Deleted",
                "=> VRRP Deleted at reload <=",
            ),
            (
                &group,
                What::Active,
                "VRRP Group G1 - Entering MASTER state",
                "=> All VRRP group instances are now in MASTER state <=",
            ),
            (
                &group,
                What::Fault,
                "VRRP Group G1 - Entering FAULT state",
                "=> All VRRP group instances are now in FAULT state <=",
            ),
            (
                &group,
                What::Stopped,
                "VRRP Group G1 - Stopping",
                "=> All VRRP group instances are now stopping <=",
            ),
        ] {
            assert_eq!(words(subject, what), Some((title.to_owned(), text.to_owned())));
        }
        for what in [What::LowerPriority, What::ActivePriority, What::BackupPriority] {
            assert_eq!(words(&instance, what), None);
        }
    }

    #[test]
    fn a_letter_has_the_incumbents_headers_in_its_order() {
        let to = ["a@example.org".to_owned(), "b@example.org".to_owned()];
        let head = Head { from: "me@example.net", to: &to, mailer: "Keepalived" };
        assert_eq!(
            letter(&head, "Sat, 21 Nov 2026 13:07:44 +0000", "[lab] S", "=> T <="),
            "Date: Sat, 21 Nov 2026 13:07:44 +0000\r\n\
             From: me@example.net\r\n\
             Subject: [lab] S\r\n\
             X-Mailer: Keepalived\r\n\
             To: a@example.org, b@example.org\r\n\
             \r\n\
             => T <=\r\n"
        );
    }
}
