//! A differential as a tree of rules (<https://hl7.org/fhir/R4/profiling.html#snapshot>).
//!
//! Supported are the features of our own profiles: min, max, fixed and pattern values, the types of a choice,
//! bindings, and slices that are discriminated by a pattern or by the URL of an extension; constraints are in
//! a file of their own.

use serde_json::Value;

use super::super::report::values_of;
use super::terminology;
use crate::structure::ValueSetCodes;

/// The rule of a profile for one element.
#[derive(Default)]
pub(super) struct Rule {
    /// The name of the element, without `[x]`.
    pub(super) name: String,
    /// Whether the element is a choice of types.
    pub(super) is_choice: bool,
    /// The name of the slice that this rule is for.
    pub(super) slice: Option<String>,
    /// The minimum cardinality.
    pub(super) min: usize,
    /// The maximum cardinality.
    pub(super) max: Option<usize>,
    /// The fixed value.
    pub(super) fixed: Option<Value>,
    /// The pattern of its value.
    pub(super) pattern: Option<Value>,
    /// The URL of the extension that a slice is for.
    pub(super) extension_url: Option<String>,
    /// The types that a choice may have; none stands for all.
    pub(super) types: Vec<String>,
    /// Its binding.
    pub(super) binding: Option<ProfileBinding>,
    /// The rules for the elements and slices inside.
    pub(super) inner: Vec<Rule>,
}

/// A binding of a profile.
pub(super) struct ProfileBinding {
    /// The value set.
    pub(super) url: String,
    /// Its codes.
    pub(super) codes: ValueSetCodes,
    /// Whether another code is an error.
    pub(super) is_required: bool,
}

impl Rule {
    /// Reads the differential of a StructureDefinition.
    pub(super) fn read(structure: &Value) -> Self {
        let mut root = Self::default();
        let differential = structure.get("differential").map(|view| values_of(view, "element"));
        for element in differential.unwrap_or_default() {
            let id = element.get("id").and_then(Value::as_str).unwrap_or_default();
            // The first step is the type itself.
            let steps: Vec<&str> = id.split('.').skip(1).collect();
            root.insert(&steps, element);
        }
        root
    }

    fn insert(&mut self, steps: &[&str], element: &Value) {
        let Some((step, rest)) = steps.split_first() else { return self.fill(element) };
        let (name, slice) = step.split_once(':').map_or((*step, None), |(name, slice)| (name, Some(slice)));
        let (name, is_choice) = name.strip_suffix("[x]").map_or((name, false), |name| (name, true));
        let is_it = |rule: &Self| rule.name == name && rule.slice.as_deref() == slice;
        if !self.inner.iter().any(is_it) {
            let (name, slice) = (name.to_owned(), slice.map(str::to_owned));
            self.inner.push(Self { name, is_choice, slice, ..Self::default() });
        }
        if let Some(rule) = self.inner.iter_mut().find(|rule| is_it(rule)) {
            rule.insert(rest, element);
        }
    }

    fn fill(&mut self, element: &Value) {
        let number =
            |name| element.get(name).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let starting = |start: &str| {
            let members = element.as_object().into_iter().flatten();
            members.into_iter().find(|(key, _)| key.starts_with(start)).map(|(_, value)| value.clone())
        };
        self.min = number("min").unwrap_or(0);
        self.max = text(element, "max").and_then(|max| max.parse().ok());
        self.fixed = starting("fixed");
        self.pattern = starting("pattern");
        let types = values_of(element, "type");
        self.types = types.iter().filter_map(|given| text(given, "code")).collect();
        let profiles = types.iter().flat_map(|given| values_of(given, "profile"));
        self.extension_url = profiles.filter_map(Value::as_str).map(str::to_owned).next();
        self.binding = element.get("binding").and_then(|binding| {
            let url = text(binding, "valueSet")?;
            let is_required = text(binding, "strength")? == "required";
            Some(ProfileBinding { codes: terminology::expand(&url)?, url, is_required })
        });
    }
}
