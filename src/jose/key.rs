//! The service's signing keys, and their rotation.
//!
//! A key is a file `<purpose>-<kid>.pem` (PKCS#8, mode 0600) in the folder of the settings. A `kid` is a
//! UUIDv7, so the newest key of a purpose is the last by name: it signs, the older ones still verify. To
//! rotate, the operator adds a file and, when no token of the old key is still valid, removes the old one.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};

use base::ids;

/// The purpose of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Access tokens: ES256, which is quick to verify.
    AccessToken,
    /// Id tokens: RS256, which every client must support (LA-07).
    IdToken,
    /// The service's client assertions to identity providers: RS512, which NHS login requires.
    ClientAssertion,
}

impl KeyPurpose {
    /// Every purpose.
    pub const ALL: [Self; 3] = [Self::AccessToken, Self::IdToken, Self::ClientAssertion];

    /// The first part of the file's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access-token",
            Self::IdToken => "id-token",
            Self::ClientAssertion => "client-assertion",
        }
    }

    /// The algorithm of keys of this purpose.
    pub const fn algorithm(self) -> Algorithm {
        match self {
            Self::AccessToken => Algorithm::ES256,
            Self::IdToken => Algorithm::RS256,
            Self::ClientAssertion => Algorithm::RS512,
        }
    }
}

/// A signing key.
pub struct SigningKey {
    /// Its `kid`.
    pub kid: String,
    /// Its purpose.
    pub purpose: KeyPurpose,
    /// The private key.
    pub signing: EncodingKey,
    /// The public key, to verify with.
    pub verifying: DecodingKey,
    /// The public key, to publish.
    pub public: Jwk,
}

/// A key cannot be generated, read or stored.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The folder, or a file in it, cannot be read or written.
    #[error("the key folder cannot be used: {0}")]
    Io(#[from] io::Error),
    /// The file is not a key.
    #[error("{0} is not a PKCS#8 PEM private key for its purpose")]
    Unreadable(String),
    /// The cryptographic library failed.
    #[error("a key cannot be generated")]
    NotMade,
}

impl SigningKey {
    /// Generates a key, and the text of its file.
    pub fn generate(purpose: KeyPurpose, now: DateTime<Utc>) -> Result<(Self, String), KeyError> {
        let der = match purpose {
            KeyPurpose::AccessToken => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
                pair.and_then(|pair| pair.to_pkcs8v1()).map(|document| document.as_ref().to_vec())
            }
            KeyPurpose::IdToken | KeyPurpose::ClientAssertion => {
                let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048);
                let der = pair.and_then(|pair| AsDer::<Pkcs8V1Der<'_>>::as_der(&pair));
                der.map(|document| document.as_ref().to_vec())
            }
        };
        let text = pem(&der.or(Err(KeyError::NotMade))?);
        let kid = ids::new_uuid(now).simple().to_string();
        Ok((Self::read(purpose, kid, &text)?, text))
    }

    /// Reads a key from the text of its file.
    pub fn read(purpose: KeyPurpose, kid: String, text: &str) -> Result<Self, KeyError> {
        let unreadable = |_| KeyError::Unreadable(format!("{}-{kid}.pem", purpose.as_str()));
        let signing = match purpose {
            KeyPurpose::AccessToken => EncodingKey::from_ec_pem(text.as_bytes()),
            KeyPurpose::IdToken | KeyPurpose::ClientAssertion => EncodingKey::from_rsa_pem(text.as_bytes()),
        };
        let signing = signing.map_err(unreadable)?;
        let mut public = Jwk::from_encoding_key(&signing, purpose.algorithm()).map_err(unreadable)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = DecodingKey::from_jwk(&public).map_err(unreadable)?;
        Ok(Self { kid, purpose, signing, verifying, public })
    }
}

impl SigningKey {
    /// The public key as a set (RFC 7517 §5).
    pub fn public_set(&self) -> JwkSet {
        JwkSet { keys: vec![self.public.clone()] }
    }
}

/// PKCS#8 as PEM (RFC 7468).
fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

/// The keys of every purpose.
pub struct KeyRing {
    keys: Vec<SigningKey>,
}

