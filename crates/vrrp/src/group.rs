//! Sync groups: one state machine for instances that move together, all or none.
//!
//! It looks at its members and says which role the group has and what each member must still do for it;
//! `election.rs` carries the commands out and asks again until nothing is left to do. The rules are
//! keepalived's: Active by consent of all, Fault of one is Fault of all, out of Fault only when everyone
//! is, and a member that loses its election takes the others along.

use crate::{GroupSnapshot, InstanceId, Role};

/// One sync group.
#[derive(Clone, Debug)]
pub(crate) struct SyncGroup {
    pub(crate) members: Vec<Member>,
    pub(crate) role: Role,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) instance: InstanceId,
    pub(crate) seat: Seat,
}

/// Whether a member counts for the role of an Active group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seat {
    Full,
    /// Added by a reload while the group was Active: it may become Active when its own timer fires, and
    /// until then it takes nobody down.
    Joining,
}

/// A member as the group sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) role: Role,
    /// A reason for Fault of its own.
    pub(crate) own_fault: bool,
    /// In Fault for the group's sake.
    pub(crate) dragged: bool,
    pub(crate) wants_active: bool,
}

/// What a member must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Fault,
    Recover,
    Yield,
    Activate,
}

impl SyncGroup {
    pub(crate) fn snapshot(&self) -> GroupSnapshot {
        let members = self.members.iter().map(|member| member.instance).collect();
        GroupSnapshot { role: self.role, members }
    }

    /// The role that follows from the present one and from the members.
    pub(crate) fn next_role<I>(&self, members: &I) -> Role
    where
        I: Iterator<Item = (Seat, View)> + Clone,
    {
        let every = |test: fn(&View) -> bool| members.clone().all(|(_, view)| test(&view));
        if !every(|view| !view.own_fault) {
            return Role::Fault;
        }
        if every(|view| view.role == Role::Initialize) {
            return Role::Initialize;
        }
        match self.role {
            Role::Active => {
                let lost =
                    |(seat, view): (Seat, View)| seat == Seat::Full && view.role != Role::Active;
                if members.clone().any(lost) { Role::Backup } else { Role::Active }
            }
            Role::Initialize | Role::Backup => {
                if every(|view| view.wants_active || view.role == Role::Active) {
                    Role::Active
                } else {
                    Role::Backup
                }
            }
            Role::Fault => Role::Backup,
        }
    }

    /// Takes the role on; says whether it is another one.
    pub(crate) fn enter(&mut self, role: Role) -> bool {
        if role != Role::Active {
            for member in &mut self.members {
                member.seat = Seat::Full;
            }
        }
        core::mem::replace(&mut self.role, role) != role
    }

    /// What a member must still do for the group's role.
    pub(crate) const fn command(&self, view: View) -> Option<Command> {
        match (self.role, view.role) {
            (Role::Fault, _) => {
                if view.dragged {
                    None
                } else {
                    Some(Command::Fault)
                }
            }
            (Role::Initialize | Role::Backup | Role::Active, _) if view.dragged => {
                Some(Command::Recover)
            }
            (Role::Backup, Role::Active) => Some(Command::Yield),
            (Role::Active, Role::Backup) if view.wants_active => Some(Command::Activate),
            (Role::Backup, Role::Initialize | Role::Backup | Role::Fault)
            | (Role::Active, Role::Initialize | Role::Backup | Role::Active | Role::Fault)
            | (Role::Initialize, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role::{Active, Backup, Fault, Initialize};

    const fn view(role: Role) -> View {
        View { role, own_fault: false, dragged: false, wants_active: false }
    }

    const fn wanting() -> View {
        View { role: Backup, own_fault: false, dragged: false, wants_active: true }
    }

    const fn failing() -> View {
        View { role: Fault, own_fault: true, dragged: false, wants_active: false }
    }

    #[test]
    fn the_role_of_a_group_follows_from_its_members() {
        let full = Seat::Full;
        let rows = [
            (Initialize, vec![(full, view(Initialize)), (full, view(Initialize))], Initialize),
            (Initialize, vec![(full, view(Backup)), (full, view(Backup))], Backup),
            (Initialize, vec![(full, view(Backup)), (full, failing())], Fault),
            (Backup, vec![(full, wanting()), (full, view(Backup))], Backup),
            (Backup, vec![(full, wanting()), (full, wanting())], Active),
            (Backup, vec![(full, wanting()), (full, failing())], Fault),
            (Active, vec![(full, view(Active)), (full, view(Active))], Active),
            (Active, vec![(full, view(Active)), (full, view(Backup))], Backup),
            (Active, vec![(full, view(Active)), (Seat::Joining, view(Backup))], Active),
            (Active, vec![(full, view(Active)), (full, failing())], Fault),
            (Fault, vec![(full, view(Fault)), (full, failing())], Fault),
            (Fault, vec![(full, view(Fault)), (full, view(Fault))], Backup),
            (Fault, vec![(full, view(Initialize)), (full, view(Initialize))], Initialize),
        ];
        for (role, members, expected) in rows {
            let group = SyncGroup { members: Vec::new(), role };
            assert_eq!(group.next_role(&members.iter().copied()), expected, "{role} {members:?}");
        }
    }

    #[test]
    fn each_role_of_a_group_has_one_command_for_a_member_that_is_elsewhere() {
        let dragged = View { dragged: true, ..view(Fault) };
        let rows = [
            (Fault, view(Active), Some(Command::Fault)),
            (Fault, view(Backup), Some(Command::Fault)),
            (Fault, dragged, None),
            (Backup, dragged, Some(Command::Recover)),
            (Backup, view(Active), Some(Command::Yield)),
            (Backup, wanting(), None),
            (Active, wanting(), Some(Command::Activate)),
            (Active, view(Backup), None),
            (Active, view(Active), None),
            (Initialize, dragged, Some(Command::Recover)),
            (Initialize, view(Initialize), None),
        ];
        for (role, member, expected) in rows {
            let group = SyncGroup { members: Vec::new(), role };
            assert_eq!(group.command(member), expected, "{role} {member:?}");
        }
    }
}
