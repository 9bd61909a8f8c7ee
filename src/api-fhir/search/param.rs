//! A search parameter: its name, its type, and the source of its values.

use crate::resource::resource_type::ResourceType;
use crate::url;
use domain::audit::Act;
use fhir::validate::search_parameter;
use store::search::Field;

/// The type of a parameter (<https://hl7.org/fhir/R4/search.html#ptypes>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ParamType {
    Token,
    Reference,
    Date,
    String,
    Uri,
    Quantity,
    Composite,
}

impl ParamType {
    /// FHIR's code.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Reference => "reference",
            Self::Date => "date",
            Self::String => "string",
            Self::Uri => "uri",
            Self::Quantity => "quantity",
            Self::Composite => "composite",
        }
    }
}

/// A field that refers to people or organisations by identifier.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reference {
    /// The field with the identifier's value, which is also the id of the Patient.
    pub(crate) field: Field,
    /// The identifier's system.
    pub(crate) system: &'static str,
    /// The types on this server that it can refer to.
    pub(crate) targets: &'static [ResourceType],
}

/// The source of a parameter's values.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SearchTarget {
    /// None: the model does not have the element.
    Absent,
    /// These codings, the same for every resource.
    Constant(&'static [(&'static str, &'static str)]),
    /// A field of codes or identifier values, all of one system.
    Token(Option<&'static str>, Field),
    /// A Boolean field.
    Flag(Field),
    /// Whether a field has a value.
    HasValue(Field),
    /// The status of a role, as it counts at the time of the search.
    RoleStatus,
    /// The reason of a role, as it counts at the time of the search.
    RoleReason,
    /// The codes of a relationship.
    RelationshipCode,
    /// A property of an act: the coding of each.
    OfAct(fn(Act) -> (Option<&'static str>, &'static str)),
    /// These codings, each where its field has a value.
    Present(&'static [(&'static str, &'static str, Field)]),
    /// The actor, or the app, by identifier.
    Agent,
    /// The author of a change, by identifier: the one agent of a Provenance, which has no app.
    Author,
    /// A reference by identifier.
    Reference(Reference),
    /// The applicant of an access request, one of its two people.
    Applicant,
    /// The account of a user, by NHS number; or the `RelatedPerson`s of its person.
    Account,
    /// A field with references of the form `Type/id`.
    LocalReference(Field),
    /// The first and the last millisecond.
    Date(Field, Field),
    /// These parts of a person's names.
    Names(&'static [&'static str]),
    /// A text as it was written, and normalized: without letter case and accents.
    Text(Field, Field),
    /// A field of contacts, each as `system|value`, separated by unit separators.
    Contacts(Field),
    /// A field of URIs.
    Uri(Field),
    /// An element of a compiled-in definition; a segment of the path may have alternatives, separated by `|`.
    Element(&'static [&'static str]),
    /// Elements of a compiled-in definition, of which one must have a value for each of these parameters.
    Composite(&'static [&'static str], &'static [Param]),
    /// The codes of a compiled-in CodeSystem or ValueSet.
    Codes,
}

/// A search parameter of a type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its type.
    pub(crate) kind: ParamType,
    /// The source of its values.
    pub(crate) target: SearchTarget,
    /// The path of the references in the resource, for includes.
    pub(crate) path: &'static [&'static str],
    /// Whether it is this server's own and not R4's.
    pub(crate) is_ours: bool,
}

impl Param {
    const fn new(name: &'static str, kind: ParamType, target: SearchTarget) -> Self {
        Self { name, kind, target, path: &[], is_ours: false }
    }

    /// A token parameter.
    pub(crate) const fn token(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::Token, target)
    }

    /// A reference parameter, and the path of the references.
    pub(crate) const fn reference(
        name: &'static str,
        target: SearchTarget,
        path: &'static [&'static str],
    ) -> Self {
        Self { path, ..Self::new(name, ParamType::Reference, target) }
    }

    /// A date parameter.
    pub(crate) const fn date(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::Date, target)
    }

    /// A string parameter.
    pub(crate) const fn string(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::String, target)
    }

    /// A uri parameter.
    pub(crate) const fn uri(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::Uri, target)
    }

    /// A quantity parameter.
    pub(crate) const fn quantity(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::Quantity, target)
    }

    /// A composite parameter.
    pub(crate) const fn composite(name: &'static str, target: SearchTarget) -> Self {
        Self::new(name, ParamType::Composite, target)
    }

    /// The same, as a parameter of this server's own.
    #[must_use]
    pub(crate) const fn ours(mut self) -> Self {
        self.is_ours = true;
        self
    }

    /// The canonical URL of its definition. Some of R4's definitions are for several types.
    pub(crate) fn definition(&self, kind: ResourceType) -> String {
        match search_parameter(kind.name(), self.name) {
            Some(definition) if !self.is_ours => definition.to_owned(),
            Some(_) | None => format!("{}/SearchParameter/{}-{}", url::OURS, kind.name(), self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::resource::resource_type::ResourceType;
    use crate::url;
    use fhir::profiles;

    /// The type and the URL of the definition, by resource type and name.
    type Params = BTreeMap<(String, String), (String, String)>;

    #[test]
    fn search_parameters_of_this_server_and_their_definitions_agree() {
        let mut served = Params::new();
        for kind in ResourceType::ALL {
            for param in kind.params() {
                let definition = param.definition(kind);
                if definition.starts_with(url::OURS) {
                    assert!(param.is_ours, "R4 does not define {} of {}", param.name, kind.name());
                    let key = (kind.name().to_owned(), param.name.to_owned());
                    served.insert(key, (param.kind.code().to_owned(), definition));
                }
            }
        }
        let mut defined = Params::new();
        for it in profiles::all().iter().filter(|it| it.resource_type == "SearchParameter") {
            let text = |name: &str| it.resource[name].as_str().expect(name).to_owned();
            for base in it.resource["base"].as_array().expect("its types") {
                let key = (base.as_str().expect("a type").to_owned(), text("code"));
                defined.insert(key, (text("type"), it.url.clone()));
            }
        }
        assert_eq!(served, defined);
        assert!(!served.is_empty());
    }
}
