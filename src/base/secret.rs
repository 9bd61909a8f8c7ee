//! Secrets that must be readable again: stored encrypted (AES-256-GCM), with a key that is not in the
//! database.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::ids;

const KEY_LEN: usize = 32;

/// Encrypts and decrypts secrets.
pub struct Vault {
    key: RandomizedNonceKey,
}

/// Why a secret cannot be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key file cannot be read or written.
    #[error("the key of the secrets cannot be read or made: {0}")]
    Io(#[from] io::Error),
    /// The key file does not hold 32 bytes in base64.
    #[error("the file of the key of the secrets does not hold 32 bytes in base64")]
    NotAKey,
    /// The stored text was not encrypted with this key, or was changed.
    #[error("a secret cannot be decrypted with this key")]
    Sealed,
}

impl Vault {
    /// Uses a key of 32 bytes.
    ///
    /// # Errors
    ///
    /// [`SecretError::NotAKey`] for another length.
    pub fn new(key: &[u8]) -> Result<Self, SecretError> {
        Ok(Self { key: RandomizedNonceKey::new(&AES_256_GCM, key).or(Err(SecretError::NotAKey))? })
    }

    /// Uses a key that ends with the process: for tests.
    ///
    /// # Errors
    ///
    /// [`SecretError::Io`] when the operating system gives no randomness.
    pub fn ephemeral() -> Result<Self, SecretError> {
        Self::new(&random()?)
    }

    /// Uses the key of this file, which is created, readable by its owner only, where it does not exist. Of processes
    /// that start at the same time one creates it, and the others read it.
    ///
    /// # Errors
    ///
    /// [`SecretError::Io`] and [`SecretError::NotAKey`].
    pub fn open(path: &Path) -> Result<Self, SecretError> {
        let text = match fs::read_to_string(path) {
            // An empty file is one that another process is about to fill, or was killed before it did.
            Ok(text) if !text.is_empty() => text,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(_) | Err(_) => read_or_make(path)?,
        };
        Self::new(&STANDARD.decode(text.trim()).or(Err(SecretError::NotAKey))?)
    }

    /// Encrypts a text. `purpose` is bound to it: it is not hidden, and must be the same to decrypt.
    ///
    /// # Errors
    ///
    /// [`SecretError::Sealed`] where the cryptographic library refuses.
    pub fn seal(&self, purpose: &str, text: &str) -> Result<String, SecretError> {
        let mut bytes = text.as_bytes().to_vec();
        let nonce = self
            .key
            .seal_in_place_append_tag(Aad::from(purpose.as_bytes()), &mut bytes)
            .or(Err(SecretError::Sealed))?;
        let sealed: Vec<u8> = nonce.as_ref().iter().chain(&bytes).copied().collect();
        Ok(STANDARD.encode(sealed))
    }

    /// Decrypts the result of [`Vault::seal`] with the same purpose.
    ///
    /// # Errors
    ///
    /// [`SecretError::Sealed`] where it is not one.
    pub fn open_sealed(&self, purpose: &str, sealed: &str) -> Result<String, SecretError> {
        let bytes = STANDARD.decode(sealed).or(Err(SecretError::Sealed))?;
        let (nonce, rest) = bytes.split_at_checked(NONCE_LEN).ok_or(SecretError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).or(Err(SecretError::Sealed))?;
        let mut rest = rest.to_vec();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut rest)
            .or(Err(SecretError::Sealed))?;
        String::from_utf8(opened.to_vec()).or(Err(SecretError::Sealed))
    }
}

/// The text of the file, filled with a new key if it is empty. Another process waits meanwhile.
fn read_or_make(path: &Path) -> io::Result<String> {
    let mut options = fs::OpenOptions::new();
    let mut file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text.is_empty() {
        text = STANDARD.encode(random()?);
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    Ok(text)
}

fn random() -> Result<[u8; KEY_LEN], io::Error> {
    ids::random_bytes().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::{SecretError, Vault};

    #[test]
    fn secret_is_decrypted_only_with_its_key_and_purpose() {
        let vault = Vault::ephemeral().unwrap();
        let sealed = vault.seal("header", "Authorization: Bearer x").unwrap();
        assert!(!sealed.contains("Bearer"));
        assert_ne!(sealed, vault.seal("header", "Authorization: Bearer x").unwrap());
        assert_eq!(vault.open_sealed("header", &sealed).unwrap(), "Authorization: Bearer x");
        for (vault, purpose) in [(&vault, "signing"), (&Vault::ephemeral().unwrap(), "header")] {
            assert!(matches!(vault.open_sealed(purpose, &sealed), Err(SecretError::Sealed)));
        }
        assert!(matches!(vault.open_sealed("header", "AAAA"), Err(SecretError::Sealed)));
    }

    #[test]
    fn processes_that_start_at_the_same_time_have_one_key() {
        for _ in 0..20 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secrets.key");
            let start = std::sync::Barrier::new(8);
            let open = || {
                start.wait();
                Vault::open(&path).unwrap()
            };
            let vaults: Vec<Vault> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let sealed = vaults[0].seal("a", "b").unwrap();
            for vault in &vaults {
                assert_eq!(vault.open_sealed("a", &sealed).unwrap(), "b");
            }
        }
    }

    #[test]
    fn vault_key_file_is_created_once_and_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.key");
        let sealed = Vault::open(&path).unwrap().seal("a", "b").unwrap();
        assert_eq!(Vault::open(&path).unwrap().open_sealed("a", &sealed).unwrap(), "b");
        std::fs::write(&path, "no key").unwrap();
        assert!(matches!(Vault::open(&path), Err(SecretError::NotAKey)));
    }
}
