//! Which programs are told of a change, and in which words.

use std::ffi::OsString;

use config::model::{Command, Deleted, Notify};
use control::{Change, What};

use crate::compat::changes;

/// What is said of an instance that is configured no longer: deleted, or in fault where nobody asked for more.
pub(super) fn as_told(change: &Change, notify: Option<&Notify>) -> Change {
    let mut told = change.clone();
    if change.what == What::Deleted
        && notify.is_none_or(|notify| notify.deleted == Deleted::AsFault)
    {
        told.what = What::Fault;
    }
    told
}

/// The commands for a change, in keepalived's order: that of the state, then the general one.
pub(super) fn commands(notify: &Notify, change: &Change) -> Vec<(Command, Vec<OsString>)> {
    let deleted = match &notify.deleted {
        Deleted::AsFault => None,
        Deleted::AsDeleted(command) => command.as_ref(),
    };
    let (of_state, is_state) = match change.what {
        What::Active => (notify.active.as_ref(), true),
        What::Backup => (notify.backup.as_ref(), true),
        What::Fault => (notify.fault.as_ref(), true),
        What::Stopped => (notify.stop.as_ref(), true),
        What::Deleted => (deleted, true),
        What::LowerPriority => (notify.lower_priority.as_ref(), false),
        What::ActivePriority | What::BackupPriority => (None, false),
    };
    let mut commands: Vec<(Command, Vec<OsString>)> =
        of_state.map(|command| (command.clone(), Vec::new())).into_iter().collect();
    if is_state && let Some(any) = &notify.any {
        let arguments = changes::arguments(change).into_iter().map(Into::into).collect();
        commands.push((any.clone(), arguments));
    }
    commands
}

#[cfg(test)]
mod tests {
    use control::Subject;

    use super::*;

    fn change(what: What) -> Change {
        Change {
            subject: Subject::Instance("A".to_owned()),
            what,
            priority: 100,
            cause: String::new(),
        }
    }

    fn command(name: &str) -> Command {
        Command { words: vec![name.to_owned()], user: None, location: "a.conf:1".to_owned() }
    }

    fn names(notify: &Notify, what: What) -> Vec<String> {
        let change = as_told(&change(what), Some(notify));
        commands(notify, &change).into_iter().map(|(command, _)| command.words.concat()).collect()
    }

    fn everything() -> Notify {
        Notify {
            active: Some(command("active")),
            backup: Some(command("backup")),
            fault: Some(command("fault")),
            stop: Some(command("stop")),
            deleted: Deleted::AsFault,
            any: Some(command("any")),
            lower_priority: Some(command("lower")),
            priority_changes: None,
        }
    }

    #[test]
    fn the_program_of_the_state_comes_before_the_general_one() {
        let notify = everything();
        assert_eq!(names(&notify, What::Active), ["active", "any"]);
        assert_eq!(names(&notify, What::Backup), ["backup", "any"]);
        assert_eq!(names(&notify, What::Fault), ["fault", "any"]);
        assert_eq!(names(&notify, What::Stopped), ["stop", "any"]);
    }

    #[test]
    fn the_general_program_alone_is_told_in_words() {
        let told = commands(&everything(), &change(What::Active));
        let words: Vec<&[OsString]> = told.iter().map(|(_, words)| words.as_slice()).collect();
        let expected: [OsString; 4] = ["INSTANCE", "A", "MASTER", "100"].map(Into::into);
        assert_eq!(words, [&[][..], &expected[..]]);
    }

    #[test]
    fn what_is_no_state_has_no_general_program() {
        let notify = everything();
        assert_eq!(names(&notify, What::LowerPriority), ["lower"]);
        assert!(names(&notify, What::ActivePriority).is_empty());
        assert!(names(&notify, What::BackupPriority).is_empty());
    }

    #[test]
    fn what_a_reload_removes_is_in_fault_unless_notify_deleted_is_written() {
        let mut notify = everything();
        assert_eq!(names(&notify, What::Deleted), ["fault", "any"]);
        notify.deleted = Deleted::AsDeleted(None);
        assert_eq!(names(&notify, What::Deleted), ["any"]);
        notify.deleted = Deleted::AsDeleted(Some(command("deleted")));
        assert_eq!(names(&notify, What::Deleted), ["deleted", "any"]);
        assert_eq!(as_told(&change(What::Deleted), None).what, What::Fault);
    }
}
