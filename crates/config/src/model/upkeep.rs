//! Files that a daemon keeps beside its work.

/// How files are made, and which tell of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// `umask`: what nobody may do with new files.
    pub umask: Option<u32>,
    /// `reload_file`.
    pub reload_file: ReloadFile,
    /// `config_save_dir`: where a copy of every configuration goes that was taken into use.
    pub save_directory: Option<String>,
}

/// A file that is there while the configuration is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ReloadFile {
    /// None.
    #[default]
    None,
    /// Beside the process file.
    Beside,
    /// At this path.
    At(String),
}
