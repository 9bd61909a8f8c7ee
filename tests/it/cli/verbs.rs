//! Help and version.

use crate::support::Folder;

const VERBS: [&str; 8] = ["serve", "sandbox", "migrate", "seed", "import", "export", "backup", "config"];

#[test]
fn help_mentions_every_verb_and_every_common_flag() {
    let help = Folder::new().run(&["--help"]).well();
    for word in VERBS.into_iter().chain(["--config", "--listen", "--database"]) {
        assert!(help.contains(word), "{word} is missing: {help}");
    }
}

#[test]
fn every_verb_has_help() {
    let folder = Folder::new();
    for verb in VERBS {
        let help = folder.run(&[verb, "--help"]).well();
        assert!(help.contains("Usage:") && help.contains(verb), "{help}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = Folder::new().run(&["--version"]).well();
    assert_eq!(version.trim(), format!("onbehalf {}", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_arguments_exit_with_2() {
    let folder = Folder::new();
    for arguments in [&[][..], &["dance"], &["serve", "--dance"], &["migrate"], &["seed"], &["config"]] {
        let ended = folder.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}");
        assert!(ended.printed().contains("Usage:"), "{arguments:?}: {}", ended.printed());
    }
}
