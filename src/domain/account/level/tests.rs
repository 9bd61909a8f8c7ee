use std::collections::BTreeSet;

use serde_json::Value;

use crate::account::category::{Category, CategorySet, Sensitivity};
use crate::account::level::{
    AccessChangeRefused, AccessSet, AccountAction, ActionSet, Level, LevelVersion, MemberAccess,
    RequestedAccess, RoleLimits, levels,
};
use crate::proxy::legal_basis::LegalBasis;

const LEVELS: &str = include_str!("../../../../fhir-profiles/code-system/access-level.json");
const REQUESTED: &str =
    include_str!("../../../../fhir-profiles/concept-map/requested-access-to-data-category.json");
const CODES: &str =
    include_str!("../../../../fhir-profiles/code-system/Proxy-Placeholder-RequestedAccess.json");

/// Every set of limits, and none.
pub(crate) fn every_limits() -> impl Iterator<Item = Option<RoleLimits>> {
    let limits = (0..256_u16).map(|bits| {
        let codes = RequestedAccess::ALL.into_iter().enumerate().filter(move |(at, _)| bits & (1 << at) != 0);
        codes.fold(RoleLimits::EMPTY, |limits, (_, code)| limits.with(code))
    });
    limits.map(Some).chain([None])
}

fn data_actions() -> impl Iterator<Item = AccountAction> {
    AccountAction::ALL.into_iter().filter(|action| action.is_about_data())
}

fn pairs(access: AccessSet) -> BTreeSet<(String, String)> {
    let of = |action: AccountAction| {
        access.categories(action).iter().map(move |it| (action.code().to_owned(), it.code().to_owned()))
    };
    data_actions().flat_map(of).collect()
}

/// The pairs of a level, read from the file by another way than the build script.
fn pairs_of_file(concepts: &[Value], code: &str) -> BTreeSet<(String, String)> {
    let concept = concepts.iter().find(|concept| concept["code"] == code).unwrap();
    let mut all = BTreeSet::new();
    for property in concept["property"].as_array().unwrap() {
        let name = property["code"].as_str().unwrap();
        if name == "extends" {
            all.extend(pairs_of_file(concepts, property["valueCode"].as_str().unwrap()));
        } else if AccountAction::parse(name).is_some() {
            all.insert((name.to_owned(), property["valueCoding"]["code"].as_str().unwrap().to_owned()));
        }
    }
    all
}

#[test]
fn levels_and_their_code_system_agree() {
    let system: Value = serde_json::from_str(LEVELS).unwrap();
    let concepts = system["concept"].as_array().unwrap();
    let codes: Vec<&str> = concepts.iter().map(|concept| concept["code"].as_str().unwrap()).collect();
    let known = Level::ALL.map(Level::code);
    assert_eq!(codes, known.into_iter().chain(["manage"]).collect::<Vec<_>>());
    assert_eq!(levels().len(), Level::ALL.len());
    for level in Level::ALL {
        let entry = level.newest().entry().unwrap();
        assert_eq!((entry.version, entry.code), (1, level.code()));
        assert_eq!(pairs(entry.access), pairs_of_file(concepts, level.code()), "{level:?}");
        assert_eq!(serde_json::to_value(level).unwrap(), level.code());
        assert_eq!(Level::parse(level.code()), Some(level));
    }
}

#[test]
fn requested_access_and_its_code_system_and_concept_map_agree() {
    let system: Value = serde_json::from_str(CODES).unwrap();
    let codes: Vec<&str> = system["concept"]
        .as_array()
        .unwrap()
        .iter()
        .map(|concept| concept["code"].as_str().unwrap())
        .collect();
    assert_eq!(codes, RequestedAccess::ALL.map(RequestedAccess::code));
    let map: Value = serde_json::from_str(REQUESTED).unwrap();
    let elements = map["group"][0]["element"].as_array().unwrap();
    assert_eq!(elements.len(), RequestedAccess::ALL.len());
    for element in elements {
        let code = RequestedAccess::parse(element["code"].as_str().unwrap()).unwrap();
        let targets = element["target"].as_array().unwrap().iter();
        let categories: Vec<&str> = targets.map(|target| target["code"].as_str().unwrap()).collect();
        let mapped: BTreeSet<&str> = code.categories().iter().map(Category::code).collect();
        assert_eq!(mapped, categories.into_iter().collect(), "{code:?}");
    }
}

#[test]
fn each_level_contains_the_one_before_it() {
    for pair in Level::ALL.windows(2) {
        let (narrow, wide) = (pair[0].newest().access(), pair[1].newest().access());
        assert!(narrow.is_within(&wide) && narrow != wide, "{pair:?}");
    }
}

