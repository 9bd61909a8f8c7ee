//! What Cargo cannot be told otherwise.

use std::env;

#[expect(clippy::disallowed_methods, reason = "this is how Cargo says for what it builds")]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The addresses of a position-independent executable take 2.5 MiB of it unless they are packed (DT_RELR, glibc 2.36).
    let is = |variable: &str, value: &str| env::var(variable).is_ok_and(|is| is == value);
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
