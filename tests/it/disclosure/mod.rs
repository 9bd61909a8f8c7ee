//! What callers see of other people at each instant, by every interaction. The interactions are generated:
//! from the table of routes, and from the parameters and includes that the CapabilityStatement lists, which
//! are those of the tables.

mod ended;
mod masked;
mod reach;
mod strangers;
mod upgrade;
mod writes;

use api_fhir::BASE_PATH;
use serde_json::Value;

use crate::fhir::bodies::{DEFINITIONS, role};
use crate::fhir::client::{get, post, send_well};
use crate::fhir::scopes::{citizen, issuing};
use crate::fhir::subscription::id_of;
use crate::support::{Backend, Request, Response, TestApp, sql};
use crate::vrs::callers::SYSTEM;
use crate::vrs::known::LONER;

/// A person whom no other test uses, with unique details.
#[derive(Clone, Copy)]
pub struct Invented {
    pub number: &'static str,
    pub family: &'static str,
    pub birth_date: &'static str,
    pub practice: &'static str,
}

/// The patient of the tests of this folder.
pub const PATIENT: Invented =
    Invented { number: "9000000408", family: "Quillfeather", birth_date: "1961-07-19", practice: "Q90901" };

/// A server with the patient and a role of theirs: the server, the role's id, and a token of the proxy.
async fn begin(backend: Backend) -> (TestApp, String, String) {
    let app = issuing(backend).await;
    PATIENT.register(&app, "current", true);
    let made = send_well(&app, post("/Consent", &role(LONER, PATIENT.number)).bearer(SYSTEM), 201).await;
    let token = app.token(&citizen(LONER), "user/*.cruds").await;
    (app, id_of(&made), token)
}

impl Invented {
    /// Puts them into the registry.
    pub fn register(&self, app: &TestApp, standing: &str, has_practice: bool) {
        let Self { number, family, birth_date, practice } = self;
        let practice = if has_practice { format!("'{practice}'") } else { "NULL".to_owned() };
        let folded = family.to_lowercase();
        sql::execute(
            &app.database_url(),
            &format!(
                "INSERT INTO people (nhs_number, standing, birth_date, birth_from, birth_to, practice, updated_at)
                     VALUES ('{number}', '{standing}', '{birth_date}', -266889600000, -266803200001, {practice}, 0);
                 INSERT INTO person_names (nhs_number, position, name_use, family, given, prefix, suffix)
                     VALUES ('{number}', 0, 'usual', '{family}', '[]', '[]', '[]');
                 INSERT INTO person_name_parts (nhs_number, position, part, value, folded)
                     VALUES ('{number}', 0, 'family', '{family}', '{folded}');"
            ),
        );
    }

    /// Whether a response holds one of their details.
    pub fn is_described_in(&self, text: &str) -> bool {
        [self.family, self.birth_date, self.practice].iter().any(|detail| text.contains(detail))
    }
}

/// The response's resource as text, without links, which repeat the search.
pub fn text_of(answer: &Response) -> String {
    let Ok(mut body) = serde_json::from_slice::<Value>(&answer.body) else {
        return String::from_utf8_lossy(&answer.body).into_owned();
    };
    if let Some(members) = body.as_object_mut() {
        members.remove("link");
    }
    body.to_string()
}

/// What the CapabilityStatement says of each type.
pub struct ClaimedSearches {
    pub kind: String,
    /// Names and types.
    pub params: Vec<(String, String)>,
    pub includes: Vec<String>,
    pub reverse_includes: Vec<String>,
}

pub async fn claims(app: &TestApp) -> Vec<ClaimedSearches> {
    let statement = send_well(app, get("/metadata"), 200).await;
    let rest = &statement["rest"][0];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of_all = list(&rest["searchParam"]);
    let resources = list(&rest["resource"]);
    let of = |resource: &Value| ClaimedSearches {
        kind: text(&resource["type"]),
        params: list(&resource["searchParam"])
            .iter()
            .chain(&of_all)
            .map(|param| (text(&param["name"]), text(&param["type"])))
            .collect(),
        includes: list(&resource["searchInclude"]).iter().map(text).collect(),
        reverse_includes: list(&resource["searchRevInclude"]).iter().map(text).collect(),
    };
    resources.iter().map(of).filter(|claims| !DEFINITIONS.contains(&claims.kind.as_str())).collect()
}

/// A request on the FHIR R4 API of a caller with this token.
pub fn ask(method: &str, path: &str, token: &str) -> Request {
    Request::new(method, &format!("{BASE_PATH}{path}")).bearer(token)
}
