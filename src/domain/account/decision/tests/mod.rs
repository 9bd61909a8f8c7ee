mod apps;
mod fixture;
mod log_in;
mod masking;
mod operands;
mod record;