// ATTACK-19
#[test]
fn no_level_holds_what_is_opened_by_name_and_an_unknown_version_holds_nothing() {
    for entry in levels() {
        assert!(entry.access.within(CategorySet::VERY_RESTRICTED).is_empty(), "{}", entry.code);
        assert!(entry.access.categories(AccountAction::Delete).is_empty(), "{}", entry.code);
        assert!(
            !data_actions().any(|action| entry.access.has(Category::WhoCanAct, action)),
            "{}",
            entry.code
        );
    }
    let unknown = LevelVersion { level: Level::Full, version: 99 };
    assert_eq!(unknown.access(), AccessSet::EMPTY);
    let access = MemberAccess { level: unknown, ..MemberAccess::of(Level::Full) };
    assert_eq!(access.effective(), AccessSet::reading(CategorySet::of(&[Category::Demographics])));
}

#[test]
fn recrd_implies_test_vacc_cond_consult_and_docs() {
    let implied = [
        RequestedAccess::Test,
        RequestedAccess::Vacc,
        RequestedAccess::Cond,
        RequestedAccess::Consult,
        RequestedAccess::Docs,
    ];
    let record = RoleLimits::of(&[RequestedAccess::Recrd]);
    for code in implied {
        assert!(record.implied().has(code) && code.categories().is_within(record.admitted()), "{code:?}");
        assert!(!RoleLimits::of(&[code]).implied().has(RequestedAccess::Recrd), "{code:?}");
        // The file says the same as the rule, for clients that read only the file.
        assert!(code.categories().is_within(RequestedAccess::Recrd.categories()), "{code:?}");
    }
    assert!(!record.implied().has(RequestedAccess::Prescr) && !record.implied().has(RequestedAccess::Appt));
}

/// Every access of this table: levels × limits × ceilings × one opened category or none.
fn every_access() -> impl Iterator<Item = MemberAccess> {
    let opened =
        [CategorySet::EMPTY, CategorySet::of(&[Category::MentalHealth]), CategorySet::VERY_RESTRICTED];
    Level::ALL.into_iter().flat_map(move |level| {
        every_limits().flat_map(move |limits| {
            Sensitivity::ALL.into_iter().flat_map(move |ceiling| {
                opened.into_iter().map(move |opened| MemberAccess {
                    limits,
                    ceiling,
                    opened,
                    ..MemberAccess::of(level)
                })
            })
        })
    })
}

#[test]
fn effective_access_is_level_and_limits_and_categories_with_demographics_always() {
    let always = AccessSet::reading(CategorySet::of(&[Category::Demographics]));
    for access in every_access() {
        let effective = access.effective();
        assert!(always.is_within(&effective), "{access:?}");
        for category in Category::ALL.into_iter().filter(|category| *category != Category::Demographics) {
            let by_level = category.sensitivity() <= access.ceiling.min(Sensitivity::Restricted);
            let is_admitted = access.limits.is_none_or(|limits| {
                let by_code = limits.iter().any(|code| code.categories().has(category));
                let is_opened_part_of_record = category.sensitivity() == Sensitivity::VeryRestricted
                    && category != Category::AccessLog
                    && limits.has(RequestedAccess::Recrd);
                by_code || is_opened_part_of_record
            });
            for action in data_actions() {
                let given = by_level && access.level.access().has(category, action)
                    || action.is_reading() && access.opened.has(category);
                assert_eq!(effective.has(category, action), given && is_admitted, "{access:?} {category:?}");
            }
        }
    }
}

#[test]
fn narrowing_a_level_its_limits_or_ceiling_never_widens_access() {
    for access in every_access() {
        let effective = access.effective();
        for narrower in Level::ALL.into_iter().filter(|level| *level <= access.level.level) {
            let narrow = MemberAccess { level: narrower.newest(), ..access };
            assert!(narrow.effective().is_within(&effective), "{access:?} {narrower:?}");
        }
        for ceiling in Sensitivity::ALL.into_iter().filter(|ceiling| *ceiling <= access.ceiling) {
            assert!(MemberAccess { ceiling, ..access }.effective().is_within(&effective), "{access:?}");
        }
        for code in RequestedAccess::ALL {
            let limits =
                access.limits.map_or(RoleLimits::of(&[code]), |it| it.without(RoleLimits::of(&[code])));
            let narrow = MemberAccess { limits: Some(limits), ..access };
            assert!(narrow.effective().is_within(&effective), "{access:?} {code:?}");
        }
        for label in Sensitivity::ALL {
            assert!(access.effective_for_label(label).is_within(&effective), "{access:?} {label:?}");
        }
        let closed = MemberAccess { opened: CategorySet::EMPTY, ..access };
        assert!(closed.effective().is_within(&effective), "{access:?}");
    }
}

#[test]
fn excluded_categories_are_taken_away_from_every_level() {
    for level in Level::ALL {
        for category in Category::ALL.into_iter().filter(|category| *category != Category::Demographics) {
            let access = MemberAccess {
                excluded: CategorySet::of(&[category]),
                opened: CategorySet::ALL,
                ..MemberAccess::of(level)
            };
            assert!(!data_actions().any(|action| access.effective().has(category, action)), "{category:?}");
        }
    }
}

