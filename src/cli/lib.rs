//! The command line: one verb per file.

mod audit;
mod backup;
mod config;
mod describe;
mod doctor;
mod export;
mod identity;
mod import;
mod jobs;
mod keys;
mod migrate;
mod sandbox;
mod sandbox_identity;
mod seed;
mod seed_file;
mod serve;
mod subscriptions;
mod verb;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use ::config::{Faults, Sources};

pub use seed_file::SeedFile;
use verb::failure::{CommandFailure, complain};
use verb::output::Output;

/// OnBehalf: who may act for whom in digital health.
///
/// A proxy (a parent, a carer, an attorney) acts for a patient. This service stores the roles, answers who
/// may act for whom, and keeps every version of every role. Try it with `onbehalf sandbox`.
#[derive(Parser)]
#[command(name = "onbehalf", version, about, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    common: Common,
}

#[derive(Args)]
struct Common {
    /// Read settings from this TOML file. `onbehalf config default` prints every setting with its description
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listen on this address and port, for example 127.0.0.1:8080
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// Use this database: sqlite:PATH or `postgres://USER@HOST/NAME`
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
}

#[derive(Subcommand)]
enum Verb {
    /// Run the server. Needs a migrated database and an access policy in the settings
    Serve,
    /// Run a demonstration: a database of invented people, open to every caller on this machine
    Sandbox {
        /// Keep the data of the last run, instead of starting afresh
        #[arg(long)]
        keep: bool,
    },
    /// Migrate the database to the schema of this version, or undo migrations
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Fill a database from a file of people, relationships, roles and access requests
    ///
    /// The format is that of examples/people.json. Existing entries are not changed. (The numbers of
    /// examples/sandbox-data.json have wrong check digits: it needs `contract.nhs_number_check = "length"`.)
    Seed {
        /// The JSON file
        file: PathBuf,
    },
    /// Import roles of another system: NDJSON of Consent, or CSV
    ///
    /// Every line is validated like a create through the API. Existing roles are never overwritten. To
    /// continue a run that was stopped, run the same command again. Exit code 1 when any line was not
    /// imported.
    Import(import::ImportOptions),
    /// Write every role as NDJSON of Consent
    Export(export::ExportOptions),
    /// Copy an SQLite database to a file while the service runs, and check the copy
    ///
    /// The keys and secrets of the settings are separate files: back them up elsewhere.
    Backup {
        /// The file to write
        file: PathBuf,
        /// Replace the file if it exists
        #[arg(long)]
        force: bool,
    },
    /// Check the integrity of the audit record
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// List the subscriptions and their deliveries, or switch one off
    Subscriptions(subscriptions::SubscriptionsCommand),
    /// List the keys that sign tokens, or add new ones
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// List the service's jobs, or run one now
    Jobs {
        #[command(subcommand)]
        act: Option<jobs::JobsCommand>,
        #[command(flatten)]
        output: Output,
    },
    /// Check the deployment and suggest fixes
    ///
    /// Checks settings, keys, clock, database, migrations, audit record, certificate, identity providers,
    /// mail and brokers. Changes nothing, and prints no secret. The exit code is 0 only if nothing is wrong.
    Doctor {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Show or check the settings
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Print the completion script of a shell
    Completions(describe::Completions),
    /// Print the manual page, or write one for each command
    Man(describe::Pages),
}

/// Runs the command line of this process. Exit codes: 0 success, 1 failure, 2 wrong arguments or settings.
pub fn run() -> ExitCode {
    // Every file that a command creates is readable by its owner only, whatever the environment's umask.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let arguments = Arguments::parse();
    let Common { config: file, listen, database } = arguments.common;
    let sources = Sources { sandbox: matches!(arguments.verb, Verb::Sandbox { .. }), file, listen, database };
    let result = match arguments.verb {
        Verb::Serve => serve::serve(&sources),
        Verb::Sandbox { keep } => sandbox::sandbox(&sources, keep),
        Verb::Migrate(step) => migrate::migrate(&sources, step),
        Verb::Seed { file } => seed::seed(&sources, &file),
        Verb::Import(options) => import::import(&sources, &options),
        Verb::Export(options) => export::export(&sources, &options),
        Verb::Backup { file, force } => backup::backup(&sources, &file, force),
        Verb::Audit(command) => audit::audit(&sources, command),
        Verb::Subscriptions(command) => subscriptions::subscriptions(&sources, command),
        Verb::Doctor { json } => doctor::doctor(&sources, json),
        Verb::Config(command) => config::config(&sources, command),
        Verb::Jobs { act, output } => jobs::jobs(&sources, act, output),
        Verb::Keys(act) => keys::keys(&sources, act),
        Verb::Completions(asked) => describe::completions(Arguments::command(), &asked),
        Verb::Man(asked) => describe::man(Arguments::command(), &asked),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandFailure::Settings(Faults(faults))) => {
            complain("the settings are not valid:");
            for fault in &faults {
                complain(&format!("  {fault}"));
            }
            ExitCode::from(2)
        }
        Err(CommandFailure::Other(sentence)) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
    }
}
