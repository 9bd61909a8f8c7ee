//! The people who can log in at the simulated providers: those of the sandbox's data, and two invented
//! members of staff.

use serde_json::{Map, Value, json};

use crate::which::Which;
use base::date_time::FhirDateTime;
use base::error::Error;
use base::token::digest;
use domain::account::Proofing;
use domain::person::Person;
use store::Tx;

/// The most people on the page.
const MOST: i64 = 200;
/// The practice of the staff when the data has none.
const PRACTICE: &str = "A20047";
/// The staff: user id, name.
pub const STAFF: [(&str, &str); 2] = [("910000000101", "Invented Harper"), ("910000000102", "Invented Rowe")];

/// A person on the page.
#[derive(Clone)]
pub(super) struct Visitor {
    /// The form value: an NHS number, or a user id.
    pub(super) id: String,
    /// The name on the page.
    pub(super) name: String,
    family: Option<String>,
    given: Option<String>,
    birth_date: Option<String>,
    /// The practice where they are registered, or work.
    pub(super) practice: Option<String>,
    /// The level that the user chose: `P0`, `P5`, `P9`, `AAL2`, `AAL3`.
    pub(super) level: String,
}

/// The levels on a provider's page, the default first.
pub(super) const fn levels(which: Which) -> &'static [&'static str] {
    match which {
        Which::NhsLogin => &["P9", "P5", "P0"],
        Which::Cis2 => &["AAL3", "AAL2"],
    }
}

/// All people who can log in.
pub(super) fn list(tx: &mut Tx<'_>, which: Which) -> Result<Vec<Visitor>, Error> {
    let people = tx.list_connected_people(MOST)?;
    Ok(match which {
        Which::NhsLogin => people.iter().map(citizen).collect(),
        Which::Cis2 => staff(&people),
    })
}

fn citizen(person: &Person) -> Visitor {
    let name = person.names.first();
    let family = name.and_then(|name| name.family.clone());
    let given = name.map(|name| name.given.join(" ")).filter(|given| !given.is_empty());
    let id = person.nhs_number.to_string();
    let said: Vec<&str> = given.iter().chain(&family).map(String::as_str).collect();
    Visitor {
        name: if said.is_empty() { id.clone() } else { said.join(" ") },
        id,
        family,
        given,
        birth_date: person.birth_date.as_ref().map(FhirDateTime::text).map(ToString::to_string),
        practice: person.practice.as_ref().map(ToString::to_string),
        level: String::new(),
    }
}

fn staff(people: &[Person]) -> Vec<Visitor> {
    let mut practices: Vec<String> =
        people.iter().filter_map(|person| person.practice.as_ref().map(ToString::to_string)).collect();
    practices.sort();
    practices.dedup();
    let member = |(at, (uid, name)): (usize, &(&str, &str))| Visitor {
        id: (*uid).to_owned(),
        name: (*name).to_owned(),
        family: name.split(' ').next_back().map(str::to_owned),
        given: name.split(' ').next().map(str::to_owned),
        birth_date: None,
        practice: practices.get(at).cloned().or_else(|| Some(PRACTICE.to_owned())),
        level: String::new(),
    };
    STAFF.iter().enumerate().map(member).collect()
}

impl Visitor {
    /// The provider's subject identifier of the person: stable, and without personal data.
    pub(super) fn subject(&self, which: Which) -> String {
        match which {
            Which::NhsLogin => digest(&format!("simulated {}", self.id)).chars().take(32).collect(),
            Which::Cis2 => self.id.clone(),
        }
    }

    /// The claims about the person, as far as the scopes allow. Unknown scopes, such as `delegation`, are
    /// ignored.
    pub(super) fn claims(&self, which: Which, scope: &str) -> Map<String, Value> {
        let mut claims = Map::new();
        let has = |wanted: &str| scope.split(' ').any(|scope| scope == wanted);
        let mut say = |name: &str, value: Value| {
            if !value.is_null() {
                claims.insert(name.to_owned(), value);
            }
        };
        match which {
            Which::NhsLogin if has("profile") || has("basic_demographics") => {
                say("identity_proofing_level", json!(self.level));
                if self.level != Proofing::P0.as_str() {
                    say("nhs_number", json!(self.id));
                    say("birthdate", json!(self.birth_date));
                    say("family_name", json!(self.family));
                    if has("profile_extended") {
                        say("given_name", json!(self.given));
                    }
                    if has("gp_registration_details") {
                        say("gp_registration_details", json!({ "gp_ods_code": self.practice }));
                    }
                }
            }
            Which::NhsLogin => {}
            Which::Cis2 => {
                let role = format!("{}1", self.id);
                say("id_assurance_level", json!("3"));
                say("authentication_assurance_level", json!(self.level.trim_start_matches("AAL")));
                say("uid", json!(self.id));
                say("name", json!(self.name));
                say("nhsid_useruid", json!(self.id));
                if has("selectedrole") {
                    say("selected_roleid", json!(role));
                }
                if has("nationalrbacaccess") {
                    let role = json!({
                        "person_orgid": format!("{}2", self.id), "person_roleid": role,
                        "org_code": self.practice, "role_code": "S8000:G8000:R8000",
                        "role_name": "\"Clinical\":\"Clinical Provision\":\"Clinical Practitioner Access Role\"",
                    });
                    say("nhsid_nrbac_roles", json!([role]));
                }
                if has("associatedorgs") {
                    say(
                        "nhsid_user_orgs",
                        json!([{ "org_code": self.practice, "org_name": "INVENTED PRACTICE" }]),
                    );
                }
            }
        }
        claims
    }
}
