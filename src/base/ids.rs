//! Identifiers and randomness.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::{ContextV7, Timestamp, Uuid};

/// A new identifier: UUID version 7 (RFC 9562), so that rows made together are adjacent in an index. Ids of
/// this process are in order, also within a millisecond; 32 bits of each, and the beginning of the count, are
/// random.
pub fn new_uuid(now: DateTime<Utc>) -> Uuid {
    static COUNTER: Mutex<ContextV7> = Mutex::new(ContextV7::new());
    let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
    let counter = COUNTER.lock().unwrap_or_else(PoisonError::into_inner);
    Uuid::new_v7(Timestamp::from_unix(&*counter, seconds, now.timestamp_subsec_nanos()))
}

/// The time in an identifier of version 7; `None` for one without a time.
pub fn time_of(id: &Uuid) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
}

/// A deterministic identifier of a text: UUID version 8 (RFC 9562) over the beginning of the text's SHA-256.
pub fn uuid_of(text: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(text).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// `N` characters drawn uniformly from `alphabet` with the operating system's randomness.
///
/// # Errors
///
/// When the operating system gives no randomness.
#[expect(clippy::disallowed_methods, reason = "this is the home of randomness")]
pub fn random_text<const N: usize>(alphabet: &[u8]) -> Result<String, getrandom::Error> {
    let limit = 256 - 256 % alphabet.len().max(1);
    let mut text = String::with_capacity(N);
    while text.len() < N {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)?;
        let fair = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < limit);
        let letters = fair.filter_map(|byte| alphabet.get(byte % alphabet.len().max(1)));
        text.extend(letters.take(N - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

/// Draws unpredictable bytes.
///
/// # Errors
///
/// When the operating system gives no randomness.
#[expect(clippy::disallowed_methods, reason = "this is the home of randomness")]
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::{new_uuid, random_text};
    use chrono::DateTime;

    #[test]
    fn ids_are_ordered_by_time_and_distinct() {
        let early = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let late = DateTime::from_timestamp(1_700_000_001, 0).unwrap();
        assert!(new_uuid(early) < new_uuid(late));
        let ids: Vec<_> = (0..1000).map(|_| new_uuid(late)).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn random_text_keeps_to_its_alphabet_and_length() {
        let text = random_text::<40>(b"AB3").unwrap();
        assert_eq!(text.len(), 40);
        assert!(text.chars().all(|c| "AB3".contains(c)));
        assert!(text.contains('A') && text.contains('B') && text.contains('3'));
    }
}
