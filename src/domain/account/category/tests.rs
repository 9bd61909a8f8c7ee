use serde_json::Value;

use crate::account::category::{Category, CategorySet, ProofingTable, Sensitivity, catalogue};
use crate::account::level::AccountAction;
use crate::account::proofing::Proofing;
use crate::account::scope::{Permission, Scopes};

const CATEGORIES: &str = include_str!("../../../../fhir-profiles/code-system/data-category.json");
const SCOPES: &str = include_str!("../../../../fhir-profiles/concept-map/data-category-to-smart-scope.json");

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn property<'v>(concept: &'v Value, code: &str) -> Option<&'v Value> {
    concept["property"].as_array().unwrap().iter().find(|property| property["code"] == code)
}

#[test]
fn categories_and_their_code_system_agree() {
    let system = json(CATEGORIES);
    let concepts = system["concept"].as_array().unwrap();
    assert_eq!(system["count"], concepts.len());
    let codes: Vec<&str> = concepts.iter().map(|concept| concept["code"].as_str().unwrap()).collect();
    assert_eq!(codes, Category::ALL.map(Category::code));
    for (concept, category) in concepts.iter().zip(Category::ALL) {
        let entry = category.entry();
        assert_eq!((entry.category, entry.code), (category, concept["code"].as_str().unwrap()));
        assert_eq!(
            (entry.display, entry.definition),
            (text(concept, "display"), text(concept, "definition"))
        );
        assert_eq!(
            property(concept, "sensitivity").unwrap()["valueCoding"]["code"],
            entry.sensitivity.code()
        );
        assert_eq!(property(concept, "default-off").unwrap()["valueBoolean"], entry.is_default_off);
        assert_eq!(property(concept, "group").unwrap()["valueString"], entry.group);
        let minimum = property(concept, "minimum-proofing").unwrap()["valueString"].as_str().unwrap();
        assert_eq!(Proofing::parse(minimum), Some(entry.minimum_proofing));
        let masked = property(concept, "masked-view-of").map(|of| of["valueCode"].as_str().unwrap());
        assert_eq!(masked.map(|of| Category::parse(of).unwrap()), entry.masked_view_of);
        assert_eq!(serde_json::to_value(category).unwrap(), entry.code);
        assert_eq!(Category::parse(entry.code), Some(category));
    }
    assert_eq!(catalogue().len(), Category::ALL.len());
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap()
}

#[test]
fn selectors_and_their_concept_map_agree_and_are_smart_scopes() {
    let map = json(SCOPES);
    let elements = map["group"][0]["element"].as_array().unwrap();
    assert_eq!(elements.len(), Category::ALL.len());
    for (element, category) in elements.iter().zip(Category::ALL) {
        assert_eq!(element["code"], category.code());
        let targets = element["target"].as_array().unwrap().iter().map(|target| text(target, "code"));
        let selectors = category.entry().selectors.iter();
        assert_eq!(targets.collect::<Vec<_>>(), selectors.map(|it| it.scope).collect::<Vec<_>>());
        for selector in category.entry().selectors {
            let scopes = Scopes::parse(selector.scope).unwrap();
            assert_eq!(scopes.to_string(), selector.scope);
            let scope = scopes.resources().next().unwrap();
            assert_eq!(scope.resource.as_deref(), Some(selector.resource_type));
            for permission in [
                Permission::Create,
                Permission::Read,
                Permission::Update,
                Permission::Delete,
                Permission::Search,
            ] {
                let is_selected = selector.letters.contains(AccountAction::from(permission).letters());
                assert_eq!(is_selected, scope.permissions.has(permission), "{}", selector.scope);
            }
        }
    }
}

// ATTACK-19
#[test]
fn category_admits_nothing_of_a_type_without_selector() {
    assert!(Category::Demographics.selects("Patient", &['r']));
    assert!(!Category::Demographics.selects("Patient", &['s']));
    assert!(
        !Category::Demographics.selects("Observation", &['r']) && !Category::Demographics.selects("", &['r'])
    );
    for category in Category::ALL {
        assert!(
            !category.selects("Patient", &[]) && !category.selects("Account", &['c', 'r', 'u', 'd', 's'])
        );
    }
}

// ATTACK-19
#[test]
fn unknown_codes_are_no_category() {
    for wrong in ["", "Demographics", "demographics ", "*", "everything", "account"] {
        assert_eq!(Category::parse(wrong), None, "{wrong}");
    }
    assert_eq!(Sensitivity::parse("U"), None);
    assert!(serde_json::from_str::<CategorySet>(r#"["demographics","*"]"#).is_err());
}

#[test]
fn sensitive_categories_are_off_by_default_and_in_no_bundle() {
    for category in Category::ALL {
        let is_very = category.sensitivity() == Sensitivity::VeryRestricted;
        assert_eq!(CategorySet::VERY_RESTRICTED.has(category), is_very);
        assert_eq!(CategorySet::DEFAULT_OFF.has(category), is_very, "{category:?}");
        for sensitivity in Sensitivity::ALL {
            let is_within = category.sensitivity() <= sensitivity;
            assert_eq!(
                CategorySet::up_to(sensitivity).has(category),
                is_within,
                "{category:?} {sensitivity:?}"
            );
        }
    }
    assert!(CategorySet::VERY_RESTRICTED.has(Category::AccessLog), "ATTACK-20");
}

#[test]
fn masked_views_are_categories_of_their_own() {
    let masked = CategorySet::of(&[Category::PrescriptionStatus, Category::AppointmentTimes]);
    assert_eq!(CategorySet::MASKED_VIEWS, masked);
    assert_eq!(CategorySet::ALL.masked_views(), masked);
    let one = CategorySet::of(&[Category::Appointments, Category::Medicines]);
    assert_eq!(one.masked_views(), CategorySet::of(&[Category::AppointmentTimes]));
    assert_eq!(masked.masked_views(), CategorySet::EMPTY);
}

#[test]
fn minimum_proofing_is_p9_unless_the_deployment_sets_another() {
    let strict = ProofingTable::of_catalogue();
    assert_eq!(strict, ProofingTable::STRICT);
    let sandbox = strict.with(Category::Appointments, Proofing::P5);
    assert_eq!(sandbox.admitted(Proofing::P5), CategorySet::of(&[Category::Appointments]));
    assert_eq!(sandbox.admitted(Proofing::P0), CategorySet::EMPTY);
    assert_eq!(sandbox.admitted(Proofing::P9), CategorySet::ALL);
    let open = sandbox.with(Category::Appointments, Proofing::P0);
    assert_eq!(open.admitted(Proofing::P5), open.admitted(Proofing::P0));
    assert_eq!(open.with(Category::Appointments, Proofing::P9), strict);
}
