//! What is written back as it was read makes no new version, in whatever order its members stand: an object of JSON has
//! none, and XML has another. Roles and relationships are compared column by column; a document is compared here, by its
//! content, before the transaction that writes it. A number counts with its digits: `1.50` is another decimal than `1.5`.

use crate::resource::kind::Draft;
use crate::resource::stored::Stored;
use crate::resource::{questionnaire_response, subscription};
use base::error::Error;

/// Makes the document of a draft the very one that is stored, where both say the same.
pub(crate) fn settle(draft: &mut Draft, current: &Stored) -> Result<(), Error> {
    match draft {
        Draft::AccessRequest(given) => questionnaire_response::settle(given, current),
        Draft::Subscription(given) => subscription::settle(given, current),
        Draft::Role(_) | Draft::Relationship(_) => Ok(()),
    }
}
