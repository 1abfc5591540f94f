//! What programs and pipes are told of a change, in keepalived's words.

use control::{Change, Moved, Subject, What};

/// The word for a change.
pub(crate) const fn word(what: What) -> &'static str {
    match what {
        What::Active => "MASTER",
        What::Backup => "BACKUP",
        What::Fault => "FAULT",
        What::Stopped => "STOP",
        What::Deleted => "DELETED",
        What::LowerPriority => "MASTER_RX_LOWER_PRI",
        What::ActivePriority => "MASTER_PRIORITY",
        What::BackupPriority => "BACKUP_PRIORITY",
    }
}

/// The words behind a `notify` program: what it is, its name, its state, its priority.
pub(crate) fn arguments(change: &Change) -> [String; 4] {
    let (kind, name) = subject(&change.subject);
    [kind.to_owned(), name.to_owned(), word(change.what).to_owned(), change.priority.to_string()]
}

/// The line for a pipe, with its end.
pub(crate) fn line(change: &Change) -> String {
    let (kind, name) = subject(&change.subject);
    format!("{kind} \"{name}\" {} {}\n", word(change.what), change.priority)
}

/// The line for a pipe that a virtual server or real server came up or went down, with its end.
pub(crate) fn moved(moved: &Moved) -> String {
    let (kind, name) = subject(&moved.subject);
    format!("{kind} {name} {}\n", up_or_down(moved.is_up))
}

/// The word for a server that came up or went down.
pub(crate) const fn up_or_down(is_up: bool) -> &'static str {
    if is_up { "UP" } else { "DOWN" }
}

/// What it is, and its name.
pub(crate) fn subject(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Instance(name) => ("INSTANCE", name),
        Subject::Group(name) => ("GROUP", name),
        Subject::VirtualServer(name) => ("VS", name),
        Subject::RealServer(name) => ("RS", name),
    }
}

#[cfg(test)]
mod tests {
    use control::{About, Audience, Served};

    use super::*;

    #[test]
    fn programs_and_pipes_are_told_in_the_incumbents_words() {
        let change = Change {
            subject: Subject::Instance("VI_1".to_owned()),
            what: What::Active,
            priority: 100,
            cause: String::new(),
        };
        assert_eq!(arguments(&change), ["INSTANCE", "VI_1", "MASTER", "100"]);
        assert_eq!(line(&change), "INSTANCE \"VI_1\" MASTER 100\n");
        let change = Change {
            subject: Subject::Group("G".to_owned()),
            what: What::Fault,
            priority: 0,
            cause: String::new(),
        };
        assert_eq!(line(&change), "GROUP \"G\" FAULT 0\n");
    }

    fn moved_so(subject: Subject, is_up: bool) -> Moved {
        Moved {
            key: String::new(),
            subject,
            is_up,
            cause: String::new(),
            audience: Audience::All,
            about: About {
                served: Served::Mark(7),
                protocol: "none".to_owned(),
                quorum: 1,
                up: 0,
                total: 1,
                back: None,
            },
            is_final: false,
        }
    }

    #[test]
    fn servers_are_told_in_the_incumbents_words() {
        let subject = Subject::RealServer("[192.0.2.11]:tcp:80 [192.0.2.1]:tcp:80".to_owned());
        let change = moved_so(subject, false);
        assert_eq!(moved(&change), "RS [192.0.2.11]:tcp:80 [192.0.2.1]:tcp:80 DOWN\n");
        let subject = Subject::VirtualServer("FWM 7".to_owned());
        let change = moved_so(subject, true);
        assert_eq!(moved(&change), "VS FWM 7 UP\n");
    }
}
