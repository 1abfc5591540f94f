//! Private keys behind a pass phrase: PKCS #8 (RFC 5958 §3) by PBES2 (RFC 8018 §6.2), with PBKDF2 or scrypt and AES.

use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{Kdf, Pbkdf2Params, Pbkdf2Prf, ScryptParams};
use pkcs8::{EncryptedPrivateKeyInfoRef, Error};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::TlsError;

/// The key of a file in PEM form.
///
/// **Errors**: it is encrypted in another way, with work without bound, or with another pass phrase.
pub(super) fn open(text: &[u8], pass_phrase: &str) -> Result<PrivateKeyDer<'static>, TlsError> {
    let odd = |what: &str| TlsError::Encryption(what.to_owned());
    // The reader of PEM passes over what it has no name for; an encrypted key is framed as one that is not.
    let text = String::from_utf8_lossy(text).replace(LOCKED, PLAIN);
    let framed =
        PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| odd("not as PKCS #8"))?;
    let locked = EncryptedPrivateKeyInfoRef::try_from(framed.secret_pkcs8_der())
        .map_err(|error| TlsError::Encryption(error.to_string()))?;
    check(&locked.encryption_algorithm).map_err(odd)?;
    let key = locked.decrypt(pass_phrase).map_err(|error| refused(&error))?;
    Ok(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()).into())
}

fn refused(error: &Error) -> TlsError {
    use pkcs8::pkcs5::Error::DecryptFailed;
    // Nonsense comes out where the pass phrase is another one.
    if matches!(error, Error::EncryptedPrivateKey(DecryptFailed) | Error::Asn1(_)) {
        return TlsError::PassPhrase;
    }
    TlsError::Encryption(error.to_string())
}

/// Says why a key is not to be opened: its file says how often the pass phrase is hashed, and over how much memory, and
/// whoever opens it does nothing else meanwhile.
fn check(scheme: &EncryptionScheme) -> Result<(), &'static str> {
    let is_affordable = match scheme.pbes2().map(|parameters| &parameters.kdf) {
        Some(Kdf::Pbkdf2(parameters)) => hashes(parameters) <= MOST_HASHES,
        Some(Kdf::Scrypt(parameters)) => {
            // The library does not look before it takes the logarithm.
            if !is_sound(parameters) {
                return Err("parameters that scrypt does not have");
            }
            let blocks = u64::from(parameters.block_size) * u64::from(parameters.parallelization);
            parameters.cost_parameter.saturating_mul(blocks) <= MOST_BLOCKS
        }
        // Of others the library says why not.
        _ => true,
    };
    if is_affordable { Ok(()) } else { Err("it takes too much work to open") }
}

/// Each part of the key is hashed anew: the longest key has 32 bytes, SHA-224 gives 28.
fn hashes(parameters: &Pbkdf2Params) -> u64 {
    let parts = match parameters.prf {
        Pbkdf2Prf::HmacWithSha256 | Pbkdf2Prf::HmacWithSha384 | Pbkdf2Prf::HmacWithSha512 => 1,
        Pbkdf2Prf::HmacWithSha1 | Pbkdf2Prf::HmacWithSha224 | _ => 2,
    };
    u64::from(parameters.iteration_count).saturating_mul(parts)
}

/// RFC 7914 §2.
const fn is_sound(parameters: &ScryptParams) -> bool {
    parameters.cost_parameter > 1
        && parameters.cost_parameter.is_power_of_two()
        && parameters.block_size > 0
        && parameters.parallelization > 0
}

const LOCKED: &str = "ENCRYPTED PRIVATE KEY";
const PLAIN: &str = "PRIVATE KEY";
const MOST_HASHES: u64 = 1_000_000;
/// Of 128 bytes: 32 MiB, twice of what OpenSSL asks for.
const MOST_BLOCKS: u64 = 1 << 18;
