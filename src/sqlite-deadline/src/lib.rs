//! A deadline for each statement of an SQLite connection.
//!
//! SQLite has no statement timeout. It has a progress handler, a function that it calls every so many steps
//! of its virtual machine and that can interrupt the statement; but Diesel does not expose the handle on
//! which one is installed. SQLite also calls *automatic extensions* for each connection that it opens, on the
//! thread that opens it and before the opening library gets the handle. So [`Deadline::watch`] leaves a
//! deadline where the automatic extension of this crate finds it, and its caller opens the connection
//! meanwhile.
//!
//! A statement past its deadline fails with `SQLITE_INTERRUPT` ("interrupted"). One that only reads leaves its
//! transaction as it is; one that writes rolls the whole transaction back (<https://sqlite.org/c3ref/interrupt.html>).
//!
//! This is the only crate of the workspace that may contain `unsafe`: SQLite is a C library, and each call of it is.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use libsqlite3_sys as ffi;

/// After how many steps of the virtual machine the clock is read. A thousand take SQLite some 10 to 20 µs;
/// reading the clock takes 0.03 µs. Statements of fewer steps never read it.
const STEPS: c_int = 1000;

/// The name under which SQLite keeps the deadline of a connection.
const NAME: &CStr = c"onbehalf-deadline";

/// No statement has a deadline.
const NONE: u64 = u64::MAX;
/// A statement has begun, and the clock has not been read since.
const BEGUN: u64 = 0;

thread_local! {
    /// The deadline of the connection that this thread is opening.
    static OPENING: RefCell<Option<Deadline>> = const { RefCell::new(None) };
}

/// The deadline of the statements of one connection. Clones share their state.
#[derive(Clone, Debug)]
pub struct Deadline(Arc<State>);

#[derive(Debug)]
struct State {
    limit: Duration,
    /// The end of the running statement, in nanoseconds since the first use of this crate; or [`NONE`],
    /// [`BEGUN`].
    ends: AtomicU64,
}

impl Deadline {
    /// A deadline of `limit` after the beginning of each statement.
    pub fn new(limit: Duration) -> Self {
        Self(Arc::new(State { limit, ends: AtomicU64::new(NONE) }))
    }

    /// Runs `open`, which opens a connection on this thread, and sets the deadline for the statements of that
    /// connection. Also returns whether it is set: it is not where no connection was opened.
    pub fn watch<T>(&self, open: impl FnOnce() -> T) -> (T, bool) {
        if !is_registered() {
            return (open(), false);
        }
        OPENING.set(Some(self.clone()));
        let opened = open();
        // The extension has taken it if a connection was opened.
        let is_watched = OPENING.take().is_none();
        (opened, is_watched)
    }

    /// Starts the deadline of a statement. Costs one store to memory.
    pub fn begin(&self) {
        self.0.ends.store(BEGUN, Ordering::Relaxed);
    }

    /// Lifts the deadline of further statements, until [`Deadline::begin`] is called again.
    pub fn lift(&self) {
        self.0.ends.store(NONE, Ordering::Relaxed);
    }

    /// Whether the running statement is past its deadline. The first call after its beginning sets the end,
    /// so that the many short statements need no clock.
    fn is_over(&self) -> bool {
        match self.0.ends.load(Ordering::Relaxed) {
            NONE => false,
            BEGUN => {
                let limit = u64::try_from(self.0.limit.as_nanos()).unwrap_or(NONE);
                let ends = now().saturating_add(limit).clamp(BEGUN + 1, NONE - 1);
                self.0.ends.store(ends, Ordering::Relaxed);
                false
            }
            ends => now() >= ends,
        }
    }
}

/// Nanoseconds since the first use of this crate.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    u64::try_from(elapsed.as_nanos()).unwrap_or(NONE - 1)
}

/// Registers [`attach`] as an automatic extension of this process, once. Returns whether it is registered.
fn is_registered() -> bool {
    static IS_REGISTERED: OnceLock<bool> = OnceLock::new();
    *IS_REGISTERED.get_or_init(|| {
        // SAFETY: `attach` has the signature that SQLite calls automatic extensions with, and lives as long
        // as the process. SQLite guards its list of extensions with its own mutex, which it has at
        // SQLITE_THREADSAFE 1 and 2; nothing else in this process registers one.
        let code = unsafe { ffi::sqlite3_auto_extension(Some(attach)) };
        code == ffi::SQLITE_OK
    })
}

/// The automatic extension: SQLite calls it for each connection that is opened in this process.
///
/// # Safety
///
/// `connection` must be an open connection that no other thread uses meanwhile, as it is when SQLite calls this.
unsafe extern "C" fn attach(
    connection: *mut ffi::sqlite3,
    _message: *mut *mut c_char,
    _routines: *const ffi::sqlite3_api_routines,
) -> c_int {
    let Some(deadline) = OPENING.try_with(RefCell::take).ok().flatten() else { return ffi::SQLITE_OK };
    let state: *mut c_void = Box::into_raw(Box::new(deadline)).cast();
    // SAFETY: `connection` is open and belongs to this thread (see above); the name is a C string that is
    // copied; `state` comes from `Box::into_raw` above, and `release` is called with it exactly once: when
    // the connection closes, or by this call itself where it fails.
    let code = unsafe { ffi::sqlite3_set_clientdata(connection, NAME.as_ptr(), state, Some(release)) };
    if code != ffi::SQLITE_OK {
        return code;
    }
    // SAFETY: `connection` is open and belongs to this thread; `state` is valid until the connection closes,
    // and SQLite calls `is_interrupted` only while a statement of it runs, thus before.
    unsafe { ffi::sqlite3_progress_handler(connection, STEPS, Some(is_interrupted), state) };
    ffi::SQLITE_OK
}

/// The progress handler: a result other than zero interrupts the statement.
///
/// # Safety
///
/// `state` must be the [`Deadline`] of a connection that is open.
unsafe extern "C" fn is_interrupted(state: *mut c_void) -> c_int {
    // SAFETY: `attach` gave SQLite a pointer from `Box::into_raw` to a `Deadline`, to which no mutable
    // reference exists, and which lives until the connection closes.
    let deadline = unsafe { state.cast::<Deadline>().as_ref() };
    c_int::from(deadline.is_some_and(Deadline::is_over))
}

/// Frees the deadline of a connection that closes.
///
/// # Safety
///
/// `state` must come from `Box::into_raw` of a [`Deadline`], and not be used afterwards.
unsafe extern "C" fn release(state: *mut c_void) {
    // SAFETY: `state` comes from `attach`, and SQLite calls this once, when no statement of the connection
    // runs any more.
    drop(unsafe { Box::from_raw(state.cast::<Deadline>()) });
}

#[cfg(test)]
mod tests;
