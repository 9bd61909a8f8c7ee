//! A server that knows one caller of each kind.

use chrono::Utc;
use domain::account::{Principal, Proofing};
use domain::person::{NhsNumber, NumberCheck};
use jose::key::{KeyPurpose, KeyRing};
use service::authority::{Authority, AuthoritySettings, Lifetimes};

use super::Service;
use super::bodies::ROLE;
use crate::support::token::{self, APP};
use crate::support::{Backend, TestDatabase};

/// The issuer; no request goes there.
const ISSUER: &str = "http://127.0.0.1:1";

/// A caller: its kind, and its token.
pub struct BudgetCaller {
    pub kind: &'static str,
    pub token: String,
}

/// A server with one caller of each kind, and one app that may read nothing but forms.
pub struct BudgetTarget {
    pub service: Service,
    pub callers: Vec<BudgetCaller>,
}

impl BudgetTarget {
    /// With this number of serving threads.
    pub fn start(workers: usize) -> Self {
        let database = TestDatabase::migrated(Backend::Sqlite);
        let store = database.open();
        let settings = format!(
            "[limits]\nrequests_per_minute = 0\nlog_in_requests_per_minute = 0\n\
             [oauth]\nenabled = true\n[[oauth.apps]]\nclient_id = \"{APP}\"\nname = \"The app of the tests\"\n\
             mode = \"citizen\"\nauthentication = \"none\"\nredirect_uris = [\"https://app.example/callback\"]\n\
             grants = [\"authorization_code\"]\nscopes = \"openid patient/*.cruds user/*.cruds\"\n\
             #server:workers = {workers}\npublic_url = {ISSUER:?}"
        );
        let service = Service::on(database, &settings, "");
        let keys =
            KeyRing::load(&service.folder.path("onbehalf-keys")).expect("the server has made its keys");
        let audiences = [api_fhir::BASE_PATH, api_vrs::BASE_PATH];
        let authority = Authority::new(AuthoritySettings {
            issuer: ISSUER.to_owned(),
            audiences: audiences.map(|path| format!("{ISSUER}{path}")).into(),
            key_folder: None,
            keys: keys.into(),
            registrations: vec![token::registration()],
            lifetimes: Lifetimes::default(),
            initial_access: None,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let with_token = |(kind, principal, scope): (&'static str, Principal, &str)| {
            let claims = token::claims(&store, &authority, Utc::now(), &principal, scope);
            let mut claims = runtime.block_on(claims);
            // A full run takes longer than a token lives.
            claims.exp += 3600;
            let token = authority.sign(KeyPurpose::AccessToken, "at+jwt", &claims).expect("it can be signed");
            BudgetCaller { kind, token }
        };
        let callers = everyone().into_iter().map(with_token).collect();
        Self { service, callers }
    }

    /// The token of a kind of caller.
    pub fn token(&self, kind: &str) -> &str {
        &self.callers.iter().find(|caller| caller.kind == kind).expect("a caller of this kind").token
    }
}

fn everyone() -> Vec<(&'static str, Principal, &'static str)> {
    let number = |text| NhsNumber::parse(text, NumberCheck::Length).expect("a number");
    let citizen = Principal::Citizen { nhs_number: number("9000000017"), proofing: Proofing::P9 };
    let role = ROLE.parse().expect("an id");
    let proxy = Principal::Proxy { proxy: number("9991001018"), patient: number("9992000015"), role };
    let staff = Principal::Staff { name: "staff-1".to_owned(), organisation: None };
    let system = Principal::System { name: "system-1".to_owned() };
    vec![
        ("citizen", citizen, "patient/*.cruds user/*.cruds"),
        ("proxy", proxy, "patient/*.cruds user/*.cruds"),
        ("staff", staff, "user/*.cruds"),
        ("system", system.clone(), "system/*.cruds registry-events"),
        ("system without write", system, "system/Questionnaire.rs"),
    ]
}
