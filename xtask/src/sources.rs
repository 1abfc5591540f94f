//! The source files of a folder.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Shows `each` the path and the text of every Rust file below `folder`, built ones apart.
///
/// **Errors**: a folder cannot be listed.
pub(crate) fn walk(folder: &Path, each: &mut impl FnMut(&Path, &str)) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                walk(&path, each)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // A file that goes away while we look is nobody's.
            if let Ok(text) = fs::read_to_string(&path) {
                each(&path, &text);
            }
        }
    }
    Ok(())
}
