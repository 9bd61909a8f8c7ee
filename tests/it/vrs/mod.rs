//! The Validated Relationships front.

mod smoke;