impl KeyRing {
    /// Reads the keys of a folder; creates the folder, and a key for each purpose that has none. Of processes that start at
    /// the same time one creates them, and the others read them.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn open(folder: &Path, now: DateTime<Utc>) -> Result<Self, KeyError> {
        fs::create_dir_all(folder)?;
        let ring = Self::load(folder)?;
        if ring.missing().next().is_none() {
            return Ok(ring);
        }
        // Held to the end: another process may be creating them.
        let held = fs::File::open(folder)?;
        held.lock()?;
        let mut ring = Self::load(folder)?;
        for purpose in ring.missing().collect::<Vec<_>>() {
            ring.keys.push(add_key(folder, purpose, now)?);
        }
        Ok(ring)
    }

    /// Reads the keys of a folder without changing it.
    pub fn load(folder: &Path) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let Some(stem) = name.strip_suffix(".pem") else { continue };
            let purpose = KeyPurpose::ALL.into_iter().find_map(|purpose| {
                let kid = stem.strip_prefix(purpose.as_str())?.strip_prefix('-')?;
                Some((purpose, kid.to_owned()))
            });
            let Some((purpose, kid)) = purpose else { continue };
            keys.push(SigningKey::read(purpose, kid, &fs::read_to_string(&path)?)?);
        }
        keys.sort_by(|one, other| one.kid.cmp(&other.kid));
        Ok(Self { keys })
    }

    /// Keys that exist only in this process, for tests.
    pub fn generate(now: DateTime<Utc>) -> Result<Self, KeyError> {
        let make = |purpose| SigningKey::generate(purpose, now).map(|(key, _)| key);
        Ok(Self { keys: KeyPurpose::ALL.into_iter().map(make).collect::<Result<_, _>>()? })
    }

    fn missing(&self) -> impl Iterator<Item = KeyPurpose> {
        KeyPurpose::ALL.into_iter().filter(|purpose| self.newest(*purpose).is_none())
    }

    /// The key that signs: the newest of a purpose.
    pub fn newest(&self, purpose: KeyPurpose) -> Option<&SigningKey> {
        self.keys.iter().rev().find(|key| key.purpose == purpose)
    }

    /// The key with this id, if it is of this purpose.
    pub fn find(&self, purpose: KeyPurpose, kid: &str) -> Option<&SigningKey> {
        self.keys.iter().find(|key| key.purpose == purpose && key.kid == kid)
    }

    /// Each key, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter()
    }

    /// The public keys (RFC 7517): all of them, so that signatures of older keys can still be verified.
    pub fn public(&self) -> JwkSet {
        JwkSet { keys: self.keys.iter().map(|key| key.public.clone()).collect() }
    }
}

/// Creates a key in a folder. It signs from the next reading of the folder on.
pub fn add_key(folder: &Path, purpose: KeyPurpose, now: DateTime<Utc>) -> Result<SigningKey, KeyError> {
    let (key, text) = SigningKey::generate(purpose, now)?;
    let path = folder.join(format!("{}-{}.pem", purpose.as_str(), key.kid));
    // It has its name when it is whole: other processes read the folder.
    let unnamed = path.with_extension("new");
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unnamed)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(unnamed, path)?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::{KeyPurpose, KeyRing, add_key};
    use chrono::DateTime;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn processes_that_start_at_the_same_time_have_the_same_keys() {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let start = std::sync::Barrier::new(4);
            let open = || {
                start.wait();
                let ring = KeyRing::open(folder.path(), DateTime::UNIX_EPOCH).unwrap();
                ring.iter().map(|key| key.kid.clone()).collect::<std::collections::BTreeSet<_>>()
            };
            let rings: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert!(rings.iter().all(|ring| *ring == rings[0]), "{rings:?}");
        }
    }

    #[test]
    fn signing_keys_are_created_once_owner_only_and_rotated() {
        let folder = tempfile::tempdir().unwrap();
        let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
        let first = KeyRing::open(folder.path(), at(0)).unwrap();
        let again = KeyRing::open(folder.path(), at(1)).unwrap();
        let kid = |ring: &KeyRing| ring.newest(KeyPurpose::AccessToken).unwrap().kid.clone();
        assert_eq!(kid(&first), kid(&again));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let added = add_key(folder.path(), KeyPurpose::AccessToken, at(2)).unwrap();
        let rotated = KeyRing::load(folder.path()).unwrap();
        assert_eq!(kid(&rotated), added.kid);
        assert!(rotated.find(KeyPurpose::AccessToken, &kid(&first)).is_some());
        assert!(rotated.find(KeyPurpose::IdToken, &kid(&first)).is_none());
        assert_eq!(rotated.public().keys.len(), 4);
    }
}
