//! Amendment of an access request.

use base::clock::Clock;
use base::error::{Error, ErrorKind};
use domain::account::Caller;
use domain::audit::{Act, Subject};
use domain::event::Topic;
use domain::proxy::{AccessRequest, Versioned};
use store::Tx;

/// Writes the next version of an access request. The same document again makes no version.
///
/// # Errors
///
/// [`ErrorKind::NotFound`]; [`ErrorKind::Unprocessable`] where it names other people than before, for that would be
/// another request.
pub fn change_access_request(
    tx: &mut Tx<'_>,
    clock: &dyn Clock,
    caller: &Caller,
    wanted: AccessRequest,
) -> Result<Versioned<AccessRequest>, Error> {
    let now = clock.now();
    let found = tx.find_access_request(wanted.id, None)?;
    let current = found.ok_or_else(|| Error::new(ErrorKind::NotFound, "there is no such access request"))?;
    if (wanted.proxy, wanted.patient) != (current.value.proxy, current.value.patient) {
        return Err(Error::new(ErrorKind::Unprocessable, "the people of an access request cannot change"));
    }
    let wanted = AccessRequest { reference_code: current.value.reference_code.clone(), ..wanted };
    if wanted == current.value {
        return Ok(current);
    }
    let changed = tx.save_access_request(wanted, current.version, now.max(current.updated_at))?;
    let subject = Subject {
        reference: format!("QuestionnaireResponse/{}", changed.value.id),
        version: changed.version,
        patient: changed.value.patient,
        proxy: changed.value.proxy,
    };
    tx.record(Act::AccessRequestChanged, caller, &subject, now)?;
    tx.publish(Topic::AccessRequestSubmitted, &subject, now)?;
    Ok(changed)
}
