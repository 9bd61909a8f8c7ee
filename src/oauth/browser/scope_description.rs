//! Describes scopes in plain words: one sentence for each thing that an app will be able to do.

use domain::account::scope::{ResourceScope, Scope};
use domain::account::{NamedScope, Permission, Scopes};

/// The people that the sentences are about.
pub(super) struct Whom<'w> {
    /// `you`, or a name.
    pub(super) object: &'w str,
    /// `your`, or a name in the genitive.
    pub(super) possessive: &'w str,
    /// How long the access lasts: `for up to 12 hours`.
    pub(super) lasts: &'w str,
}

/// One sentence for each thing that the scopes let an app do.
pub(super) fn describe_scopes(scopes: &Scopes, whom: &Whom<'_>) -> Vec<String> {
    let mut descriptions: Vec<String> = Vec::new();
    for description in scopes.iter().flat_map(|scope| of_scope(scope, whom)) {
        if !descriptions.contains(&description) {
            descriptions.push(description);
        }
    }
    descriptions
}

fn of_scope(scope: &Scope, whom: &Whom<'_>) -> Vec<String> {
    match scope {
        Scope::Resource(scope) => of_resource(scope, whom),
        Scope::Named(named) => of_named_scope(*named, whom).into_iter().collect(),
    }
}

fn of_named_scope(named: NamedScope, whom: &Whom<'_>) -> Option<String> {
    let Whom { object, lasts, .. } = whom;
    match named {
        NamedScope::OpenId | NamedScope::FhirUser | NamedScope::Profile => {
            Some("Know who you are".to_owned())
        }
        // The user has already agreed to this on the page before.
        NamedScope::Launch
        | NamedScope::LaunchPatient
        | NamedScope::OnlineAccess
        | NamedScope::RegistryEvents => None,
        NamedScope::OfflineAccess => {
            Some(format!("Keep this access {lasts}, even when you are not using the app"))
        }
        NamedScope::Delegation => Some("See the list of people you can act for".to_owned()),
        NamedScope::ValidatedRelationships => {
            Some(format!("See who can act for {object}, ask for access, and end a role"))
        }
    }
}

fn of_resource(scope: &ResourceScope, whom: &Whom<'_>) -> Vec<String> {
    let has = |permission| scope.permissions.has(permission);
    let reads = has(Permission::Read) || has(Permission::Search);
    let changes = has(Permission::Update) || has(Permission::Delete);
    let (read, create, change) = verbs(scope.resource.as_deref(), whom);
    let only = only(scope);
    // The content of notifications is limited by the app's read scopes, not by the subscriptions that it may
    // create.
    let is_told = scope.is_about("Subscription") && (has(Permission::Create) || has(Permission::Update));
    if is_told && scope.resource.is_some() {
        return vec![notified(whom)];
    }
    let descriptions = [(reads, read), (has(Permission::Create), create), (changes, change)];
    let descriptions = descriptions
        .into_iter()
        .filter(|(has, _)| *has)
        .map(|(_, description)| format!("{description}{only}"));
    descriptions.chain(is_told.then(|| notified(whom))).collect()
}

/// The sentence about subscriptions.
fn notified(Whom { object, lasts, .. }: &Whom<'_>) -> String {
    format!(
        "Be notified of changes to who can act for {object}, {lasts}, even when you are not using the app"
    )
}

/// The sentences for read, create and update.
fn verbs(resource: Option<&str>, whom: &Whom<'_>) -> (String, String, String) {
    let Whom { object, possessive, .. } = whom;
    match resource {
        None => (
            format!("See everything that this service holds about {object}"),
            format!("Add to what this service holds about {object}"),
            format!("Change what this service holds about {object}, for example end a role"),
        ),
        Some("Consent") => (
            format!("See who can act for {object}, and who {object} can act for"),
            format!("Set up a role for {object}"),
            "End a role".to_owned(),
        ),
        Some("RelatedPerson") => (
            format!("See how other people are related to {object}"),
            format!("Record how other people are related to {object}"),
            format!("Change how other people are related to {object}"),
        ),
        Some("QuestionnaireResponse") => (
            format!("See requests to act for {object}, and for others"),
            "Ask to act for someone".to_owned(),
            "Change a request to act for someone".to_owned(),
        ),
        Some("Patient") => (
            format!("See {possessive} name, date of birth and GP surgery"),
            format!("Record {possessive} name, date of birth and GP surgery"),
            format!("Change {possessive} name, date of birth and GP surgery"),
        ),
        Some("AuditEvent") => (
            format!("See who has looked at or changed {possessive} roles"),
            format!("Record who has looked at {possessive} roles"),
            format!("Change the record of who has looked at {possessive} roles"),
        ),
        Some("Provenance") => (
            format!("See where the information about {possessive} roles comes from"),
            format!("Record where the information about {possessive} roles comes from"),
            format!("Change where the information about {possessive} roles comes from"),
        ),
        Some("Person") => (
            format!("See {possessive} account"),
            format!("Add to {possessive} account"),
            format!("Change {possessive} account"),
        ),
        // Creating one means notifications, which have their own sentence.
        Some("Subscription") => (
            "See which changes it is notified of".to_owned(),
            String::new(),
            "Stop being notified of changes".to_owned(),
        ),
        Some(_) => (
            "See the forms and definitions of this service".to_owned(),
            "Add to the forms and definitions of this service".to_owned(),
            "Change the forms and definitions of this service".to_owned(),
        ),
    }
}

/// The search constraint of a scope, in words.
fn only(scope: &ResourceScope) -> String {
    let pairs: Vec<String> =
        scope.constraint.iter().map(|(name, value)| format!("{name} is {value}")).collect();
    if pairs.is_empty() { String::new() } else { format!(" (only where {})", pairs.join(" and ")) }
}

#[cfg(test)]
mod tests {
    use super::{Whom, describe_scopes};
    use domain::account::Scopes;

    #[test]
    fn scope_descriptions_are_listed_once() {
        let whom = Whom { object: "you", possessive: "your", lasts: "for up to 12 hours" };
        let said = |text| describe_scopes(&Scopes::parse(text).unwrap(), &whom);
        assert_eq!(
            said("openid fhirUser launch/patient patient/Consent.rs user/Consent.u patient/Patient.r"),
            [
                "Know who you are",
                "See who can act for you, and who you can act for",
                "End a role",
                "See your name, date of birth and GP surgery",
            ]
        );
        assert_eq!(
            said("patient/Consent.r?status=active"),
            ["See who can act for you, and who you can act for (only where status is active)"]
        );
        let message = "Be notified of changes to who can act for you, for up to 12 hours, even when you are not \
                    using the app";
        assert_eq!(said("patient/Subscription.cruds"), [message]);
        assert_eq!(said("patient/Subscription.d"), ["Stop being notified of changes"]);
        assert_eq!(said("patient/Subscription.rs"), ["See which changes it is notified of"]);
        assert!(said("patient/*.cruds").contains(&message.to_owned()));
        assert!(!said("patient/*.rs").contains(&message.to_owned()));
        assert_eq!(
            said("offline_access"),
            ["Keep this access for up to 12 hours, even when you are not using the app"]
        );
    }
}
