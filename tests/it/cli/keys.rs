//! `onbehalf keys`: rotation by the operator.

use crate::support::Folder;

#[test]
fn keys_are_added_and_the_older_ones_stay() {
    let folder = Folder::new();
    let config = folder.write("onbehalf.toml", "[oauth]\nkeys = \"keys\"\n");
    let keys = |act: &str| folder.run(&["keys", act, "--config", &config]).well();
    assert_eq!(keys("rotate").lines().filter(|line| line.starts_with("added ")).count(), 3);
    let first = keys("list");
    // The folder had none: one of each purpose was made, and one more was added.
    assert_eq!(first.lines().count(), 6, "{first}");
    keys("rotate");
    let second = keys("list");
    assert_eq!(second.lines().count(), 9);
    assert!(first.lines().all(|line| second.contains(line)), "{second}");
}

// covers RS-02
#[actix_web::test]
async fn key_rotation_is_loaded_and_older_tokens_stay_valid() {
    use jose::key::{KeyPurpose, KeyRing, add_key};
    use service::authority::{Authority, AuthoritySettings, Lifetimes};
    use std::sync::Arc;
    let folder = tempfile::tempdir().expect("a folder");
    let now = crate::support::beginning();
    let authority = Authority::new(AuthoritySettings {
        issuer: "https://auth.example".to_owned(),
        audiences: Vec::new(),
        key_folder: Some(folder.path().to_owned()),
        keys: Arc::new(KeyRing::open(folder.path(), now).expect("keys")),
        registrations: Vec::new(),
        lifetimes: Lifetimes::default(),
        initial_access: None,
    });
    let sign = || {
        authority.sign(KeyPurpose::AccessToken, "at+jwt", &serde_json::json!({ "a": 1 })).expect("a token")
    };
    let read =
        |token: &str| authority.read_signed::<serde_json::Value>(token, KeyPurpose::AccessToken, "at+jwt");
    let old = sign();
    let added =
        add_key(folder.path(), KeyPurpose::AccessToken, now + chrono::TimeDelta::seconds(1)).expect("a key");
    assert_ne!(jsonwebtoken::decode_header(sign()).expect("a header").kid, Some(added.kid.clone()));
    authority.reload_keys().expect("the folder is read again");
    let new = sign();
    assert_eq!(jsonwebtoken::decode_header(&new).expect("a header").kid, Some(added.kid));
    assert!(read(&old).is_ok() && read(&new).is_ok());
}
