//! People: who they are in the registry, and whether they may appear in an answer.

pub mod nhs_number;
#[expect(clippy::module_inception, reason = "the room is named after what it holds")]
pub mod person;
pub mod standing;
pub mod state;

pub use nhs_number::{NhsNumber, NumberCheck};
pub use person::{HumanName, NameUse, Person};
pub use standing::Standing;
pub use state::{PersonOperation, PersonState, Verdict, decide_person};
