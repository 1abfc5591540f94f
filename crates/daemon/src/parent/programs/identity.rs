//! As whom a program runs, and whether it may: somebody else than root must not be able to change what root runs.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use config::model::{Command, Scripts, User};
use kernel::process::{Identity, Program};

/// Who users are, as they were looked up when the configuration came into force: a directory of users that does not
/// answer, since the network is down, holds no program up that tells of just that.
#[derive(Debug, Default)]
pub(super) struct Users(BTreeMap<Option<User>, Account>);

/// As whom programs of a user run.
#[derive(Clone, Debug)]
struct Account {
    /// As this process where there is none.
    identity: Option<Identity>,
    groups: Vec<u32>,
}

impl Users {
    /// Looks up those of some commands anew.
    pub(super) fn look_up<'c>(
        &mut self,
        commands: impl Iterator<Item = &'c Command>,
        common: &Scripts,
    ) {
        self.0.clear();
        for command in commands {
            // Who is not there is said when a program is to run, and may be there by then.
            let _ = self.account(command, common);
        }
    }

    fn account(&mut self, command: &Command, common: &Scripts) -> Result<Account, String> {
        let user = command.user.as_ref().or(common.user.as_ref());
        let user = user.cloned();
        if let Some(known) = self.0.get(&user) {
            return Ok(known.clone());
        }
        let identity = identity(user.as_ref())?;
        let groups = match identity {
            Some(identity) if common.all_groups => groups(identity)?,
            Some(_) | None => Vec::new(),
        };
        let account = Account { identity, groups };
        self.0.insert(user, account.clone());
        Ok(account)
    }
}

/// A command as a program that can be started.
///
/// **Errors**: why it cannot, in a phrase for the log.
pub(super) fn program(
    command: &Command,
    common: &Scripts,
    users: &mut Users,
) -> Result<Program, String> {
    let (name, arguments) = command.words.split_first().ok_or("there is no command")?;
    let path = find(name).ok_or_else(|| format!("{name} is not there, or cannot be executed"))?;
    let Account { identity, groups } = users.account(command, common)?;
    let as_root = match identity {
        Some(identity) => identity.uid == 0,
        None => rustix::process::geteuid().is_root(),
    };
    if common.is_secured
        && as_root
        && let Some(why) = weakness(&path)
    {
        return Err(format!("{name} would run as root, and {why}"));
    }
    let arguments = arguments.iter().map(Into::into).collect();
    Ok(Program { path, arguments, identity, groups, outlives_us: false })
}

/// All groups of a user, that of the program among them.
fn groups(identity: Identity) -> Result<Vec<u32>, String> {
    let uid = identity.uid;
    let unknown = |errno| format!("groups of user {uid}: {errno}");
    let user = nix::unistd::User::from_uid(uid.into()).map_err(unknown)?;
    let name = user.and_then(|user| std::ffi::CString::new(user.name).ok());
    let name = name.ok_or_else(|| format!("there is no user {uid}"))?;
    let groups = nix::unistd::getgrouplist(&name, identity.gid.into()).map_err(unknown)?;
    Ok(groups.into_iter().map(nix::unistd::Gid::as_raw).collect())
}

/// As whom: as written, else as `keepalived_script` where that user exists, else as this process.
fn identity(user: Option<&User>) -> Result<Option<Identity>, String> {
    let look_up = |name: &str| {
        nix::unistd::User::from_name(name).map_err(|errno| format!("user {name}: {errno}"))
    };
    let Some(user) = user else {
        return Ok(look_up(DEFAULT_USER)?
            .filter(|_| rustix::process::geteuid().is_root())
            .map(|user| Identity { uid: user.uid.as_raw(), gid: user.gid.as_raw() }));
    };
    let known = look_up(&user.name)?.ok_or_else(|| format!("there is no user {}", user.name))?;
    let gid = match &user.group {
        None => known.gid,
        Some(name) => {
            nix::unistd::Group::from_name(name)
                .map_err(|errno| format!("group {name}: {errno}"))?
                .ok_or_else(|| format!("there is no group {name}"))?
                .gid
        }
    };
    let identity = Identity { uid: known.uid.as_raw(), gid: gid.as_raw() };
    let own = rustix::process::geteuid().as_raw() == identity.uid
        && rustix::process::getegid().as_raw() == identity.gid;
    Ok((!own).then_some(identity))
}

/// The user and group that own something that is made for a user.
pub(super) fn owner(user: Option<&User>) -> Result<Option<Identity>, String> {
    user.map_or(Ok(None), |user| identity(Some(user)))
}

/// The file of a program: a name without a slash is searched in `PATH`.
fn find(name: &str) -> Option<PathBuf> {
    let executable = |path: &Path| {
        path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        let path = PathBuf::from(name);
        return executable(&path).then_some(path);
    }
    let path = std::env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| executable(path))
}

/// Which component of a path somebody else than root could change, with its mode.
pub(in crate::parent) fn weakness(path: &Path) -> Option<String> {
    let unknown =
        |path: &Path, error| Some(format!("{} cannot be looked at: {error}", path.display()));
    let real = match path.canonicalize() {
        Ok(real) => real,
        Err(error) => return unknown(path, error),
    };
    real.ancestors().find_map(|component| {
        let metadata = match component.metadata() {
            Ok(metadata) => metadata,
            Err(error) => return unknown(component, error),
        };
        let mode = metadata.permissions().mode();
        let shown = component.display();
        if metadata.uid() != 0 {
            return Some(format!("{shown} belongs to user {}", metadata.uid()));
        }
        // In a sticky folder nobody can replace what is root's.
        let sticky_folder = metadata.is_dir() && mode & 0o1000 != 0;
        (mode & 0o022 != 0 && !sticky_folder)
            .then(|| format!("{shown} can be written by others (mode {:04o})", mode & 0o7777))
    })
}

const DEFAULT_USER: &str = "keepalived_script";
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic fails the test, as it should")]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn what_others_can_change_is_named_with_its_component() {
        let folder = std::env::temp_dir().join(format!("identity-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = folder.join("script");
        let complaint = weakness(&script).unwrap();
        assert!(complaint.contains("script cannot be looked at"), "{complaint}");

        std::fs::write(&script, "").unwrap();
        std::fs::set_permissions(&script, Permissions::from_mode(0o757)).unwrap();
        let complaint = weakness(&script).unwrap();
        let owner = script.metadata().unwrap().uid();
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = match owner {
            0 => "script can be written by others (mode 0757)".to_owned(),
            user => format!("script belongs to user {user}"),
        };
        assert!(complaint.ends_with(&expected), "{complaint}");
    }

    #[test]
    fn a_file_of_root_in_folders_of_root_is_safe() {
        // Every system that runs a daemon has one that only root may write.
        assert_eq!(weakness(Path::new("/etc/passwd")), None);
    }
}
