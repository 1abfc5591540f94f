//! The files in which iproute2 keeps names for tables, protocols, scopes, realms and types of service.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use config::names::{NameKind, Names};

/// The names in such files.
pub(super) fn of(files: &[(String, String)]) -> Names {
    if files.is_empty() {
        return Names::built_in();
    }
    let kind = |name: &str| NameKind::ALL.into_iter().find(|kind| kind.file() == name);
    Names::of_files(files.iter().filter_map(|(name, text)| Some((kind(name)?, text.as_str()))))
}

/// Reads them all: those of the distribution first, which the administrator's overrule.
///
/// **Shape**: never empty, so that what was looked for in vain is not looked for again.
pub(super) fn read(directories: &[Option<String>; 2]) -> Vec<(String, String)> {
    let [usr, etc] = directories;
    let usr = usr.as_ref().map_or_else(|| vec![USR, USR_LIB], |usr| vec![usr.as_str()]);
    let etc = etc.as_deref().unwrap_or(ETC);
    let mut files = Vec::new();
    for directory in usr.into_iter().chain([etc]) {
        for kind in NameKind::ALL {
            let whole = Path::new(directory).join(kind.file());
            let parts = parts(&whole.with_extension("d"));
            for path in [whole].into_iter().chain(parts) {
                files.extend(text(&path).map(|text| (kind.file().to_owned(), text)));
            }
        }
    }
    if files.is_empty() {
        files.push((NameKind::Table.file().to_owned(), String::new()));
    }
    files
}

/// The `*.conf` of a directory, in the order of their names.
fn parts(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = directory.read_dir() else { return Vec::new() };
    let paths = entries.take(PARTS).filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "conf"))
        .collect();
    paths.sort();
    paths
}

/// What a file says, where it is one; a name that is missing for it is told where it is used.
fn text(path: &Path) -> Option<String> {
    // Opening a FIFO or a device could block or act: look before.
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

const USR: &str = "/usr/share/iproute2";
const USR_LIB: &str = "/usr/lib/iproute2";
const ETC: &str = "/etc/iproute2";
/// Files of one directory.
const PARTS: usize = 256;
/// Bytes of one file.
const LONGEST: u64 = 256 * 1024;
