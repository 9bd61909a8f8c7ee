//! `onbehalf sandbox`: the demonstration.

use std::net::SocketAddr;

use chrono::{Months, NaiveDate};

use crate::sandbox_identity::{SandboxIdentity, identity};
use crate::seed;
use crate::seed_file::SeedFile;
use crate::serve::{listen, public_url, run, survive_hang_up};
use crate::verb::database::open_serving_store;
use crate::verb::failure::{CommandFailure, say};
use api_vrs as vrs;
use base::clock::{Clock as _, SystemClock};
use base::error::Error;
use config::Sources;
use service::policy::AccessPolicy;
use service::proxy as command;
use service::proxy::Seeded;
use store::{SANDBOX_MARK, Store};
use web::observe;

/// The people, relationships, roles and the access request of the sandbox.
const DATA: &str = include_str!("../../examples/sandbox-data.json");
/// More people, whose ages are relative to the current date.
const PEOPLE: &str = include_str!("../../examples/sandbox-people.json");

pub(super) fn sandbox(sources: &Sources, keep: bool) -> Result<(), CommandFailure> {
    let config = sources.load()?;
    if !config.server.listen.ip().is_loopback() {
        let message =
            "the sandbox is open to every caller, so it listens on loopback only (127.0.0.1 or [::1])";
        return Err(CommandFailure::Other(message.to_owned()));
    }
    survive_hang_up()?;
    observe::start_log(&config.log);
    let listener = listen(&config)?;
    let store = open_serving_store(&config)?;
    // A second sandbox must not empty the database of the first, whatever its port.
    let _claim = store.claim_sole_use()?.ok_or_else(|| {
        CommandFailure::Other(format!(
            "another sandbox is running on the database {}: stop it, or give this one a database of its own, as in \
             --database sqlite:another.sqlite",
            store.url()
        ))
    })?;
    prepare(&store, keep)?;
    let today = SystemClock.now().date_naive();
    let mut seeded = Seeded::default();
    for text in [DATA, &with_birthdays(PEOPLE, today)] {
        let data = SeedFile::parse(text).and_then(|data| data.read(config.contract.nhs_number_check));
        let data = data.map_err(CommandFailure::Other)?;
        seeded += store.write_here::<_, Error, _>(|tx| command::seed(tx, &SystemClock, data))?;
    }
    let address = listener.local_addr().map_err(|error| CommandFailure::Other(error.to_string()))?;
    say(&format!("database {} ({})", store.url(), seed::describe(seeded)));
    let SandboxIdentity { identity, message } = identity(&public_url(&config, address), &config)?;
    say(&welcome(address, &message));
    run(&config, store, AccessPolicy::Open, listener, identity)
}

/// Replaces each birth date that is given as a number of years ago by a date: a month before the current day,
/// so that the age stays the same for eleven more months.
fn with_birthdays(text: &str, today: NaiveDate) -> String {
    (0..120).fold(text.to_owned(), |text, years| {
        let born = today.checked_sub_months(Months::new(12 * years + 1)).unwrap_or(today);
        text.replace(&format!("\"{years} years ago\""), &format!("\"{born}\""))
    })
}

/// Empties the database, unless it is to be kept, and marks it as the sandbox's. A database with other data
/// is not changed.
fn prepare(store: &Store, keep: bool) -> Result<(), CommandFailure> {
    if !store.is_empty()? {
        let mark = store.write_here::<_, Error, _>(|tx| tx.find_setting(SANDBOX_MARK));
        if !mark.is_ok_and(|mark| mark.is_some()) {
            let place = store.url();
            let message =
                format!("the database {place} is not a sandbox's, so the sandbox does not change it");
            return Err(CommandFailure::Other(message));
        }
        if keep {
            store.migrate_up()?;
            return Ok(());
        }
        store.migrate_down(usize::MAX)?;
    }
    store.migrate_up()?;
    store.write_here::<_, Error, _>(|tx| tx.insert_setting(SANDBOX_MARK, "true"))?;
    Ok(())
}

fn welcome(address: SocketAddr, apps: &str) -> String {
    let base = format!("http://{address}{}", vrs::BASE_PATH);
    let id = "-H 'X-Request-ID: 60e0b220-8136-4ca5-ae46-1d97ef59d068'";
    format!(
        "
  SANDBOX: OPEN ACCESS. Every caller that reaches this port can read and change everything.
  Invented people only. Stop it with Ctrl-C.

  For a guided tour open this page in a browser: http://{address}/

Who can Lisa Thompson act for?

  curl {id} '{base}/Consent?performer:identifier=9000000017&status=active&_include=Consent:patient'

How is she related to them?

  curl {id} '{base}/RelatedPerson?identifier=9000000017&_include=RelatedPerson:patient'

End a role for a safeguarding concern:

  curl -i -X PATCH {id} -H 'Content-Type: application/json-patch+json' '{base}/Consent/6b71ac92-baa3-4b76-b0f5-a601257e2722' -d '[{{\"op\":\"replace\",\"path\":\"/status\",\"value\":\"inactive\"}},{{\"op\":\"add\",\"path\":\"/extension/-\",\"value\":[{{\"url\":\"https://fhir.nhs.uk/England/StructureDefinition/Extension-England-Consent-Status-Reason\",\"valueCodeableConcept\":{{\"coding\":[{{\"system\":\"https://fhir.nhs.uk/England/CodeSystem/England-ConsentStatusReason\",\"code\":\"ROLE_DEACTIVATED_SAFEGUARDING\"}}]}}}}]}}]'

{apps}
"
    )
}
