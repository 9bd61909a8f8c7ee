//! A fresh, migrated database for every test.

use std::sync::OnceLock;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use store::{DatabaseUrl, STATEMENT_DEADLINE, Store, StoreOptions};
use tempfile::TempDir;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// A database of one test; it goes when this goes.
pub struct TestDatabase {
    pub url: String,
    name: Option<String>,
    _folder: Option<TempDir>,
}

/// The URL of a PostgreSQL server whose role may create databases. `tests/run` starts one and sets it.
fn postgres_server() -> String {
    std::env::var("ONBEHALF_TEST_POSTGRES")
        .expect("the tests need a PostgreSQL server: run tests/run, which starts one")
}

/// Runs statements on the PostgreSQL server, beside the databases of the tests.
pub fn on_server(statement: &str) {
    let mut server = PgConnection::establish(&postgres_server()).expect("the test server answers");
    server.batch_execute(statement).expect("the test server obeys");
}

fn database_url(name: &str) -> String {
    let server = postgres_server();
    let (start, _) = server.rsplit_once('/').expect("the URL names a database");
    format!("{start}/{name}")
}

impl TestDatabase {
    /// A database with our schema and nothing in it.
    pub fn migrated(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let database = Self::empty(backend);
                database.open().migrate_up().expect("migrations run");
                database
            }
            Backend::Postgres => {
                static TEMPLATE: OnceLock<String> = OnceLock::new();
                let template = TEMPLATE.get_or_init(|| {
                    let name = format!("template_{}", uuid::Uuid::now_v7().simple());
                    on_server(&format!("CREATE DATABASE {name}"));
                    let template = Self { url: database_url(&name), name: None, _folder: None };
                    template.open().migrate_up().expect("migrations run");
                    name
                });
                Self::postgres(&format!("TEMPLATE {template}"))
            }
        }
    }

    /// A database without our schema.
    pub fn empty(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => {
                let folder = TempDir::new().expect("a folder can be made");
                let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
                Self { url, name: None, _folder: Some(folder) }
            }
            Backend::Postgres => Self::postgres(""),
        }
    }

    fn postgres(options: &str) -> Self {
        let name = format!("test_{}", uuid::Uuid::now_v7().simple());
        on_server(&format!("CREATE DATABASE {name} {options}"));
        Self { url: database_url(&name), name: Some(name), _folder: None }
    }

    /// Opens it.
    pub fn open(&self) -> Store {
        self.open_to_wait(Duration::from_secs(20))
    }

    /// Opens it, to wait so long for a connection.
    pub fn open_to_wait(&self, wait: Duration) -> Store {
        self.open_for(wait, Some(STATEMENT_DEADLINE))
    }

    /// Opens it, to wait so long for a connection, with a deadline for each statement or without.
    pub fn open_for(&self, wait: Duration, statement_deadline: Option<Duration>) -> Store {
        open_store(&self.url, wait, statement_deadline)
    }
}

/// Opens the database of this URL.
pub(super) fn open_store(url: &str, wait: Duration, statement_deadline: Option<Duration>) -> Store {
    let url: DatabaseUrl = url.parse().expect("the URL is right");
    Store::open(&StoreOptions {
        url,
        connections: 4,
        wait,
        statement_deadline,
        has_pooler: false,
        // By themselves never: a test that counts statements counts those of its requests.
        index_accesses_after: Duration::from_secs(3600),
        replica: None,
    })
    .expect("the database opens")
}

impl Backend {
    /// The statements that record an access: on PostgreSQL one, which moves the head of a chain and adds the record; on SQLite
    /// none, for the access goes to the journal's file.
    pub fn statements_of_an_access(self) -> u64 {
        match self {
            Self::Sqlite => 0,
            Self::Postgres => 1,
        }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            on_server(&format!("DROP DATABASE {name} WITH (FORCE)"));
        }
    }
}
