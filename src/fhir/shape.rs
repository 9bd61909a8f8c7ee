//! What FHIR R4 says about the shape of a resource: which elements a type has and in what order, which
//! of them repeat, and what each one is made of.
//!
//! XML does not tell an array from a single element nor a number from a text, and JSON does not keep the
//! order that XML demands (<https://hl7.org/fhir/R4/xml.html>); FHIRPath Patch must know whether an
//! element that is not there yet repeats. The tables are those of fhirbolt's shared part, generated from
//! the R4 definitions: plain static maps, none of its parsers.

use std::borrow::Cow;

use fhirbolt_shared::element_map::r4::ELEMENT_MAP;
use fhirbolt_shared::type_hints::r4::TYPE_HINTS;

/// A type whose elements are known: a resource (`Patient`), a data type (`HumanName`), or an element
/// that has elements of its own (`Patient.contact`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape(Cow<'static, str>);

/// One element of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Whether it is a list (`max` is not 1).
    pub repeats: bool,
    /// What it is made of.
    pub content: Content,
}

/// What an element is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A value, with an id and extensions beside it.
    Primitive(Primitive),
    /// Elements.
    Complex(Shape),
    /// A whole resource, of any type.
    Resource,
}

/// How a primitive is written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primitive {
    /// `true` or `false`.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number whose digits are kept as they are written.
    Decimal,
    /// The XHTML of a narrative, as a string.
    Xhtml,
    /// Everything else: a string.
    Text,
}

impl Shape {
    /// The shape of a resource type or data type, by its name in R4.
    pub fn of_type(name: &str) -> Option<Self> {
        let known = name.starts_with(|first: char| first.is_ascii_uppercase()) && !name.contains('.');
        let (&name, _) = ELEMENT_MAP.get_entry(name).filter(|_| known)?;
        Some(Self(Cow::Borrowed(name)))
    }

    /// The name of the type; `BackboneElement` for an element that is no type by itself.
    pub fn type_name(&self) -> &str {
        if self.0.contains('.') { "BackboneElement" } else { &self.0 }
    }

    /// The names of its elements, in the order of the definition; a choice stands there once per type.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        ELEMENT_MAP.get(&self.0).into_iter().flat_map(|names| names.iter().copied())
    }

    /// The element of that name, with a choice named in full (`deceasedBoolean`).
    pub fn element(&self, name: &str) -> Option<Element> {
        ELEMENT_MAP.get(&self.0).filter(|names| names.contains(name))?;
        let path = format!("{}.{name}", self.0);
        let repeats = matches!(name, "extension" | "modifierExtension" | "contained")
            || TYPE_HINTS.array_paths.contains(&path);
        Some(Element { repeats, content: self.content(name, &path) })
    }

    fn content(&self, name: &str, path: &str) -> Content {
        let by_name = match name {
            "extension" | "modifierExtension" => Some("Extension"),
            "contained" if !self.0.contains('.') => Some("Resource"),
            "meta" if self.is_resource() => Some("Meta"),
            "text" if self.is_resource() => Some("Narrative"),
            _ => None,
        };
        match by_name.or_else(|| TYPE_HINTS.type_paths.get(path).copied()) {
            Some("Resource") => return Content::Resource,
            Some(named) => return Content::Complex(Self(Cow::Borrowed(named))),
            None => {}
        }
        if let Some(elsewhere) = TYPE_HINTS.content_reference_paths.get(path) {
            return Content::Complex(Self(Cow::Borrowed(elsewhere)));
        }
        match ELEMENT_MAP.get_entry(path) {
            Some((&path, _)) => Content::Complex(Self(Cow::Borrowed(path))),
            None => Content::Primitive(primitive(path)),
        }
    }

    fn is_resource(&self) -> bool {
        !self.0.contains('.') && ELEMENT_MAP.get(&self.0).is_some_and(|names| names.contains("implicitRules"))
    }
}

fn primitive(path: &str) -> Primitive {
    if TYPE_HINTS.boolean_paths.contains(path) {
        Primitive::Boolean
    } else if TYPE_HINTS.integer_paths.contains(path)
        || TYPE_HINTS.unsigned_integer_paths.contains(path)
        || TYPE_HINTS.positive_integer_paths.contains(path)
    {
        Primitive::Integer
    } else if TYPE_HINTS.decimal_paths.contains(path) {
        Primitive::Decimal
    } else if path == "Narrative.div" {
        Primitive::Xhtml
    } else {
        Primitive::Text
    }
}

