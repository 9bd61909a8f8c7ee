//! The floor: what the least that could answer costs on this machine. `benches/run` measures it beside the server.
//!
//! `floor http PORT FILE THREADS` answers every request with the bytes of a file, from actix-web and nothing else.
//! `floor read URL SECONDS FILE` reads roles by their ids, those of the file, in a loop.
//! `floor commit URL SECONDS` writes one row and commits it durably, in a loop.
//! The loops print how often they went round in a second.

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use actix_web::{App, HttpResponse, HttpServer, web};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;

mod schema {
    diesel::table! {
        roles (id) {
            id -> Text,
            version -> BigInt,
            proxy -> Text,
            patient -> Text,
            status -> Text,
            reason_code -> Text,
            legal_basis -> Text,
            grantor -> Nullable<Text>,
            start_text -> Nullable<Text>,
            end_text -> Nullable<Text>,
            created_text -> Text,
            updated_at -> BigInt,
        }
    }

    diesel::table! {
        bench_commits (id) {
            id -> BigInt,
            value -> Text,
        }
    }
}

use schema::{bench_commits, roles};

enum Db {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

/// The same on either connection.
macro_rules! on {
    ($db:expr, $connection:ident => $does:expr) => {
        match $db {
            Db::Postgres($connection) => $does,
            Db::Sqlite($connection) => $does,
        }
    };
}

#[derive(Queryable)]
#[expect(dead_code, reason = "read from the database and thrown away: that is what is measured")]
struct Role {
    id: String,
    version: i64,
    proxy: String,
    patient: String,
    status: String,
    reason_code: String,
    legal_basis: String,
    grantor: Option<String>,
    start_text: Option<String>,
    end_text: Option<String>,
    created_text: String,
    updated_at: i64,
}

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["http", port, file, threads] => http(port.parse()?, std::fs::read(file)?, threads.parse()?),
        ["read", url, seconds, file] => {
            let ids = std::fs::read_to_string(file)?;
            let ids: Vec<&str> = ids.lines().filter_map(|line| line.split(',').next()).collect();
            let mut db = open(url)?;
            let mut next = ids.iter().cycle();
            repeat(seconds.parse()?, || {
                let id = next.next().ok_or("there are no ids")?;
                on!(&mut db, connection => roles::table.find(id).first::<Role>(connection))?;
                Ok(())
            })
        }
        ["commit", url, seconds] => {
            let mut db = open(url)?;
            let anew = "DROP TABLE IF EXISTS bench_commits; \
                CREATE TABLE bench_commits (id BIGINT PRIMARY KEY, value TEXT NOT NULL)";
            on!(&mut db, connection => connection.batch_execute(anew))?;
            let value = "x".repeat(200);
            let mut id = 0;
            repeat(seconds.parse()?, || {
                id += 1;
                let row = (bench_commits::id.eq(id), bench_commits::value.eq(&value));
                let insert = diesel::insert_into(bench_commits::table).values(row);
                on!(&mut db, connection => insert.execute(connection))?;
                Ok(())
            })
        }
        // `cargo bench` runs every target without arguments.
        _ => Ok(()),
    }
}

/// A connection with the settings of the server: an answered commit is on disk.
fn open(url: &str) -> Result<Db, Box<dyn Error>> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let mut db = SqliteConnection::establish(path)?;
        db.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")?;
        return Ok(Db::Sqlite(db));
    }
    Ok(Db::Postgres(PgConnection::establish(url)?))
}

fn repeat(seconds: f64, mut round: impl FnMut() -> Outcome) -> Outcome {
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        round()?;
        rounds += 1;
    }
    writeln!(std::io::stdout(), "{rounds} {:.1}", f64::from(rounds) / start.elapsed().as_secs_f64())?;
    Ok(())
}

#[actix_web::main]
async fn http(port: u16, body: Vec<u8>, threads: usize) -> Outcome {
    let body = web::Bytes::from(body);
    let server = HttpServer::new(move || {
        let body = body.clone();
        let answer = move || {
            let body = body.clone();
            async move { HttpResponse::Ok().content_type("application/fhir+json").body(body) }
        };
        App::new().default_service(web::to(answer))
    });
    server.workers(threads).bind(("127.0.0.1", port))?.run().await?;
    Ok(())
}
