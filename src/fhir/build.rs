//! Lists the conformance resources of `fhir-profiles/`, so that a file that is added there is compiled in without a
//! second list: `OUT_DIR/conformance_resources.rs` is one array expression, which `profiles.rs` includes.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// From this crate's folder.
const FOLDER: &str = "../../fhir-profiles";

#[expect(clippy::disallowed_methods, reason = "this is how Cargo says where to read and write")]
fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let folder = Path::new(&variable("CARGO_MANIFEST_DIR")?).join(FOLDER);
    // Cargo watches every file below a folder.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(json_files(&path)?);
        }
    }
    // By folder, and within it by name, in any order of the file system.
    files.sort_by(|one, other| key(one).cmp(&key(other)));
    let mut list = String::from("&[\n");
    for file in &files {
        // Without paths of the machine: the list is the same on every machine.
        let name = file.strip_prefix(&folder).map_err(io::Error::other)?.display().to_string();
        let path = format!("/{FOLDER}/{name}");
        writeln!(list, "    include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), {path:?})),")
            .map_err(io::Error::other)?;
    }
    list.push_str("]\n");
    fs::write(Path::new(&variable("OUT_DIR")?).join("conformance_resources.rs"), list)
}

fn json_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let is_json = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "json");
    Ok(paths.collect::<io::Result<Vec<_>>>()?.into_iter().filter(is_json).collect())
}

fn key(file: &Path) -> (Option<&Path>, Option<&std::ffi::OsStr>) {
    (file.parent(), file.file_stem())
}
