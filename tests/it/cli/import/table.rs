//! A table: each row is the Consent that its cells say.

use rstest::rstest;
use serde_json::json;

use super::{Desk, report};
use crate::support::{Backend, sql};

const HEADER: &str = "proxy_nhs_number,patient_nhs_number,status,reason_code,reason_text,legal_basis,grantor_ods,start,end,decided";

#[rstest]
fn import_table_row_becomes_its_consent(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let desk = Desk::new(backend, 5);
    let [one, two, three, four, _] = &desk.people[..] else { panic!("five people") };
    let rows = [
        format!(
            "{one},{two},active,ROLE_CREATED,,parental-responsibility,A20047,2020-01-01,2099-12-31,2020-01-01T09:00:00Z"
        ),
        format!(
            "{one},{three},inactive,OTHER,\"Moved, with\nthe family\",UNK,B81001,2020-01-01,2021-06-30,2020-01-01"
        ),
        format!(" {four} ,{three},active,ROLE_CREATED,,consent,A20047,,,2020"),
    ];
    let text = format!("\u{feff}{HEADER}\r\n{}\r\n", rows.join("\r\n"));
    let file = desk.folder.write("roles.csv", &text);
    let found = desk.import(&file, &[]).well();
    assert!(found.contains("roles: 3 created") && found.contains("B81001\t1\t0\t0\t0"), "{found}");
    let written = sql::values(
        &desk.database.url,
        "SELECT status || '|' || reason_code || '|' || COALESCE(reason_text, '') || '|' || legal_basis || '|' || \
         grantor || '|' || COALESCE(start_text, '') || '|' || COALESCE(end_text, '') || '|' || created_text AS value \
         FROM roles ORDER BY id",
    );
    assert_eq!(
        written,
        [
            "active|ROLE_CREATED||parental-responsibility|A20047|2020-01-01|2099-12-31|2020-01-01T09:00:00Z",
            "inactive|OTHER|Moved, with\nthe family|UNK|B81001|2020-01-01|2021-06-30|2020-01-01",
            "active|ROLE_CREATED||consent|A20047|||2020",
        ]
    );
    assert!(desk.import(&file, &[]).well().contains("roles: 0 created, 3 same"));
    assert_eq!(desk.roles(), 3);
}

#[rstest]
fn rejected_table_row_is_reported_by_line_and_column(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let desk = Desk::new(backend, 4);
    let [one, two, three, _] = &desk.people[..] else { panic!("four people") };
    let rows = [
        format!("{one},{two},active,ROLE_CREATED,,consent,A20047,2020-01-01,,2020-01-01"),
        format!("{one},123,active,ROLE_CREATED,,consent,A20047,2020-01-01,,2020-01-01"),
        format!("{one},{three},active,ROLE_CREATED,,consent,A20047,01/02/2020,,2020-01-01"),
        format!("{one},{three},active,ROLE_LOST,,consent,A20047,2020-01-01,,2020-01-01"),
        format!("{one},{three},active,ROLE_CREATED,,consent,?,2020-01-01,,2020-01-01"),
        format!("{one},{three},active,ROLE_CREATED,,consent,A20047,2020-01-01,2020-02-01,2020-01-01"),
        format!("{one},{three},active"),
        format!("{one},{three},active,ROLE_CREATED,,consent,A20047,2020-01-01,,"),
        format!(",{three},active,ROLE_CREATED,,consent,A20047,2020-01-01,,2020-01-01"),
    ];
    let file = desk.folder.write("roles.csv", &format!("{HEADER}\n{}\n", rows.join("\n")));
    let ended = desk.import(&file, &["--report", "left.ndjson"]);
    assert_eq!(ended.code, Some(1));
    let found: Vec<_> = report(&desk.folder, "left.ndjson")
        .iter()
        .map(|line| json!([line["line"], line["issue"][0]["column"]]))
        .collect();
    let wanted = [
        json!([3, "patient_nhs_number"]),
        json!([4, "start"]),
        json!([5, "reason_code"]),
        json!([6, "grantor_ods"]),
        json!([7, "end"]),
        json!([8, null]),
        json!([9, "decided"]),
        json!([10, "proxy_nhs_number"]),
    ];
    assert_eq!(found, wanted);
    desk.assert_tells_of_nobody(&ended.printed());
    assert_eq!(desk.roles(), 1);
}

#[test]
fn import_table_with_wrong_columns_is_rejected() {
    let desk = Desk::new(Backend::Sqlite, 2);
    for (header, says) in [
        (HEADER.replace("decided", "colour"), "column 10 of the header is not one of"),
        (HEADER.replace(",decided", ""), "the header lacks the column decided"),
        (format!("{HEADER},status"), "the header has the column status twice"),
        (String::new(), "the header lacks the column proxy_nhs_number"),
    ] {
        let file = desk.folder.write("roles.csv", &format!("{header}\n"));
        crate::cli::assert_one_sentence(&desk.import(&file, &[]), says);
    }
    let kept = desk.import(&desk.folder.write("roles.csv", HEADER), &["--as-exported"]);
    crate::cli::assert_one_sentence(&kept, "--as-exported is for NDJSON");
}
