//! What Cargo cannot be told otherwise.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // They are compiled in, and a macro does not say which files it has read.
    println!("cargo::rerun-if-changed=../../migrations");
}
