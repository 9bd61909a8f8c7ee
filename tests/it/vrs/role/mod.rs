//! Roles: states, end, switches, standing of people.

mod end_date;
mod lifecycle;
mod standing;
mod switches;
