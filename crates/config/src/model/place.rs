//! What tells a daemon from others of its host.

/// The outermost settings that a daemon keeps from its start to its end; a reload cannot change them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// `instance`: its name, in those of its files and its log.
    pub instance: Option<String>,
    /// `net_namespace`: where it works.
    pub namespace: Option<String>,
    /// `net_namespace_ipvs`: where the checker process works.
    pub checker: CheckerPlace,
    /// `use_pid_dir`: its process files stand in a directory of their own, as those of an instance and in a namespace
    /// do in any case.
    pub uses_directory: bool,
}

/// The network namespace of the checker process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CheckerPlace {
    /// That of the others.
    #[default]
    Same,
    /// The one that the daemon was started in.
    Initial,
    /// The one of this name.
    Named(String),
}
