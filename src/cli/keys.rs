//! `onbehalf keys`: the keys that sign tokens.

use clap::Subcommand;
use serde_json::json;

use crate::verb::failure::{CommandFailure, say};
use crate::verb::output::Output;
use base::clock::{Clock as _, SystemClock};
use config::Sources;
use jose::key::KeyPurpose;
use jose::key::{KeyRing, SigningKey, add_key};

#[derive(Clone, Copy, Subcommand)]
pub(super) enum KeysCommand {
    /// Print the keys of the folder, each with its purpose; the last key of a purpose signs
    List(Output),
    /// Add a key for each purpose. Running servers sign with it within five minutes; signatures of the older
    /// keys stay valid as long as their files exist
    Rotate,
}

pub(super) fn keys(sources: &Sources, act: KeysCommand) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    let folder = &config.oauth.keys;
    let failed = |error: jose::key::KeyError| CommandFailure::Other(error.to_string());
    match act {
        KeysCommand::List(output) => {
            let ring = KeyRing::load(folder).map_err(failed)?;
            let signs =
                |key: &SigningKey| ring.newest(key.purpose).is_some_and(|newest| newest.kid == key.kid);
            let document = |key: &SigningKey| json!({ "purpose": key.purpose.as_str(), "kid": key.kid, "signs": signs(key) });
            output.print(
                || ring.iter().map(document).collect(),
                || ring.iter().map(|key| format!("{} {}", key.purpose.as_str(), key.kid)).collect(),
            );
        }
        KeysCommand::Rotate => {
            let now = SystemClock.now();
            KeyRing::open(folder, now).map_err(failed)?;
            for purpose in KeyPurpose::ALL {
                let key = add_key(folder, purpose, now).map_err(failed)?;
                say(&format!("added {} {}", purpose.as_str(), key.kid));
            }
        }
    }
    Ok(())
}
