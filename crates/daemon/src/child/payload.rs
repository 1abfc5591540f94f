//! What a child reads from its memory file: options and sources.

use std::os::fd::{AsFd, OwnedFd};

use config::source::{CodecError, SourceSet};
use control::StartOptions;
use kernel::process::{MemoryFile, ProcessError};

/// Options and sources.
#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) options: StartOptions,
    pub(crate) sources: SourceSet,
}

/// A memory file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PayloadError {
    /// It cannot be read, or could still be changed.
    #[error("{0}")]
    Memory(#[from] ProcessError),
    /// It was written by another version.
    #[error("options: {0}")]
    Options(#[from] control::DecodeError),
    /// It was written by another version.
    #[error("sources: {0}")]
    Sources(#[from] CodecError),
    /// It ends early.
    #[error("it ends early")]
    Short,
    /// It has errors that the parent did not see.
    #[error("the configuration has errors here that the parent did not see")]
    Diagnostics,
}

impl Payload {
    /// Seals options and sources.
    ///
    /// **Shape**: four bytes of length, the options, the sources.
    ///
    /// **Errors**: no memory.
    pub(crate) fn seal(options: &StartOptions, sources: &[u8]) -> Result<MemoryFile, PayloadError> {
        let options = control::encode(options);
        let length = u32::try_from(options.len()).map_err(|_| PayloadError::Short)?;
        let mut bytes = length.to_le_bytes().to_vec();
        bytes.extend_from_slice(&options);
        bytes.extend_from_slice(sources);
        Ok(MemoryFile::seal("configuration", &bytes)?)
    }

    /// Reads what [`Payload::seal`] wrote.
    pub(crate) fn read(memory: &OwnedFd) -> Result<Self, PayloadError> {
        let bytes = MemoryFile::read(memory.as_fd())?;
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(PayloadError::Short)?;
        let length =
            usize::try_from(u32::from_le_bytes(*length)).map_err(|_| PayloadError::Short)?;
        let (options, sources) = rest.split_at_checked(length).ok_or(PayloadError::Short)?;
        Ok(Self { options: control::decode(options)?, sources: SourceSet::from_bytes(sources)? })
    }
}
