//! What becomes of a role: its states, its end, the switches, the standing of its people.

mod end_date;
mod lifecycle;
mod standing;
mod switches;
