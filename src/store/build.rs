//! Tells Cargo when to rebuild.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The migrations are compiled in, and a macro does not report the files that it has read.
    println!("cargo::rerun-if-changed=../../migrations");
}
