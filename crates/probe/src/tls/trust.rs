//! Whom a check believes: anybody, or who is vouched for by certain authorities under a certain name.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::identity::certificates_of;
use super::validity::Validity;
use super::{PROVIDER, TlsError, host_name};

/// Whom to believe.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Anybody.
    #[default]
    Anybody,
    /// Whom these vouch for, under this name, which may be an address.
    In(Authorities, String),
}

/// Certificates by which others are judged.
#[derive(Clone)]
pub struct Authorities {
    roots: Arc<RootCertStore>,
    /// The same certificates: a server may have one of them itself, such as one signed by nobody else.
    known: Arc<Vec<CertificateDer<'static>>>,
}

impl Authorities {
    /// Those of a file in PEM form.
    ///
    /// **Errors**: there is none, or not one that can be used.
    pub fn from_pem(text: &[u8]) -> Result<Self, TlsError> {
        let known = certificates_of(text)?;
        let mut roots = RootCertStore::empty();
        for certificate in &known {
            roots
                .add(certificate.clone())
                .map_err(|error| TlsError::Unusable(error.to_string()))?;
        }
        Ok(Self { roots: Arc::new(roots), known: Arc::new(known) })
    }

    /// Those that this host believes (`/etc/ssl/certs`, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name). Some
    /// milliseconds of work.
    ///
    /// **Errors**: it believes nobody.
    pub fn of_this_host() -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            return Err(TlsError::Missing("certificate of an authority"));
        }
        Ok(Self { roots: Arc::new(roots), known: Arc::default() })
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorities").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

/// A certificate that ends too soon.
#[derive(Debug)]
pub(super) struct EndsSoon {
    /// Days that it has left.
    pub(super) left: u64,
}

impl fmt::Display for EndsSoon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.left {
            0 => f.write_str("the certificate ends within a day"),
            1 => f.write_str("the certificate ends in 1 day"),
            days => write!(f, "the certificate ends in {days} days"),
        }
    }
}

impl std::error::Error for EndsSoon {}

/// What judges the certificates of a check.
///
/// **Errors**: a name that is none; authorities that cannot be used.
pub(super) fn proof(
    trust: &Trust,
    days_left: u32,
) -> Result<Arc<dyn ServerCertVerifier>, TlsError> {
    let chain = match trust {
        Trust::Anybody => None,
        Trust::In(authorities, name) => {
            let roots = Arc::clone(&authorities.roots);
            let inner =
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&PROVIDER)).build();
            let inner = inner.map_err(|error| TlsError::Unusable(error.to_string()))?;
            let known = Arc::clone(&authorities.known);
            Some(Chain { inner, known, name: host_name(name)? })
        }
    };
    Ok(Arc::new(Proof { chain, days_left: days_left.into() }))
}

#[derive(Debug)]
struct Proof {
    chain: Option<Chain>,
    days_left: u64,
}

#[derive(Debug)]
struct Chain {
    inner: Arc<WebPkiServerVerifier>,
    known: Arc<Vec<CertificateDer<'static>>>,
    /// Which the certificate has to be for, whatever name was told to the server.
    name: ServerName<'static>,
}

impl Chain {
    fn verify(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<(), Error> {
        if self.known.iter().all(|known| known.as_ref() != shown.as_ref()) {
            return self
                .inner
                .verify_server_cert(shown, between, &self.name, stapled, now)
                .map(drop);
        }
        // The very certificate that is believed. No authority stands above it.
        let validity = Validity::of(shown).ok_or(CertificateError::BadEncoding)?;
        if now.as_secs() < validity.from {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > validity.to {
            return Err(CertificateError::Expired.into());
        }
        verify_server_name(&ParsedCertificate::try_from(shown)?, &self.name)
    }
}

/// How a signature is looked at in one version of TLS.
type Look = fn(
    &[u8],
    &CertificateDer<'_>,
    &DigitallySignedStruct,
    &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error>;

impl Proof {
    fn signature(
        &self,
        look: Look,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        if self.chain.is_none() {
            // Whoever it is may answer: there is nothing that a signature could prove.
            return Ok(HandshakeSignatureValid::assertion());
        }
        look(message, shown, signed, &PROVIDER.signature_verification_algorithms)
    }
}

impl ServerCertVerifier for Proof {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        stapled: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(chain) = &self.chain {
            chain.verify(shown, between, stapled, now)?;
        }
        if self.days_left > 0 {
            let validity = Validity::of(shown).ok_or(CertificateError::BadEncoding)?;
            let left = validity.to.checked_sub(now.as_secs()).ok_or(CertificateError::Expired)?;
            let left = left / DAY.as_secs();
            if left < self.days_left {
                let soon = OtherError(Arc::new(EndsSoon { left }));
                return Err(CertificateError::Other(soon).into());
            }
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(verify_tls12_signature, message, shown, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        shown: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.signature(verify_tls13_signature, message, shown, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let mut schemes = PROVIDER.signature_verification_algorithms.supported_schemes();
        if self.chain.is_none() {
            // Old servers have no other; nobody looks at what they sign.
            schemes.extend([SignatureScheme::ECDSA_SHA1_Legacy, SignatureScheme::RSA_PKCS1_SHA1]);
        }
        schemes
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
