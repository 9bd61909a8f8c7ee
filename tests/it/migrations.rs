//! Migrations up and down, and the schema in the code.

use rstest::rstest;

use crate::support::{Backend, TestDatabase, sql};

const SCHEMA: &str = include_str!("../../src/store/schema.rs");

/// Everything that makes up the schema, as text, in an order that does not hang on when it was made. The months of the audit
/// record follow their table (`audit::months`).
fn schema(database: &TestDatabase) -> Vec<String> {
    let statements: &[&str] = match database.url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "sqlite" => &["SELECT type || ' ' || name || ': ' || coalesce(sql, '') AS value FROM sqlite_master \
                   WHERE name NOT LIKE '%diesel%' ORDER BY 1"],
        _ => &[
            // A place among the columns that are there: one that was taken away leaves a gap in the numbers.
            "SELECT table_name || '.' || column_name || ' ' \
             || row_number() OVER (PARTITION BY table_name ORDER BY ordinal_position) || ' ' || data_type || ' ' || is_nullable \
             || ' ' || coalesce(column_default, '') AS value FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE '%diesel%' \
             AND NOT (SELECT relispartition FROM pg_class WHERE oid = to_regclass(table_name)) ORDER BY 1",
            "SELECT indexdef AS value FROM pg_indexes WHERE schemaname = 'public' AND tablename NOT LIKE '%diesel%' \
             AND NOT (SELECT relispartition FROM pg_class WHERE oid = to_regclass(tablename)) ORDER BY 1",
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS value FROM pg_constraint \
             WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '%diesel%' \
             AND NOT (SELECT relispartition FROM pg_class WHERE oid = conrelid) ORDER BY 1",
        ],
    };
    statements.iter().flat_map(|statement| sql::values(&database.url, statement)).collect()
}

#[rstest]
fn up_down_up_leaves_the_same_schema(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::empty(backend);
    let store = database.open();
    let steps = store.migrate_up().unwrap().len();
    let first = schema(&database);
    assert!(first.len() > 10, "{first:?}");
    assert_eq!(store.migrate_down(usize::MAX).unwrap().len(), steps);
    assert_eq!(schema(&database), Vec::<String>::new());
    assert_eq!(store.migrate_up().unwrap().len(), steps);
    assert_eq!(schema(&database), first);
}

#[rstest]
fn each_step_down_takes_back_exactly_its_step_up(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::empty(backend);
    let store = database.open();
    let steps = store.migrate_up().unwrap().len();
    let mut on_the_way_down = vec![schema(&database)];
    for _ in 0..steps {
        store.migrate_down(1).unwrap();
        on_the_way_down.push(schema(&database));
    }
    assert!(on_the_way_down.windows(2).all(|pair| pair[0] != pair[1]));
    // From every step of the way, the rest of the way up leads to the same end.
    for back in 1..=steps {
        store.migrate_up().unwrap();
        assert_eq!(schema(&database), on_the_way_down[0]);
        store.migrate_down(back).unwrap();
        assert_eq!(schema(&database), on_the_way_down[back]);
    }
}

#[rstest]
fn a_schema_with_data_can_be_taken_back(#[values(Backend::Sqlite, Backend::Postgres)] backend: Backend) {
    let database = TestDatabase::migrated(backend);
    sql::execute(
        &database.url,
        "INSERT INTO people (nhs_number, standing, updated_at) VALUES ('9990000018', 'current', 0), ('9990000026', 'current', 0);
         INSERT INTO person_names (nhs_number, position, name_use, given, prefix, suffix) VALUES ('9990000018', 0, 'usual', '[]', '[]', '[]');
         INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, created_text, created_from, created_to, updated_at)
             VALUES ('a', 1, '9990000018', '9990000026', 'inactive', 'OTHER', 'consent', '2020', 0, 0, 0);
         INSERT INTO role_versions SELECT * FROM roles;",
    );
    let store = database.open();
    store.migrate_down(usize::MAX).unwrap();
    assert_eq!(schema(&database), Vec::<String>::new());
    store.migrate_up().unwrap();
}

/// A column, as `table position name type nullable key`.
type Column = String;

/// The columns that `src/store/schema.rs` declares.
fn declared() -> Vec<Column> {
    let mut columns = Vec::new();
    for table in SCHEMA.split("diesel::table! {").skip(1) {
        let (head, rest) = table.split_once('{').expect("a table has columns");
        let (name, key) = head.trim().trim_end_matches(')').split_once(" (").expect("a table has a key");
        let key: Vec<&str> = key.split(',').map(str::trim).collect();
        let (body, _) = rest.split_once('}').expect("the columns end");
        for (position, line) in body.lines().map(str::trim).filter(|line| line.contains("->")).enumerate() {
            let (column, kind) = line.trim_end_matches(',').split_once(" -> ").expect("a column has a type");
            let inner = kind.strip_prefix("Nullable<").map(|kind| kind.trim_end_matches('>'));
            let sql_type = match inner.unwrap_or(kind) {
                "Text" => "text",
                "BigInt" => "bigint",
                "Integer" => "integer",
                "Bool" => "boolean",
                other => panic!("{name}.{column} has the type {other}"),
            };
            let (is_null, is_key) = (inner.is_some(), key.contains(&column));
            columns.push(format!("{name} {position} {column} {sql_type} {is_null} {is_key}"));
        }
    }
    columns.sort();
    columns
}

