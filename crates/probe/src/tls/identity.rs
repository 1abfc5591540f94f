//! Who we are to a server that asks for a certificate.

use std::fmt;
use std::sync::Arc;

use rustls::client::WantsClientCert;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder};

use super::{TlsError, locked};

/// A certificate with those between it and its authority, and its key.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    /// What two files in PEM form say. The key is one of PKCS #8, PKCS #1 or SEC 1; `pass_phrase` opens
    /// one of PKCS #8 that is encrypted.
    ///
    /// **Errors**: there is no certificate or key, or it cannot be read.
    pub fn from_pem(
        certificates: &[u8],
        key: &[u8],
        pass_phrase: Option<&str>,
    ) -> Result<Self, TlsError> {
        let chain = certificates_of(certificates)?;
        let key = match PrivateKeyDer::from_pem_slice(key) {
            Ok(key) => key,
            Err(_) if mentions(key, b"ENCRYPTED") => {
                locked::open(key, pass_phrase.ok_or(TlsError::EncryptedKey)?)?
            }
            Err(pem::Error::NoItemsFound) => return Err(TlsError::Missing("private key")),
            Err(error) => return Err(misframed(&error)),
        };
        Ok(Self { chain, key: Arc::new(key) })
    }

    pub(super) fn give(
        &self,
        to: ConfigBuilder<ClientConfig, WantsClientCert>,
    ) -> Result<ClientConfig, TlsError> {
        to.with_client_auth_cert(self.chain.clone(), self.key.clone_key())
            .map_err(|error| TlsError::Unusable(error.to_string()))
    }
}

/// The certificates of a file in PEM form, at least one.
pub(super) fn certificates_of(text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| misframed(&error))?;
    if found.is_empty() { Err(TlsError::Missing("certificate")) } else { Ok(found) }
}

/// In words of our own: those of the library have what stands in the file, which may be a key.
const fn misframed(error: &pem::Error) -> TlsError {
    TlsError::Pem(match error {
        pem::Error::MissingSectionEnd { .. } => "a section has no END line of its own",
        pem::Error::IllegalSectionStart { .. } => "a BEGIN line is broken",
        pem::Error::Base64Decode(_) => "a section is not Base64",
        pem::Error::Io(_) | pem::Error::NoItemsFound | pem::Error::SectionTooLarge | _ => {
            "it is not in PEM form"
        }
    })
}

fn mentions(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
