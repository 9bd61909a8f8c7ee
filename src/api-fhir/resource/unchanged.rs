//! Writing a resource back as it was read creates no version, whatever the order of its members: JSON
//! objects have none, and XML has another. Roles and relationships are compared column by column; a document
//! is compared here, by its content, before the write transaction. A number counts with its digits: `1.50` is
//! another decimal than `1.5`.

use crate::resource::definition::ResourceDraft;
use crate::resource::stored_resource::StoredResource;
use crate::resource::{questionnaire_response, subscription};
use base::error::Error;

/// Replaces the document of a draft by the stored one, if their content is equal.
pub(crate) fn keep_if_unchanged(draft: &mut ResourceDraft, current: &StoredResource) -> Result<(), Error> {
    match draft {
        ResourceDraft::AccessRequest(given) => questionnaire_response::keep_if_unchanged(given, current),
        ResourceDraft::Subscription(given) => subscription::keep_if_unchanged(given, current),
        ResourceDraft::Role(_) | ResourceDraft::Relationship(_) => Ok(()),
    }
}