/// The columns that the database has.
fn present(database: &TestDatabase) -> Vec<Column> {
    let statement = match database.url.split_once(':').map_or("", |(scheme, _)| scheme) {
        "sqlite" => {
            "SELECT m.name || ' ' || c.cid || ' ' || c.name || ' ' || lower(c.type) || ' ' \
                 || CASE c.\"notnull\" WHEN 1 THEN 'false' ELSE 'true' END || ' ' \
                 || CASE c.pk WHEN 0 THEN 'false' ELSE 'true' END AS value \
                 FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name NOT LIKE '%diesel%' AND m.name NOT LIKE 'sqlite%'"
        }
        _ => {
            "SELECT c.table_name || ' ' || (c.ordinal_position - 1) || ' ' || c.column_name || ' ' || c.data_type || ' ' \
                  || CASE c.is_nullable WHEN 'YES' THEN 'true' ELSE 'false' END || ' ' \
                  || CASE WHEN k.column_name IS NULL THEN 'false' ELSE 'true' END AS value \
                  FROM information_schema.columns c \
                  LEFT JOIN (SELECT u.table_name, u.column_name FROM information_schema.key_column_usage u \
                      JOIN information_schema.table_constraints t USING (constraint_name, table_name) \
                      WHERE t.constraint_type = 'PRIMARY KEY') k \
                  ON k.table_name = c.table_name AND k.column_name = c.column_name \
                  WHERE c.table_schema = 'public' AND c.table_name NOT LIKE '%diesel%' \
                      AND c.table_name NOT IN (SELECT relname FROM pg_class WHERE relispartition)"
        }
    };
    let mut columns = sql::values(&database.url, statement);
    columns.sort();
    columns
}

#[rstest]
fn the_schema_in_the_code_is_the_schema_in_the_database(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    assert_eq!(declared(), present(&database));
}

/// History is copied by `INSERT INTO role_versions SELECT * FROM roles`.
#[rstest]
fn roles_and_their_versions_have_the_same_columns_in_the_same_order(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let columns = |table: &str| -> Vec<String> {
        let all = present(&TestDatabase::migrated(backend));
        let of_table = all.iter().filter_map(|column| column.strip_prefix(&format!("{table} ")));
        of_table.map(|column| column.rsplit_once(' ').expect("a key flag").0.to_owned()).collect()
    };
    assert_eq!(columns("roles"), columns("role_versions"));
}

/// A database in the schema before this step, and the store that takes it further.
fn before(backend: Backend, version: &str) -> (TestDatabase, store::Store, usize) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let steps = store.migrations().unwrap();
    let at = steps.iter().position(|step| step.version == version).expect("there is such a step");
    let back = steps.len() - at;
    store.migrate_down(back).unwrap();
    (database, store, back)
}

// SEC-8.
#[rstest]
fn acting_grants_get_the_users_own_grant_of_the_app_as_their_parent(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let (database, store, back) = before(backend, "20261127000014");
    let grant = |id: &str, app: &str, user: &str, acts: bool, at: i64| {
        let (proxy, role) = if acts { ("'9990000018'", "'r'") } else { ("NULL", "NULL") };
        format!(
            "INSERT INTO grants (id, app, mode, user_id, patient, proxy, role_id, scope, created_at, expires_at) \
             VALUES ('{id}', '{app}', 'citizen', {user}, '9990000026', {proxy}, {role}, '', {at}, 100);"
        )
    };
    let people = "INSERT INTO people (nhs_number, standing, updated_at) VALUES ('9990000018', 'current', 0), ('9990000026', 'current', 0);
         INSERT INTO users (id, created_at, updated_at) VALUES ('u', 0, 0), ('v', 0, 0);
         INSERT INTO roles (id, version, proxy, patient, status, reason_code, legal_basis, grantor, created_text, created_from, created_to, updated_at)
             VALUES ('r', 1, '9990000018', '9990000026', 'active', 'ROLE_CREATED', 'consent', 'A20047', '2020', 0, 0, 0);
         INSERT INTO binding_tokens (digest, owner_key, subscriptions, expires_at) VALUES ('d', 'k', 's', 9);
         INSERT INTO apps (client_id, name, mode, redirect_uris, grant_types, scope, is_dpop_bound, created_at)
             VALUES ('c', 'n', 'citizen', '', 'authorization_code', 'openid', FALSE, 0);";
    let rows = [
        grant("early", "a", "'u'", false, 1),
        grant("own", "a", "'u'", false, 5),
        grant("late", "a", "'u'", false, 9),
        grant("acting", "a", "'u'", true, 7),
        grant("other-app", "b", "'u'", true, 7),
        grant("other-user", "a", "'v'", true, 7),
        grant("by-provider", "a", "NULL", true, 7),
    ];
    sql::execute(&database.url, &format!("{people}{}", rows.concat()));
    store.migrate_up().unwrap();
    let parents = || {
        sql::values(
            &database.url,
            "SELECT id || '<' || parent_id AS value FROM grants WHERE parent_id IS NOT NULL",
        )
    };
    assert_eq!(parents(), ["acting<own"]);
    // A program that does not know the new columns works beside the new one.
    sql::execute(&database.url, &grant("of-the-old-program", "a", "'u'", true, 10));
    assert_eq!(parents(), ["acting<own"]);
    let whole = "SELECT id AS value FROM grants ORDER BY id";
    let before = sql::values(&database.url, whole);
    store.migrate_down(back).unwrap();
    store.migrate_up().unwrap();
    assert_eq!(sql::values(&database.url, whole), before);
}
