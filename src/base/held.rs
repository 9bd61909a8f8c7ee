//! Detects, in tests, CPU work while the one writer of the database is held.
//!
//! A transaction that writes keeps all other writers waiting, so the content of a request is parsed,
//! validated and compared before it begins or after it has ended. The store marks when the writer is held
//! ([`during`]); code that works on content calls [`check`]. In a build with debug assertions, which is that
//! of the tests, work on more than [`INLINE`] bytes while the writer is held panics; in a release build
//! neither does anything.

use std::cell::Cell;

use serde_json::Value;

use crate::cpu_pool::INLINE;
use crate::json::is_larger;

thread_local! {
    static IS_HELD: Cell<bool> = const { Cell::new(false) };
}

/// Marks the present thread as one that holds the writer while `work` runs, also where that panics.
pub fn during<R>(work: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_HELD.set(self.0);
        }
    }
    let _restore = Restore(IS_HELD.replace(true));
    work()
}

/// Announces work on content of this size, in bytes.
///
/// # Panics
///
/// With debug assertions, where the present thread holds the writer and the content is larger than [`INLINE`].
pub fn check(size: impl FnOnce() -> usize) {
    debug_assert!(!IS_HELD.get() || size() <= INLINE, "large content is worked on while the writer is held");
}

/// As [`check`], for parsed content.
///
/// # Panics
///
/// As [`check`].
pub fn check_value(value: &Value) {
    check(|| if is_larger(value, INLINE) { usize::MAX } else { 0 });
}

#[cfg(test)]
mod tests {
    use super::{check, during};
    use crate::cpu_pool::INLINE;

    #[test]
    fn large_content_panics_only_while_the_writer_is_held() {
        check(|| INLINE + 1);
        during(|| check(|| INLINE));
        let found = std::panic::catch_unwind(|| during(|| check(|| INLINE + 1)));
        assert_eq!(found.is_err(), cfg!(debug_assertions));
        check(|| INLINE + 1);
    }
}
