//! Files that a daemon keeps beside its work.

/// How files are made, and which tell of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// `umask`: what nobody may do with new files.
    pub umask: Option<u32>,
    /// `reload_file`.
    pub reload_file: ReloadFile,
    /// `reload_time_file`: says when the configuration is to be read again.
    pub reload_time_file: Option<String>,
    /// `reload_repeat`: that file stays, and a time without a date comes again each day.
    pub reload_repeats: bool,
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
