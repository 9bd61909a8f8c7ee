//! The settings: read, validated and typed.
//!
//! `default.toml` is compiled in and documents every key. An unknown key is a fault, and all faults are
//! reported at once.

mod contract;
mod jobs;
mod oauth;
mod provider;
mod reader;
mod sections;
mod subscriptions;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Toml};

pub use contract::Contract;
pub use oauth::OAuth;
pub use reader::{DEFAULTS, Faults};
pub use sections::{AccessSettings, Database, Health, Limits, Log, LogFormat, Server, TlsFiles};

pub use subscriptions::SecretsSettings;

use service::event::settings::Subscriptions;
use service::job::settings::{Jobs, Smtp};

use reader::Reader;

/// The settings of the sandbox.
pub const SANDBOX: &str = include_str!("sandbox.toml");

/// The sources of settings besides the defaults and the environment.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Whether the sandbox's settings override the defaults.
    pub sandbox: bool,
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--listen ADDR:PORT`.
    pub listen: Option<String>,
    /// `--database URL`.
    pub database: Option<String>,
}

/// Every setting.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "a field is a section of default.toml, which documents it")]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub access: AccessSettings,
    pub oauth: OAuth,
    pub contract: Contract,
    pub secrets: SecretsSettings,
    pub subscriptions: Subscriptions,
    pub jobs: Jobs,
    pub smtp: Option<Smtp>,
    pub limits: Limits,
    pub log: Log,
    pub health: Health,
}

impl Sources {
    /// Reads and validates the settings.
    ///
    /// # Errors
    ///
    /// [`Faults`] with every fault.
    pub fn load(&self) -> Result<Config, Faults> {
        let mut reader = self.reader()?;
        let config = Config::read(&mut reader);
        reader.finish()?;
        config.ok_or_else(|| Faults(vec!["the configuration cannot be read".to_owned()]))
    }

    /// The settings in force as TOML text, without secrets.
    ///
    /// # Errors
    ///
    /// [`Faults`] where a source cannot be read.
    pub fn show(&self) -> Result<String, Faults> {
        Ok(self.reader()?.show())
    }

    fn reader(&self) -> Result<Reader, Faults> {
        let mut figment = Figment::from(Toml::string(DEFAULTS));
        if self.sandbox {
            figment = figment.merge(Toml::string(SANDBOX));
        }
        if let Some(file) = &self.file {
            figment = figment.merge(Toml::string(&read_file(file)?));
        }
        figment = figment.merge(Env::prefixed("ONBEHALF__").split("__"));
        for (key, value) in [("server.listen", &self.listen), ("database.url", &self.database)] {
            if let Some(value) = value {
                figment = figment.merge((key, value));
            }
        }
        Reader::new(&figment)
    }
}

fn read_file(file: &Path) -> Result<String, Faults> {
    std::fs::read_to_string(file).map_err(|error| {
        Faults(vec![format!("cannot read the configuration file {}: {error}", file.display())])
    })
}

impl Config {
    fn read(reader: &mut Reader) -> Option<Self> {
        // Every section is read before faults are returned, so that all faults are found.
        let server = Server::read(reader);
        let database = Database::read(reader);
        let contract = Contract::read(reader);
        let access =
            AccessSettings::read(reader, contract.as_ref().map(|contract| contract.nhs_number_check));
        let oauth = OAuth::read(reader, server.as_ref());
        let secrets = SecretsSettings::read(reader);
        let subscriptions = subscriptions::read(reader, server.as_ref());
        let jobs = jobs::read(reader);
        let smtp = jobs::read_smtp(reader);
        let limits = Limits::read(reader);
        let log = Log::read(reader);
        let health = Health::read(reader);
        Some(Self {
            server: server?,
            database: database?,
            access: access?,
            oauth: oauth?,
            contract: contract?,
            secrets: secrets?,
            subscriptions: subscriptions?,
            jobs: jobs?,
            smtp: smtp?,
            limits: limits?,
            log: log?,
            health: health?,
        })
    }
}
