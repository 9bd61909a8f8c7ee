//! Writing a resource back as it was read creates no version, whatever the order of its members: JSON
//! objects have none, and XML has another. Roles and relationships are compared column by column; a document
//! is compared here, by its content, before the write transaction. A number counts with its digits: `1.50` is
//! another decimal than `1.5`.

use crate::resource::kind::Draft;
use crate::resource::stored::Stored;
use crate::resource::{questionnaire_response, subscription};
use base::error::Error;

/// Replaces the document of a draft by the stored one, if their content is equal.
pub(crate) fn settle(draft: &mut Draft, current: &Stored) -> Result<(), Error> {
    match draft {
        Draft::AccessRequest(given) => questionnaire_response::settle(given, current),
        Draft::Subscription(given) => subscription::settle(given, current),
        Draft::Role(_) | Draft::Relationship(_) => Ok(()),
    }
}