#[test]
fn default_level_follows_the_legal_basis() {
    let full = CategorySet::of(&[Category::Documents, Category::Conditions, Category::Medicines]);
    let reads = |access: MemberAccess| access.effective().categories(AccountAction::Read);
    for basis in LegalBasis::ALL {
        let access = MemberAccess::by_basis(basis, None, Some(40));
        let is_full = full.is_within(reads(access));
        let expected = !matches!(basis, LegalBasis::Unknown | LegalBasis::ParentalResponsibility);
        assert_eq!(is_full, expected, "{basis:?}");
        assert!(!access.may_manage && access.opened.is_empty(), "AC-09: {basis:?}");
        let ticked = MemberAccess::by_basis(basis, Some(RoleLimits::of(&[RequestedAccess::Appt])), None);
        let appointments =
            CategorySet::of(&[Category::Demographics, Category::Appointments, Category::AppointmentTimes]);
        assert_eq!(reads(ticked), appointments, "{basis:?}");
    }
    assert_eq!(MemberAccess::by_basis(LegalBasis::Unknown, None, None).level.level, Level::BookAndOrder);
}

// AC-37: the levels; that a job narrows them comes with the rules about ages
#[test]
fn a_parent_has_restricted_categories_while_the_child_is_under_eleven_and_never_sensitive_ones() {
    let restricted =
        CategorySet::up_to(Sensitivity::Restricted).without(CategorySet::up_to(Sensitivity::Normal));
    for age in 0..=120 {
        let access = MemberAccess::by_basis(LegalBasis::ParentalResponsibility, None, Some(age));
        let reads = access.effective().categories(AccountAction::Read);
        assert_eq!(restricted.is_within(reads), age < 11, "{age}");
        assert_eq!(restricted.and(reads).is_empty(), age >= 11, "{age}");
        assert!(CategorySet::VERY_RESTRICTED.and(reads).is_empty(), "{age}");
    }
    let unknown = MemberAccess::by_basis(LegalBasis::ParentalResponsibility, None, None);
    assert!(restricted.and(unknown.effective().categories(AccountAction::Read)).is_empty());
}

#[test]
fn restricted_labels_need_the_level_full_and_very_restricted_ones_an_opened_category() {
    for level in Level::ALL {
        let access = MemberAccess::of(level);
        let is_shown =
            access.effective_for_label(Sensitivity::Restricted).has(Category::Medicines, AccountAction::Read);
        assert_eq!(is_shown, level == Level::Full, "{level:?}");
        assert!(access.effective_for_label(Sensitivity::VeryRestricted).is_empty(), "{level:?}");
        let opened = MemberAccess { opened: CategorySet::of(&[Category::MentalHealth]), ..access };
        let shown = opened.effective_for_label(Sensitivity::VeryRestricted);
        assert_eq!(shown, AccessSet::reading(CategorySet::of(&[Category::MentalHealth])), "{level:?}");
    }
}

// AC-04
#[test]
fn owner_narrows_the_access_of_a_role_and_never_widens_it() {
    let role = MemberAccess {
        limits: Some(RoleLimits::of(&[RequestedAccess::Recrd, RequestedAccess::Appt])),
        ..MemberAccess::of(Level::Detailed)
    };
    let mut counts = (0, 0);
    for asked in every_access() {
        let is_within = asked.effective().is_within(&role.effective());
        match role.narrowed_by_owner(asked) {
            Ok(narrowed) => {
                counts.0 += 1;
                assert!(is_within && narrowed == asked);
                let label = Sensitivity::Restricted;
                assert!(asked.effective_for_label(label).is_within(&role.effective_for_label(label)));
            }
            Err(refused) => {
                counts.1 += 1;
                assert_eq!(refused, AccessChangeRefused::WiderThanRole);
            }
        }
    }
    assert!(counts.0 > 100 && counts.1 > 100, "{counts:?}");
    let manage = MemberAccess { may_manage: true, ..role };
    assert_eq!(role.narrowed_by_owner(manage), Err(AccessChangeRefused::ManageByRole));
    let unknown = MemberAccess { level: LevelVersion { level: Level::Summary, version: 7 }, ..role };
    assert_eq!(role.narrowed_by_owner(unknown), Err(AccessChangeRefused::UnknownLevel));
}

#[test]
fn sets_of_actions_and_access_are_read_back_from_json() {
    for action in AccountAction::ALL {
        assert_eq!(AccountAction::parse(action.code()), Some(action));
        assert_eq!(serde_json::to_value(action).unwrap(), action.code());
        assert_eq!(action.letters().is_empty(), !action.is_about_data());
    }
    assert!(ActionSet::DATA.and(ActionSet::CONTROL).is_empty());
    for access in [AccessSet::EMPTY, AccessSet::ALL, Level::Detailed.newest().access()] {
        let text = serde_json::to_string(&access).unwrap();
        assert_eq!(serde_json::from_str::<AccessSet>(&text).unwrap(), access);
    }
    for code in RequestedAccess::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.code());
    }
}
