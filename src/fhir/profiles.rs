//! The conformance resources that this service defines, compiled in: profiles, extensions, terminology, the
//! form of an access request, search parameters, operations, and the topics of events
//! (<https://hl7.org/fhir/R4/conformance-module.html>).
//!
//! They drive validation and are served by the API, so clients can read the rules that are enforced. The
//! files are in `fhir-profiles/`, one folder per resource type; `build.rs` lists them.

use std::sync::LazyLock;

use serde_json::Value;

/// The text of every file, in the order of its folder and name: found by the build script.
const FILES: &[&str] = include!(concat!(env!("OUT_DIR"), "/conformance_resources.rs"));

/// The profile of a proxy role (Consent).
pub const PROXY_ROLE: &str = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRole";
/// The profile of a proxy relationship (RelatedPerson).
pub const PROXY_RELATIONSHIP: &str = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/ProxyRelationship";
/// The profile of an access request (QuestionnaireResponse).
pub const ACCESS_REQUEST: &str = "https://fhir.onbehalf.org.uk/R4/StructureDefinition/AccessRequest";
/// The form of an access request (Questionnaire).
pub const ACCESS_REQUEST_FORM: &str = "https://fhir.onbehalf.org.uk/R4/Questionnaire/access-request";

/// A conformance resource of ours.
pub struct ConformanceResource {
    /// Its resource type, such as `ValueSet`.
    pub resource_type: String,
    /// Its logical id, unique within the type.
    pub id: String,
    /// Its canonical URL, without a version.
    pub url: String,
    /// The resource.
    pub resource: Value,
}

static ALL: LazyLock<Vec<ConformanceResource>> =
    LazyLock::new(|| FILES.iter().copied().filter_map(read).collect());

/// Every file is parsed; a test counts them.
fn read(text: &str) -> Option<ConformanceResource> {
    let resource: Value = serde_json::from_str(text).ok()?;
    let part = |name| resource.get(name).and_then(Value::as_str).map(str::to_owned);
    let (resource_type, id) = (part("resourceType")?, part("id")?);
    let url = part("url").or_else(|| topic_url(&resource))?;
    Some(ConformanceResource { resource_type, id, url, resource })
}

/// The URL of a topic, which R4 has no type for: a Basic wraps it.
fn topic_url(resource: &Value) -> Option<String> {
    const URL: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.url";
    let mut extensions = resource.get("extension")?.as_array()?.iter();
    let url = extensions.find(|extension| extension.get("url").and_then(Value::as_str) == Some(URL))?;
    url.get("valueUri")?.as_str().map(str::to_owned)
}

/// Every resource, by type and id.
pub fn all() -> &'static [ConformanceResource] {
    &ALL
}

/// Finds a resource by its type and id.
pub fn find(resource_type: &str, id: &str) -> Option<&'static ConformanceResource> {
    all().iter().find(|it| it.resource_type == resource_type && it.id == id)
}

/// Finds a resource by its canonical URL. A version that follows `|` must be that of the resource.
pub fn find_by_url(canonical: &str) -> Option<&'static ConformanceResource> {
    let (url, version) = canonical.split_once('|').map_or((canonical, None), |(url, v)| (url, Some(v)));
    let has_version = |it: &ConformanceResource| {
        version.is_none_or(|version| it.resource.get("version").and_then(Value::as_str) == Some(version))
    };
    all().iter().find(|it| it.url == url && has_version(it))
}

#[cfg(test)]
mod tests {
    use super::{
        ACCESS_REQUEST, ACCESS_REQUEST_FORM, FILES, PROXY_RELATIONSHIP, PROXY_ROLE, all, find, find_by_url,
    };
    use crate::validate::validate;
    use domain::proxy::{LegalBasis, ReasonCode};

    #[test]
    fn every_file_of_the_folder_is_compiled_in_under_its_name() {
        assert_eq!(all().len(), FILES.len());
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fhir-profiles");
        let folders = std::fs::read_dir(root).unwrap().map(|folder| folder.unwrap().path());
        let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap());
        let names: Vec<String> = files
            .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names.len(), FILES.len());
        for it in all() {
            assert!(names.contains(&it.id), "{}", it.id);
        }
    }

    #[test]
    fn every_file_is_valid_r4_without_a_warning() {
        for it in all() {
            assert_eq!(validate(&it.resource, &it.resource_type), vec![], "{}", it.id);
        }
    }

    #[test]
    fn a_resource_is_found_by_type_and_id_and_by_its_url() {
        for url in [PROXY_ROLE, PROXY_RELATIONSHIP, ACCESS_REQUEST, ACCESS_REQUEST_FORM] {
            assert_eq!(find_by_url(url).unwrap().url, url);
        }
        assert_eq!(find("StructureDefinition", "ProxyRole").unwrap().url, PROXY_ROLE);
        assert!(find_by_url(&format!("{PROXY_ROLE}|0.1.0")).is_some());
        assert!(find_by_url(&format!("{PROXY_ROLE}|9")).is_none());
        assert!(find("ValueSet", "ProxyRole").is_none() && find_by_url("").is_none());
    }

    #[test]
    fn code_systems_equal_the_domain_codes() {
        let codes = |id| -> Vec<(String, String)> {
            let concepts = find("CodeSystem", id).unwrap().resource["concept"].as_array().unwrap();
            let text = |concept: &serde_json::Value, name: &str| concept[name].as_str().unwrap().to_owned();
            concepts.iter().map(|concept| (text(concept, "code"), text(concept, "display"))).collect()
        };
        let reasons = ReasonCode::all().map(|reason| (reason.code().to_owned(), reason.display().to_owned()));
        assert_eq!(codes("England-ConsentStatusReason"), reasons.collect::<Vec<_>>());
        for (code, display) in codes("England-NHSProxyLegalBasis") {
            assert_eq!(LegalBasis::parse(&code).unwrap().display(), display);
        }
    }
}