/// The types that a choice element can take, as its name ends (`value` + `DateTime`).
/// See <https://hl7.org/fhir/R4/datatypes.html#open>.
const CHOICES: &[&str] = &[
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "Base64Binary",
    "Boolean",
    "Canonical",
    "Code",
    "CodeableConcept",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Date",
    "DateTime",
    "Decimal",
    "Distance",
    "Dosage",
    "Duration",
    "Expression",
    "HumanName",
    "Id",
    "Identifier",
    "Instant",
    "Integer",
    "Markdown",
    "Meta",
    "Money",
    "Oid",
    "ParameterDefinition",
    "Period",
    "PositiveInt",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "String",
    "Time",
    "Timing",
    "TriggerDefinition",
    "UnsignedInt",
    "Uri",
    "Url",
    "UsageContext",
    "Uuid",
];

/// The type that a key of a choice element names: `deceasedDateTime` is a `dateTime` of `deceased`.
pub fn choice_type(element: &str, key: &str) -> Option<String> {
    let suffix = key.strip_prefix(element)?;
    let named = CHOICES.iter().find(|choice| **choice == suffix)?;
    if Shape::of_type(named).is_some() {
        return Some((*named).to_owned());
    }
    let mut letters = named.chars();
    let first = letters.next()?.to_ascii_lowercase();
    Some(std::iter::once(first).chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::{Content, Element, Primitive, Shape, choice_type};

    fn element(of: &str, name: &str) -> Element {
        Shape::of_type(of).unwrap().element(name).unwrap()
    }

    fn inside(element: Element) -> Shape {
        match element.content {
            Content::Complex(shape) => shape,
            Content::Primitive(_) | Content::Resource => panic!("a complex element"),
        }
    }

    #[test]
    fn an_element_knows_whether_it_repeats_and_what_it_is() {
        let primitive = |repeats, kind| Element { repeats, content: Content::Primitive(kind) };
        assert_eq!(element("Patient", "id"), primitive(false, Primitive::Text));
        assert_eq!(element("Patient", "birthDate"), primitive(false, Primitive::Text));
        assert_eq!(element("Patient", "active"), primitive(false, Primitive::Boolean));
        assert_eq!(element("HumanName", "given"), primitive(true, Primitive::Text));
        assert_eq!(element("Bundle", "total"), primitive(false, Primitive::Integer));
        assert_eq!(element("Narrative", "div"), primitive(false, Primitive::Xhtml));
        assert_eq!(element("Quantity", "value"), primitive(false, Primitive::Decimal));
        assert_eq!(element("Extension", "valueDecimal"), primitive(false, Primitive::Decimal));
        assert_eq!(element("Patient", "contained").content, Content::Resource);
        assert!(element("Parameters", "parameter").repeats);
        assert!(Shape::of_type("Patient").unwrap().element("pateint").is_none());
    }

    #[test]
    fn steps_lead_into_types_and_back_into_an_element_that_contains_itself() {
        let contact = inside(element("Patient", "contact"));
        assert_eq!(contact.type_name(), "BackboneElement");
        assert_eq!(inside(contact.element("name").unwrap()).type_name(), "HumanName");
        let item = inside(element("Questionnaire", "item"));
        let nested = inside(item.element("item").unwrap());
        assert!(nested.element("linkId").is_some() && nested.element("item").unwrap().repeats);
        let provision = inside(element("Consent", "provision"));
        let nested = provision.element("provision").unwrap();
        assert!(nested.repeats && !element("Consent", "provision").repeats);
        assert!(inside(nested).element("actor").unwrap().repeats);
        assert_eq!(inside(element("Patient", "text")).type_name(), "Narrative");
        assert_eq!(inside(element("RelatedPerson", "meta")).type_name(), "Meta");
        let entry = inside(element("Bundle", "entry"));
        assert_eq!(entry.element("resource").unwrap().content, Content::Resource);
        let part = inside(inside(element("Parameters", "parameter")).element("part").unwrap());
        assert!(part.element("valueDate").is_some() && part.element("part").unwrap().repeats);
    }

    #[test]
    fn a_choice_names_its_type() {
        assert_eq!(choice_type("deceased", "deceasedDateTime").as_deref(), Some("dateTime"));
        assert_eq!(choice_type("value", "valueCodeableConcept").as_deref(), Some("CodeableConcept"));
        assert_eq!(choice_type("status", "statusReason"), None);
    }

    #[test]
    fn names_come_in_the_order_of_the_definition() {
        let names: Vec<_> = Shape::of_type("RelatedPerson").unwrap().names().take(6).collect();
        assert_eq!(names, ["id", "meta", "implicitRules", "language", "text", "contained"]);
    }
}
