//! What programs and pipes are told of a change, in keepalived's words.

use control::{Change, Subject, What};

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

/// What it is, and its name.
pub(crate) fn subject(subject: &Subject) -> (&'static str, &str) {
    match subject {
        Subject::Instance(name) => ("INSTANCE", name),
        Subject::Group(name) => ("GROUP", name),
    }
}

#[cfg(test)]
mod tests {
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
}
