//! Events reach whoever must know: numbering, delivery, what goes wrong on the way.

mod brokers;
mod calls;
mod deliver;
mod failures;
mod shared;
mod stage;
