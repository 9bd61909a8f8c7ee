//! The use cases of subscriptions, one per file. Each writes its change and its audit record in the
//! transaction that it is given. The API that found the subscription has authorized the caller.

mod binding_token;
mod change_subscription;
pub mod channel;
mod create_subscription;
mod delete_subscription;
pub mod endpoint;
mod give_status;
pub mod numbering;
mod open_socket;
mod owner;
pub mod renderer;
mod resend;
mod rotate_secret;
mod secrets;
pub mod settings;

pub use binding_token::{BINDING_TTL, BindingToken, bind, take_binding};
pub use change_subscription::change_subscription;
pub use create_subscription::{SubscribeError, create_subscription};
pub use delete_subscription::delete_subscription;
pub use give_status::{Next, give_status};
pub use open_socket::{Opened, open_classic_socket, open_socket};
pub use resend::resend;
pub use rotate_secret::rotate_secret;
pub use secrets::{open_headers, open_signing};
