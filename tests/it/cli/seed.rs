//! `onbehalf seed`: all of a file or nothing of it, and twice equals once.

use rstest::rstest;
use serde_json::{Value, json};

use super::counts;
use crate::support::{Backend, Ended, Folder, SANDBOX_DATA, TestDatabase, seed};

fn run_seed(folder: &Folder, database: &TestDatabase, text: &str) -> Ended {
    let file = folder.write("data.json", text);
    let environment = [("ONBEHALF__CONTRACT__NHS_NUMBER_CHECK", "length")];
    folder.run_in(&["seed", &file, "--database", &database.url], &environment)
}

#[rstest]
fn seeding_is_idempotent(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let first = run_seed(&folder, &database, SANDBOX_DATA).well();
    assert!(first.contains("48 people") && first.ends_with("1 access request\n"), "{first}");
    let before = counts(&database.url);
    let second = run_seed(&folder, &database, SANDBOX_DATA).well();
    assert!(second.contains("new: 0 people, 0 relationships, 0 roles, 0 access requests"), "{second}");
    assert_eq!(counts(&database.url), before);
}

// covers USE-16
#[rstest]
fn seed_file_of_the_help_is_accepted_with_default_settings(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let help = folder.run(&["seed", "--help"]).well();
    assert!(help.contains("examples/people.json"), "{help}");
    let file = format!("{}/examples/people.json", env!("CARGO_MANIFEST_DIR"));
    let found = folder.run(&["seed", &file, "--database", &database.url]).well();
    assert_eq!(found, "new: 2 people, 1 relationship, 1 role, 0 access requests\n");
}

/// A file with two people and one role between them.
fn sound() -> Value {
    let numbers = seed::nhs_numbers(2);
    let mut file = seed::people(&numbers);
    file["consents"] = json!([{
        "id": "0a0e6f2c-8f3d-4a49-8d0e-4a5c1f1c7b11",
        "performer": numbers[0],
        "patient": numbers[1],
        "status": "active",
        "status_reason": { "code": "ROLE_CREATED" },
        "legal_basis": "consent",
        "grantor_ods": "A20047",
        "period": { "start": "2020-01-01" },
        "date_time": "2020-01-01",
        "last_updated": "2020-01-01T00:00:00Z",
    }]);
    file
}

fn with(pointer: &str, value: Value) -> String {
    let mut file = sound();
    *file.pointer_mut(pointer).expect("there is such an element") = value;
    file.to_string()
}

#[rstest]
fn invalid_seed_file_changes_nothing_and_is_reported_without_its_data(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, folder) = (TestDatabase::migrated(backend), Folder::new());
    let numbers = seed::nhs_numbers(2);
    let twice = {
        let mut file = sound();
        let mut role = file["consents"][0].clone();
        (role["performer"], role["patient"]) = (role["patient"].clone(), role["performer"].clone());
        file["consents"].as_array_mut().expect("a list").push(role);
        file.to_string()
    };
    for (name, text) in [
        ("empty", String::new()),
        ("not JSON", sound().to_string()[1..].to_owned()),
        ("cut off", {
            let text = sound().to_string();
            text[..text.len() - 5].to_owned()
        }),
        ("wrong NHS number", with("/people/1/nhs_number", json!("12345"))),
        ("wrong use of a name", with("/people/1/name/use", json!(numbers[0]))),
        ("wrong status", with("/consents/0/status", json!("alive"))),
        ("wrong date", with("/consents/0/date_time", json!("2020-13-01"))),
        ("no grantor", with("/consents/0/grantor_ods", Value::Null)),
        ("unknown proxy", with("/consents/0/performer", json!(seed::nhs_numbers(3)[2]))),
        ("own proxy", with("/consents/0/performer", json!(numbers[1]))),
        ("the same id twice", twice),
        (
            "misspelt member",
            sound()
                .to_string()
                .replace("\"birth_date\"", "\"birthdate\"")
                .replace("\"grantor_ods\"", "\"grantor\""),
        ),
        ("misspelt list", sound().to_string().replace("\"consents\"", "\"roles\"")),
        ("number as a number", with("/people/1/nhs_number", json!(numbers[1].parse::<u64>().unwrap()))),
    ] {
        let ended = run_seed(&folder, &database, &text);
        assert_eq!(ended.code, Some(1), "{name}: {}", ended.printed());
        assert!(!ended.stderr.is_empty() && !ended.stderr.contains("panicked"), "{name}: {}", ended.stderr);
        for number in &seed::nhs_numbers(3) {
            assert!(!ended.printed().contains(number), "{name}: {}", ended.printed());
        }
        assert_eq!(counts(&database.url), [0; 9], "{name}");
    }
    run_seed(&folder, &database, &sound().to_string()).well();
    assert_eq!(counts(&database.url)[0], 2);
}

#[test]
fn missing_file_is_reported() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let ended = folder.run(&["seed", "nowhere.json", "--database", &database.url]);
    super::assert_one_sentence(&ended, "nowhere.json");
}

// covers USE-15
#[test]
fn json_file_in_another_format_is_rejected_as_seed() {
    let (database, folder) = (TestDatabase::migrated(Backend::Sqlite), Folder::new());
    let consent = include_str!("../../../examples/consent-create.json");
    for text in ["[]", "[[], [], [], []]", "{}", "{\"people\": []}", consent] {
        let ended = run_seed(&folder, &database, text);
        assert_eq!(ended.code, Some(1), "{text}: {}", ended.printed());
    }
}
