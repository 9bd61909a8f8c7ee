//! A document that another server publishes (its keys, its metadata): read when it is first needed, cached,
//! and still used while that server is down (RS-02).

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Mutex;

/// The refresh policy of a document.
#[derive(Clone, Copy, Debug)]
pub struct Refresh {
    /// How long a document is used without a refresh.
    pub fresh: TimeDelta,
    /// How long no request is made after a failure, or for a newer version.
    pub pause: TimeDelta,
    /// Whether a newer version may be requested at once after a read that was due anyway. Not where a
    /// stranger can name a key that does not exist: each name would cost a second request.
    pub hurries_after_read: bool,
}

/// The version that a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A fresh one.
    Fresh,
    /// A newer one than the cached one, which lacks something.
    Newer,
}

/// Why there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDocument<E> {
    /// Reading it has just failed, and it is not requested again yet.
    Paused,
    /// It cannot be read.
    Failed(E),
}

/// A published document. Callers that arrive while it is being read wait for it: it is read once.
#[derive(Debug)]
pub struct Document<T>(Mutex<Kept<T>>);

impl<T> Default for Document<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Document<T> {
    /// The document: cached, or read now; after a failure the last good one, if there is one.
    ///
    /// # Errors
    ///
    /// [`NoDocument`].
    pub async fn get<E>(
        &self,
        refresh: Refresh,
        need: Need,
        now: DateTime<Utc>,
        read: impl AsyncFnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, NoDocument<E>> {
        let mut kept = self.0.lock().await;
        if !kept.is_due(refresh, need, now) {
            return kept.document.clone().ok_or(NoDocument::Paused);
        }
        let read = read().await;
        kept.take(now, read)
    }
}

#[derive(Debug)]
struct Kept<T> {
    document: Option<Arc<T>>,
    read_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    hurried_at: Option<DateTime<Utc>>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { document: None, read_at: None, failed_at: None, hurried_at: None }
    }
}

impl<T> Kept<T> {
    /// Whether the document must be read now.
    fn is_due(&mut self, refresh: Refresh, need: Need, now: DateTime<Utc>) -> bool {
        let within = |at: Option<DateTime<Utc>>, span| at.is_some_and(|at| now < at + span);
        let is_hurried = need == Need::Newer;
        let has_hurried = within(self.hurried_at, refresh.pause)
            || (!refresh.hurries_after_read && within(self.read_at, refresh.pause));
        let is_paused = within(self.failed_at, refresh.pause) || (is_hurried && has_hurried);
        let is_fresh = within(self.read_at, refresh.fresh) && !is_hurried;
        if is_hurried && !is_paused {
            self.hurried_at = Some(now);
        }
        !is_fresh && !is_paused
    }

    /// Stores the result of a read; after a failure the last good document stays.
    fn take<E>(&mut self, now: DateTime<Utc>, read: Result<T, E>) -> Result<Arc<T>, NoDocument<E>> {
        match read {
            Ok(document) => {
                let document = Arc::new(document);
                self.document = Some(Arc::clone(&document));
                (self.read_at, self.failed_at) = (Some(now), None);
                Ok(document)
            }
            Err(error) => {
                self.failed_at = Some(now);
                self.document.clone().ok_or(NoDocument::Failed(error))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use chrono::{DateTime, TimeDelta};

    use super::{Document, Need, NoDocument, Refresh};

    const OF_PROVIDER: Refresh =
        Refresh { fresh: TimeDelta::minutes(15), pause: TimeDelta::seconds(10), hurries_after_read: true };
    const OF_CLIENT: Refresh = Refresh { hurries_after_read: false, ..OF_PROVIDER };

    /// A row: the need, the second, the server's response, the caller's result, and whether the server was
    /// asked.
    type Row = (Need, i64, Result<u8, &'static str>, Result<u8, NoDocument<&'static str>>, bool);

    async fn assert_rows(refresh: Refresh, rows: &[Row]) {
        let document = Document::<u8>::default();
        for (number, (need, second, answer, wanted, is_asked)) in rows.iter().enumerate() {
            let now = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
            let asked = Cell::new(false);
            let read = async || {
                asked.set(true);
                *answer
            };
            let got = document.get(refresh, *need, now, read).await.map(|document| *document);
            assert_eq!((got, asked.get()), (*wanted, *is_asked), "row {number} of {refresh:?}");
        }
    }

    #[actix_rt::test]
    async fn stale_document_is_refetched_and_the_last_good_one_is_kept_on_failure() {
        for refresh in [OF_PROVIDER, OF_CLIENT] {
            assert_rows(
                refresh,
                &[
                    (Need::Fresh, 0, Ok(1), Ok(1), true),
                    (Need::Fresh, 899, Ok(2), Ok(1), false),
                    (Need::Fresh, 900, Err("down"), Ok(1), true),
                    (Need::Fresh, 909, Ok(2), Ok(1), false),
                    (Need::Newer, 909, Ok(2), Ok(1), false),
                    (Need::Fresh, 910, Ok(2), Ok(2), true),
                    (Need::Fresh, 911, Ok(3), Ok(2), false),
                ],
            )
            .await;
        }
    }

    #[actix_rt::test]
    async fn unknown_key_causes_one_refetch_per_pause() {
        assert_rows(
            OF_PROVIDER,
            &[
                (Need::Fresh, 0, Ok(1), Ok(1), true),
                (Need::Newer, 1, Ok(2), Ok(2), true),
                (Need::Newer, 10, Ok(3), Ok(2), false),
                (Need::Newer, 11, Ok(3), Ok(3), true),
            ],
        )
        .await;
        assert_rows(
            OF_CLIENT,
            &[
                (Need::Fresh, 0, Ok(1), Ok(1), true),
                (Need::Newer, 9, Ok(2), Ok(1), false),
                (Need::Newer, 10, Ok(2), Ok(2), true),
                (Need::Newer, 19, Ok(3), Ok(2), false),
                (Need::Newer, 20, Err("down"), Ok(2), true),
                (Need::Newer, 29, Ok(3), Ok(2), false),
                (Need::Newer, 30, Ok(3), Ok(3), true),
            ],
        )
        .await;
    }

    #[actix_rt::test]
    async fn failed_server_is_not_asked_again_within_the_pause() {
        for refresh in [OF_PROVIDER, OF_CLIENT] {
            assert_rows(
                refresh,
                &[
                    (Need::Fresh, 0, Err("down"), Err(NoDocument::Failed("down")), true),
                    (Need::Fresh, 9, Ok(1), Err(NoDocument::Paused), false),
                    (Need::Fresh, 10, Ok(1), Ok(1), true),
                ],
            )
            .await;
        }
    }
}
