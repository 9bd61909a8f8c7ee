//! Concurrent writes: one of them succeeds, and none overwrites another.

use domain::proxy::{Role, Versioned};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Backend, Response, TestApp, bodies, sql};

const PROXY: &str = "9000000017";
const PATIENT: &str = "9000000033";
const MANY: usize = 64;

fn id_of(created: &Response) -> uuid::Uuid {
    let location = created.header("location").expect("a created role has a Location");
    let (_, id) = location.rsplit_once('/').expect("a Location ends with an id");
    id.parse().expect("the id is a UUID")
}

fn count(app: &TestApp, table: &str, condition: &str) -> i64 {
    let sql = format!("SELECT CAST(count(*) AS TEXT) AS value FROM {table} WHERE {condition}");
    sql::number(&app.store.url().to_string(), &sql)
}

#[rstest]
#[actix_web::test]
async fn concurrent_creates_of_one_pair_create_one_role(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let answers = join_all((0..MANY).map(|_| app.post("/Consent", bodies::consent(PROXY, PATIENT)))).await;

    let created: Vec<&Response> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(created.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!(refused.status_and_code(), (409, "DUPLICATE_RELATIONSHIP".to_owned()));
    }
    let id = id_of(created[0]);
    assert_eq!(count(&app, "roles", &format!("proxy = '{PROXY}' AND patient = '{PATIENT}'")), 1);
    assert_eq!(count(&app, "role_versions", &format!("proxy = '{PROXY}' AND patient = '{PATIENT}'")), 1);
    assert_eq!(count(&app, "role_versions", &format!("id = '{id}' AND version = 1")), 1);
    for table in ["audit_records", "outbox"] {
        let pair = format!("subject_version IS NOT NULL AND proxy = '{PROXY}' AND patient = '{PATIENT}'");
        assert_eq!(count(&app, table, &pair), 1, "{table}");
        assert_eq!(
            count(&app, table, &format!("subject_version IS NOT NULL AND subject = 'Consent/{id}'")),
            1,
            "{table}"
        );
    }
}

/// What one of many changes: most set an end of their own, some a grantor of their own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wish {
    End(String),
    Grantor(String),
}

impl Wish {
    fn of(number: usize) -> Self {
        match number % 4 {
            0 => Self::Grantor(format!("GRANT{number:03}")),
            _ => Self::End(format!("2027-{:02}-{:02}", 1 + number / 28, 1 + number % 28)),
        }
    }

    fn patch(&self) -> Value {
        match self {
            Self::End(day) => json!([{ "op": "replace", "path": "/provision/period/end", "value": day }]),
            Self::Grantor(code) => {
                json!([{ "op": "add", "path": "/extension/-", "value": [bodies::grantor(code)] }])
            }
        }
    }

    /// What was wished between two versions that follow one another.
    fn between(before: &Role, after: &Role) -> Vec<Self> {
        let mut wishes = Vec::new();
        if before.period.end != after.period.end {
            wishes.push(Self::End(
                after.period.end.as_ref().map(|end| end.text().to_owned()).unwrap_or_default(),
            ));
        }
        if before.grantor != after.grantor {
            wishes.push(Self::Grantor(after.grantor.as_ref().map(ToString::to_string).unwrap_or_default()));
        }
        wishes
    }

    /// The role without what a wish can change.
    fn rest(role: &Role) -> Role {
        let mut rest = role.clone();
        rest.period.end = None;
        rest.grantor = None;
        rest
    }
}

/// Each version is its predecessor with one wish that was granted, and every granted wish is there once.
fn assert_each_version_grants_one_wish(versions: &[Versioned<Role>], mut granted: Vec<Wish>) {
    let mut seen = Vec::new();
    for (at, pair) in versions.windows(2).enumerate() {
        let [before, after] = pair else { unreachable!("windows of two") };
        let wishes = Wish::between(&before.value, &after.value);
        assert_eq!(wishes.len(), 1, "version {} changes {wishes:?}", at + 2);
        assert_eq!(Wish::rest(&before.value), Wish::rest(&after.value), "version {}", at + 2);
        seen.extend(wishes);
    }
    seen.sort();
    granted.sort();
    assert_eq!(seen, granted);
}

#[rstest]
#[actix_web::test]
async fn concurrent_changes_never_overwrite_each_other(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let id = id_of(&app.post("/Consent", bodies::consent(PROXY, PATIENT)).await);
    let path = format!("/Consent/{id}");
    let wishes: Vec<Wish> = (0..MANY).map(Wish::of).collect();
    let answers = join_all(wishes.iter().map(|wish| app.patch(&path, wish.patch()))).await;

    let mut granted = Vec::new();
    for (wish, answer) in wishes.into_iter().zip(&answers) {
        match answer.status {
            200 => granted.push(wish),
            // A concurrent change came first and the service reports it; nothing else may go wrong.
            503 => {}
            _ => panic!("{wish:?}: {:?}", answer.status_and_code()),
        }
    }
    assert!(granted.len() >= MANY / 2, "only {} of {MANY} came through", granted.len());
    let versions = app.look(move |tx| tx.list_role_versions(id)).await;
    let numbers: Vec<i64> = versions.iter().map(|version| version.version).collect();
    let expected: Vec<i64> = (1_i64..).take(granted.len() + 1).collect();
    assert_eq!(numbers, expected, "the history has a gap or a version too many");
    let present = app.look(move |tx| tx.find_role(id)).await;
    assert_eq!(present.as_ref(), versions.last());
    for table in ["audit_records", "outbox"] {
        let written =
            count(&app, table, &format!("subject_version IS NOT NULL AND subject = 'Consent/{id}'"));
        assert_eq!(usize::try_from(written), Ok(versions.len()), "{table}");
    }
    assert_each_version_grants_one_wish(&versions, granted);
}

#[rstest]
#[actix_web::test]
async fn concurrent_ends_of_one_role_end_it_once(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    let id = id_of(&app.post("/Consent", bodies::consent(PROXY, PATIENT)).await);
    let path = format!("/Consent/{id}");
    let end = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
    let answers = join_all((0..MANY).map(|_| app.patch(&path, &end))).await;

    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!(refused.status_and_code(), (422, "INVALID_STATE_TRANSITION".to_owned()));
    }
    let mut topics = app.look(move |tx| tx.list_topics(&format!("Consent/{id}"))).await;
    topics.sort();
    assert_eq!(topics, ["proxy-role-changed", "proxy-role-created"]);
}

/// A role is created, and then changed, within one millisecond: subscribers must receive the events in this
/// order.
#[rstest]
#[actix_web::test]
async fn events_of_one_millisecond_keep_the_order_of_the_versions(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let app = TestApp::strict(backend).await;
    for proxy in [PROXY, "9000000009", "9991001018", "9000000025"] {
        for patient in [PATIENT, "9736898148", "9736898644"] {
            let id = id_of(&app.post("/Consent", bodies::consent(proxy, patient)).await);
            let ended = bodies::move_to("inactive", &[bodies::reason("ROLE_DEACTIVATED_SAFEGUARDING")]);
            assert_eq!(app.patch(&format!("/Consent/{id}"), ended).await.status, 200);
            let topics = app.look(move |tx| tx.list_topics(&format!("Consent/{id}"))).await;
            assert_eq!(topics, ["proxy-role-created", "proxy-role-changed"]);
        }
    }
}
