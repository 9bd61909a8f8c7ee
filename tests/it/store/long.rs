//! Reads that may take long leave connections to all others.

use std::sync::mpsc;
use std::time::Duration;

use base::error::Error;
use futures_util::future::join_all;
use rstest::rstest;
use store::{Lane, Tx};

use crate::support::{Backend, Options, TestApp};

#[rstest]
#[actix_web::test]
async fn more_long_reads_than_connections_leave_the_others_a_connection(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::start(backend, Options::default()).await;
    let (begun, has_begun) = mpsc::channel();
    let mut ends = Vec::new();
    let long = (0..50).map(|number| {
        let (end, ended) = mpsc::channel::<()>();
        ends.push(end);
        let begun = begun.clone();
        let store = app.store.clone();
        actix_web::rt::spawn(async move {
            let work = move |_: &mut Tx<'_>| {
                begun.send(number).map_err(Error::fault)?;
                // The sender is dropped to end the read.
                Ok::<_, Error>(ended.recv().is_err())
            };
            store.read_in(Lane::Long, work).await
        })
    });
    let long: Vec<_> = long.collect();
    actix_web::rt::time::sleep(Duration::from_millis(200)).await;
    assert!(has_begun.try_recv().is_ok(), "none of them runs");
    let brief = app.store.read(|_| Ok::<_, Error>(()));
    let answered = actix_web::rt::time::timeout(Duration::from_secs(2), brief).await;
    drop(ends);
    assert!(answered.is_ok_and(|result| result.is_ok()), "a read waited for the long ones");
    for result in join_all(long).await {
        assert!(result.expect("a task").expect("its turn came"), "a long read was ended");
    }
}
