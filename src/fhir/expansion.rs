//! The expansion of a value set (<https://hl7.org/fhir/R4/valueset.html#expansion>), from the terminology
//! that is compiled in.

use serde_json::Value;

use crate::profiles;

/// The codes of a value set, in the order of its definition.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expansion<'v> {
    /// Each code.
    pub concepts: Vec<Concept<'v>>,
    /// The code systems of ours that were read for it, as `url|version`.
    pub code_systems: Vec<String>,
}

/// A code of a code system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concept<'v> {
    /// The code system.
    pub system: &'v str,
    /// The code.
    pub code: &'v str,
    /// Its display text, where the definitions have one.
    pub display: Option<&'v str>,
}

/// The codes of a value set of ours, each with its system; `None` for one that is not ours, and for one that [`expand`] does
/// not expand.
pub fn codes_of(canonical: &str) -> Option<Vec<(String, String)>> {
    let value_set = profiles::find_by_url(canonical).filter(|it| it.resource_type == "ValueSet")?;
    let concepts = expand(&value_set.resource)?.concepts.into_iter();
    Some(concepts.map(|concept| (concept.system.to_owned(), concept.code.to_owned())).collect())
}

/// Expands a value set; `None` where its codes are not compiled in, or its definition is not supported (a
/// filter, other value sets, or exclusions).
pub fn expand(value_set: &Value) -> Option<Expansion<'_>> {
    let compose = value_set.get("compose")?;
    let includes = compose.get("include")?.as_array()?;
    if compose.get("exclude").is_some() {
        return None;
    }
    let mut expansion = Expansion::default();
    for include in includes {
        add(&mut expansion, include)?;
    }
    Some(expansion)
}

/// Adds the codes that an include lists, or all of its code system.
fn add<'v>(expansion: &mut Expansion<'v>, include: &'v Value) -> Option<()> {
    let members = include.as_object()?;
    if !members.keys().all(|name| matches!(name.as_str(), "system" | "version" | "concept")) {
        return None;
    }
    let system = include.get("system")?.as_str()?;
    let version = include.get("version").and_then(Value::as_str);
    let whole = code_system(system, version);
    let listed = include.get("concept").and_then(Value::as_array);
    let known = whole.map(|whole| concepts_of(system, whole)).unwrap_or_default();
    if let Some(listed) = listed {
        let named = listed.iter().filter_map(|concept| concept_of(system, concept));
        let display = |concept: &Concept<'v>| {
            let of_system = known.iter().find(|known| known.code == concept.code);
            concept.display.or(of_system.and_then(|known| known.display))
        };
        expansion.concepts.extend(named.map(|concept| Concept { display: display(&concept), ..concept }));
    } else {
        whole?;
        expansion.concepts.extend(known);
    }
    expansion.code_systems.extend(whole.and_then(version_of));
    Some(())
}

/// A code system of ours, with all of its codes.
fn code_system(system: &str, version: Option<&str>) -> Option<&'static Value> {
    let canonical = version.map_or_else(|| system.to_owned(), |version| format!("{system}|{version}"));
    let found = profiles::find_by_url(&canonical).filter(|it| it.resource_type == "CodeSystem")?;
    let is_complete = found.resource.get("content").and_then(Value::as_str) == Some("complete");
    is_complete.then_some(&found.resource)
}

fn version_of(code_system: &Value) -> Option<String> {
    let text = |name: &str| code_system.get(name).and_then(Value::as_str);
    Some(format!("{}|{}", text("url")?, text("version")?))
}

/// The concepts of a code system, or of a concept; children follow their parent.
fn concepts_of<'v>(system: &'v str, of: &'v Value) -> Vec<Concept<'v>> {
    let concepts = of.get("concept").and_then(Value::as_array).into_iter().flatten();
    concepts
        .flat_map(|concept| concept_of(system, concept).into_iter().chain(concepts_of(system, concept)))
        .collect()
}

fn concept_of<'v>(system: &'v str, concept: &'v Value) -> Option<Concept<'v>> {
    let code = concept.get("code")?.as_str()?;
    Some(Concept { system, code, display: concept.get("display").and_then(Value::as_str) })
}

#[cfg(test)]
mod tests {
    use super::{Concept, codes_of, expand};
    use crate::profiles;
    use serde_json::{Value, json};

    const BASES: &str = "https://fhir.nhs.uk/England/CodeSystem/England-NHSProxyLegalBasis";

    fn value_set(compose: &Value) -> Value {
        json!({ "resourceType": "ValueSet", "compose": compose })
    }

    #[test]
    fn every_value_set_of_this_server_is_expanded() {
        let sets = profiles::all().iter().filter(|it| it.resource_type == "ValueSet");
        for set in sets {
            let expansion = expand(&set.resource).unwrap_or_else(|| panic!("{}", set.url));
            assert!(!expansion.concepts.is_empty(), "{}", set.url);
            let codes: Vec<(String, String)> = expansion
                .concepts
                .iter()
                .map(|concept| (concept.system.to_owned(), concept.code.to_owned()))
                .collect();
            assert_eq!(codes_of(&set.url), Some(codes));
        }
        assert_eq!(codes_of("http://hl7.org/fhir/ValueSet/administrative-gender"), None);
    }

    #[test]
    fn a_listed_code_has_its_own_display_or_that_of_the_code_system() {
        let whole = profiles::find_by_url(BASES).expect("a code system");
        let first = &whole.resource["concept"][0];
        let (code, display) = (first["code"].as_str().expect("a code"), first["display"].as_str());
        let listed =
            [json!({ "code": code }), json!({ "code": code, "display": "Other" }), json!({ "code": "x" })];
        let set = value_set(&json!({ "include": [{ "system": BASES, "concept": listed }] }));
        let concepts = expand(&set).expect("an expansion").concepts;
        assert_eq!(
            concepts,
            [(code, display), (code, Some("Other")), ("x", None)].map(|(code, display)| Concept {
                system: BASES,
                code,
                display
            })
        );
    }

    #[test]
    fn value_set_without_local_codes_is_not_expanded() {
        for compose in [
            json!({ "include": [{ "system": "http://snomed.info/sct" }] }),
            json!({ "include": [{ "system": BASES }, { "system": "http://snomed.info/sct" }] }),
            json!({ "include": [{ "system": BASES, "version": "99" }] }),
            json!({ "include": [{ "system": BASES, "filter": [{ "property": "a", "op": "=", "value": "b" }] }] }),
            json!({ "include": [{ "valueSet": ["http://hl7.org/fhir/ValueSet/languages"] }] }),
            json!({ "include": [{ "system": BASES }], "exclude": [{ "system": BASES }] }),
            json!({}),
        ] {
            assert_eq!(expand(&value_set(&compose)), None, "{compose}");
        }
    }
}
