//! TLS to a real server (RFC 8446, and RFC 5246 for servers of the day before).
//!
//! A check without [`Trust::In`] believes whoever answers, as keepalived's does: what counts there is that somebody
//! speaks TLS. Each check has its own handshake, all of it: a session that is resumed would not show the certificate.

mod identity;
mod locked;
mod refusal;
mod trust;
mod validity;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use health::Failure;
use rustls::ClientConfig;
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use self::identity::Identity;
use self::refusal::{NOT_TAKEN, refused};
pub(crate) use self::refusal::{said, tls_error};
pub use self::trust::{Authorities, Trust};
use crate::patience::{Patience, wrong};
use crate::stream::{End, Stream};

/// How TLS is spoken to a server. Cheap to clone; made once for each check.
#[derive(Clone)]
pub struct Tls {
    client: Arc<ClientConfig>,
    /// The name that is told (SNI); none tells none.
    name: Option<ServerName<'static>>,
    end: End,
}

/// What TLS cannot be begun with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A name that is none.
    #[error("`{0}` is no host name")]
    Name(String),
    /// A file in PEM form that has not what is looked for in it.
    #[error("no {0} in it")]
    Missing(&'static str),
    /// A file that is not in PEM form.
    #[error("{0}")]
    Pem(&'static str),
    /// A key behind a pass phrase that nobody says.
    #[error("the key is encrypted")]
    EncryptedKey,
    /// A key behind another pass phrase.
    #[error("the key has another pass phrase")]
    PassPhrase,
    /// A key behind a pass phrase in a way that is not supported.
    #[error("the key is encrypted in another way than ours: {0}")]
    Encryption(String),
    /// A certificate or key that cannot be used, or that do not belong together.
    #[error("{0}")]
    Unusable(String),
}

/// What is told and what is demanded.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// The name that is told to the server (SNI, RFC 6066 §3); none tells none.
    pub name: Option<String>,
    /// Whom to believe.
    pub trust: Trust,
    /// Days that the certificate must have left; 0 does not ask.
    pub days_left: u32,
    /// Who we are, where the server asks.
    pub identity: Option<Identity>,
    /// The end of an answer has to be announced by TLS (`tls_compliant`).
    pub is_strict: bool,
}

impl Tls {
    /// **Errors**: a name that is none; a certificate of ours that cannot be used.
    pub fn new(options: &TlsOptions) -> Result<Self, TlsError> {
        let name = options.name.as_deref().map(host_name).transpose()?;
        let unusable = |error: rustls::Error| TlsError::Unusable(error.to_string());
        let proof = trust::proof(&options.trust, options.days_left)?;
        let config = ClientConfig::builder_with_provider(Arc::clone(&PROVIDER))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(proof);
        let mut client = match &options.identity {
            Some(identity) => identity.give(config)?,
            None => config.with_no_client_auth(),
        };
        client.enable_sni = name.is_some();
        client.resumption = Resumption::disabled();
        let end = if options.is_strict { End::Suspect } else { End::Usual };
        Ok(Self { client: Arc::new(client), name, end })
    }

    /// The handshake over a connection to `server`, which has to take `protocol` (ALPN, RFC 7301) where one is named.
    pub(crate) async fn over(
        &self,
        stream: TcpStream,
        server: IpAddr,
        protocol: Option<&[u8]>,
        patience: Patience,
    ) -> Result<Stream, Failure> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let name = self.name.clone().unwrap_or_else(|| ServerName::from(server));
        let offered = protocol.iter().map(|protocol| protocol.to_vec()).collect();
        let connector = connector.with_alpn(offered);
        let stream = patience.wait("TLS handshake", connector.connect(name, stream)).await?;
        let stream = stream.map_err(|error| refused(&error))?;
        if protocol.is_some() && stream.get_ref().1.alpn_protocol() != protocol {
            return Err(wrong(NOT_TAKEN));
        }
        Ok(Stream::Protected(Box::new(stream), self.end))
    }
}

/// A name of a host, of which a port and the last dot may stand behind it, and an address of IPv6 in brackets, as in a Host
/// header.
fn host_name(text: &str) -> Result<ServerName<'static>, TlsError> {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let bracketed = |name: &str| name.starts_with('[') && name.ends_with(']');
    let bare = match text.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (bracketed(name) || !name.contains(':')) => name,
        _ => text,
    };
    let inner = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']'));
    if let Some(inner) = inner {
        let address: Result<Ipv6Addr, _> = inner.parse();
        return address
            .map(|address| ServerName::from(IpAddr::from(address)))
            .map_err(|_| TlsError::Name(text.to_owned()));
    }
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    ServerName::try_from(bare.to_owned()).map_err(|_| TlsError::Name(text.to_owned()))
}

/// The algorithms, which are the same for all checks.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::ring::default_provider()));

impl PartialEq for Tls {
    /// The same setting: one made again is another.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.client, &other.client) && self.name == other.name && self.end == other.end
    }
}

impl Eq for Tls {}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("name", &self.name).field("end", &self.end).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_written_as_in_a_host_header() {
        let plain = host_name("www.example.org").unwrap();
        assert_eq!(host_name("www.example.org:8443"), Ok(plain.clone()));
        assert_eq!(host_name("www.example.org."), Ok(plain));
        assert!(matches!(host_name("2001:db8::80"), Ok(ServerName::IpAddress(_))));
        assert!(matches!(host_name("192.0.2.1:443"), Ok(ServerName::IpAddress(_))));
        let address = host_name("2001:db8::80").unwrap();
        assert_eq!(host_name("[2001:db8::80]"), Ok(address.clone()));
        assert_eq!(host_name("[2001:db8::80]:443"), Ok(address));
        assert!(host_name("[www.example.org]").is_err());
        assert!(host_name("[2001:db8::80").is_err());
        assert_eq!(host_name("two words"), Err(TlsError::Name("two words".to_owned())));
        assert_eq!(host_name(""), Err(TlsError::Name(String::new())));
    }
}
