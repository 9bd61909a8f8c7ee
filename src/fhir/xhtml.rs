//! The narrative: a subset of XHTML that may be shown to people, without active content
//! (<https://hl7.org/fhir/R4/narrative.html#xhtml>; txt-1, txt-2).
//!
//! One parser for both formats: XML accepts a `div` that is valid by itself ([`stands_alone`]), and the
//! validator one that also uses only what FHIR allows ([`check`]).

use quick_xml::XmlVersion;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::Prefix;
use quick_xml::reader::Reader;

/// The namespace of a narrative.
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Whether XML 1.0 may have this character (<https://www.w3.org/TR/xml/#charsets>).
pub(crate) fn is_char(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

const OPENING: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\"";

/// The basic formatting elements of HTML 4.0, chapters 7 to 11 (without 9.4) and 15, links and images.
#[rustfmt::skip]
const ELEMENTS: &[&str] = &[
    "p", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "a", "span", "b", "em", "i", "strong", "small",
    "big", "tt", "dfn", "q", "var", "abbr", "acronym", "cite", "blockquote", "hr", "address", "bdo", "kbd",
    "sub", "sup", "ul", "ol", "li", "dl", "dt", "dd", "pre", "table", "caption", "colgroup", "col", "thead",
    "tr", "tfoot", "tbody", "th", "td", "code", "samp", "img", "map", "area",
];

#[rustfmt::skip]
const ATTRIBUTES: &[&str] = &[
    "title", "style", "class", "id", "lang", "xml:lang", "xml:space", "dir", "accesskey", "tabindex", "xmlns",
    "span", "width", "height", "align", "valign", "char", "charoff", "abbr", "axis", "headers", "scope",
    "rowspan", "colspan", "href", "name", "type", "charset", "hreflang", "rel", "rev", "shape", "coords",
    "src", "alt", "longdesc", "usemap", "ismap", "border", "cite", "summary", "frame", "rules", "cellspacing",
    "cellpadding", "start", "value", "compact",
];

const NOT_FORMED: &str = "txt-1: Close every element, quote every attribute, and write & and < as entities of XML (&amp;, &#160;).";
const NOT_ALLOWED: &str = "txt-1: Use only the formatting elements and attributes that FHIR allows: no scripts, forms, frames or events.";

/// Limits of the nesting of a narrative, and of an element's attributes.
struct Limits {
    depth: usize,
    attributes: usize,
}

/// Why a `div` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XhtmlFault {
    /// A character that XML cannot have.
    Character,
    /// It is not one `div` of well-formed XML.
    NotFormed,
    /// An element of another namespace, or with a prefix.
    Namespace,
    /// It nests deeper than the limit.
    TooDeep,
    /// A document type, a processing instruction or a CDATA section.
    Forbidden,
    /// An element or an attribute that FHIR does not allow.
    NotAllowed,
}

/// A part of a `div`.
enum Part<'p> {
    Element(&'p str),
    /// The name and the raw value of an attribute.
    Attribute(&'p str, &'p str),
    /// Text or an entity.
    Words,
}

/// Checks that a `div` is valid by itself in a document of XML.
pub(crate) fn stands_alone(div: &str) -> Result<(), XhtmlFault> {
    read(div, &Limits { depth: 100, attributes: 32 }, |_| Ok(()))
}

/// Validates a `div`. The error is a sentence that says what to do.
pub(crate) fn check(div: &str) -> Result<(), &'static str> {
    if !div.starts_with(OPENING) {
        return Err("Begin the narrative with <div xmlns=\"http://www.w3.org/1999/xhtml\">.");
    }
    let mut has_content = false;
    let read = read(div, &Limits { depth: usize::MAX, attributes: usize::MAX }, |part| {
        let is_allowed = match part {
            Part::Element(written) => {
                let name =
                    written.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
                has_content |= name == "img";
                let is_listed = ELEMENTS.contains(&name);
                if name.is_empty() || (is_listed && name != written) {
                    return Err(XhtmlFault::NotFormed);
                }
                is_listed
            }
            Part::Attribute(name, value) => {
                ATTRIBUTES.contains(&name) && !(is_link(name) && runs(name, value))
            }
            Part::Words => {
                has_content = true;
                true
            }
        };
        if is_allowed { Ok(()) } else { Err(XhtmlFault::NotAllowed) }
    });
    match read {
        Ok(()) if has_content => Ok(()),
        Ok(()) => Err("txt-2: Give the narrative some words, or leave it out."),
        Err(XhtmlFault::NotAllowed | XhtmlFault::Namespace) => Err(NOT_ALLOWED),
        Err(XhtmlFault::Character | XhtmlFault::NotFormed | XhtmlFault::TooDeep | XhtmlFault::Forbidden) => {
            Err(NOT_FORMED)
        }
    }
}

/// Parses a `div` from its start to its end.
fn read(
    div: &str,
    limits: &Limits,
    mut see: impl FnMut(Part<'_>) -> Result<(), XhtmlFault>,
) -> Result<(), XhtmlFault> {
    if !div.chars().all(is_char) {
        return Err(XhtmlFault::Character);
    }
    let mut reader = Reader::from_str(div);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let (mut depth, mut closed) = (0_usize, false);
    loop {
        match reader.read_event().or(Err(XhtmlFault::NotFormed))? {
            Event::Start(start) => {
                let name = start.name();
                if closed || (depth == 0 && name.into_inner() != "div") {
                    return Err(XhtmlFault::NotFormed);
                }
                see(Part::Element(name.into_inner()))?;
                let has_namespace = attributes(&start, limits.attributes, &mut see)?;
                if name.prefix().is_some() || (depth == 0 && !has_namespace) {
                    return Err(XhtmlFault::Namespace);
                }
                depth += 1;
                if depth > limits.depth {
                    return Err(XhtmlFault::TooDeep);
                }
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or(XhtmlFault::NotFormed)?;
                closed = depth == 0;
            }
            Event::Text(text) if text.trim().is_empty() => {}
            Event::Text(_) if depth > 0 => see(Part::Words)?,
            Event::Comment(_) if depth > 0 => {}
            Event::GeneralRef(entity) if depth > 0 => {
                reference(&entity)?;
                see(Part::Words)?;
            }
            Event::CData(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                return Err(XhtmlFault::Forbidden);
            }
            Event::Eof if closed => return Ok(()),
            Event::Text(_) | Event::Comment(_) | Event::GeneralRef(_) | Event::Eof | Event::Empty(_) => {
                return Err(XhtmlFault::NotFormed);
            }
        }
    }
}

/// Parses the attributes of an element, and returns whether they name the namespace. No other can be named,
/// so every element below is XHTML too.
fn attributes(
    start: &BytesStart<'_>,
    most: usize,
    see: &mut impl FnMut(Part<'_>) -> Result<(), XhtmlFault>,
) -> Result<bool, XhtmlFault> {
    if !is_spaced(start) {
        return Err(XhtmlFault::NotFormed);
    }
    let mut has_namespace = false;
    for (count, attribute) in start.attributes().enumerate() {
        let attribute = attribute.or(Err(XhtmlFault::NotFormed))?;
        let prefix = attribute.key.prefix().map(Prefix::into_inner);
        if count >= most || !matches!(prefix, None | Some("xml")) || !is_formed(&attribute) {
            return Err(XhtmlFault::NotFormed);
        }
        let name = attribute.key.into_inner();
        see(Part::Attribute(name, &attribute.value))?;
        if name == "xmlns" {
            if &*attribute.value != XHTML {
                return Err(XhtmlFault::Namespace);
            }
            has_namespace = true;
        }
    }
    Ok(has_namespace)
}

/// Whether white space precedes each attribute: quick-xml accepts them without.
fn is_spaced(tag: &str) -> bool {
    let (mut quote, mut is_closed) = (None, false);
    tag.chars().all(|letter| {
        let is_spaced = !is_closed || letter.is_ascii_whitespace();
        is_closed = quote == Some(letter);
        quote = match (quote, letter) {
            (Some(_), _) if is_closed => None,
            (None, '"' | '\'') => Some(letter),
            (quote, _) => quote,
        };
        is_spaced
    })
}

fn is_formed(attribute: &Attribute<'_>) -> bool {
    let is_name = !attribute.key.into_inner().contains(['<', '>', '"', '\'', '&']);
    // The characters of a value without a reference were checked with the whole text.
    let is_value = !attribute.value.contains('<')
        && (!attribute.value.contains('&')
            || attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .is_ok_and(|value| value.chars().all(is_char)));
    is_name && is_value
}

/// Accepts the five entities of XML itself, and numeric character references.
fn reference(entity: &BytesRef<'_>) -> Result<(), XhtmlFault> {
    match entity.resolve_char_ref() {
        Ok(Some(letter)) if is_char(letter) => Ok(()),
        Ok(None) if matches!(&**entity, "amp" | "lt" | "gt" | "quot" | "apos") => Ok(()),
        _ => Err(XhtmlFault::NotFormed),
    }
}

fn is_link(attribute: &str) -> bool {
    matches!(attribute, "href" | "src" | "cite" | "longdesc" | "usemap")
}

/// Whether a link is active content. A scheme that is hidden behind entities or white space is treated as
/// such.
fn runs(name: &str, link: &str) -> bool {
    let is_known = |scheme: &str| {
        let known = ["http", "https", "mailto", "tel", "urn", "ftp"];
        known.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    };
    // Pictures within the text, as in HL7's own narratives. An SVG can hold a script.
    let is_picture = |scheme: &str, rest: &str| {
        let kind = rest.trim_start();
        name == "src" && scheme == "data" && kind.starts_with("image/") && !kind.starts_with("image/svg")
    };
    let scheme = link.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '#', '?']));
    scheme.is_some_and(|(scheme, rest)| !is_known(scheme) && !is_picture(scheme, rest))
        || link.starts_with(char::is_whitespace)
        || link.contains("&#")
}

#[cfg(test)]
mod tests {
    use super::{NOT_ALLOWED, NOT_FORMED, check, stands_alone};
    use proptest::prelude::*;

    fn div(inner: &str) -> String {
        format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>")
    }

    #[test]
    fn allowed_xhtml_formatting_is_accepted() {
        for inner in [
            "words",
            "<p>a <b>b</b><br/>&amp; &#160; &#xA0;</p>",
            "<a href=\"http://a/b?c=d&amp;e\" title='x'>a</a>",
            "<img src=\"#a\" alt=\"a\" />",
            "<img src=\"data: image/png;base64,YQ==\"/>",
            "<!-- c --><table><tr><td colspan=\"2\">1</td></tr></table>",
        ] {
            assert_eq!(check(&div(inner)), Ok(()), "{inner}");
        }
        assert_eq!(check("<div xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">a</div>\n"), Ok(()));
    }

    #[test]
    fn other_xhtml_is_rejected() {
        for inner in [
            "<script>a</script>",
            "<p onclick=\"a\">a</p>",
            "<a href=\"javascript:a\">a</a>",
            "<a href=\" javascript:a\">a</a>",
            "<a href=\"java&#115;cript:a\">a</a>",
            "<p>a",
            "a</p>",
            "<p><b>a</p></b>",
            "a &nbsp; b",
            "a & b",
            "<p class=a>a</p>",
            "<P>a</P>",
            "<?a?>a",
            "<!DOCTYPE a>a",
            "<![CDATA[a]]>",
            "<iframe>a</iframe>",
            "<p class=\"a\"title=\"b\">a</p>",
            " ",
            "<p> </p>",
            "a</div><div>b",
            "<form>a</form>",
            "<p class=\"<\">a</p>",
            "<",
            "<p",
            "<!-- a",
            "<a href=\"data:text/html,a\">a</a>",
            "<a href=\"data:image/png;base64,YQ==\">a</a>",
            "<img src=\"data:image/svg+xml,a\"/>",
        ] {
            assert!(check(&div(inner)).is_err(), "{inner}");
        }
        for after in ["<!-- a -->", "a", "<p/>", "&amp;"] {
            assert_eq!(check(&(div("a") + after)), Err(NOT_FORMED), "{after}");
        }
        for text in ["", "words", "<div>a</div>", "<p xmlns=\"http://www.w3.org/1999/xhtml\">a</p>"] {
            assert!(check(text).unwrap_err().starts_with("Begin"), "{text}");
        }
    }

    /// Which of the two sentences each kind of fault gets.
    #[test]
    fn xhtml_syntax_and_content_errors_are_distinguished() {
        for (inner, words) in [
            ("<script>a</script>", NOT_ALLOWED),
            ("<P>a</P>", NOT_ALLOWED),
            ("<x:p>a</x:p>", NOT_ALLOWED),
            ("<p onclick=\"a\">a</p>", NOT_ALLOWED),
            ("<p xmlns=\"urn:x\">a</p>", NOT_ALLOWED),
            ("<p:x>a</p:x>", NOT_FORMED),
            ("<p<b>a</p>", NOT_FORMED),
            ("<?a?>a", NOT_FORMED),
            ("<p class=\"a\" class=\"b\">a</p>", NOT_FORMED),
            ("<p class='a'title='b'>a</p>", NOT_FORMED),
            ("<!-- a -- b -->a", NOT_FORMED),
            ("&#0;", NOT_FORMED),
            ("<p title=\"&#xFFFE;\">a</p>", NOT_FORMED),
            ("\u{1}", NOT_FORMED),
        ] {
            assert_eq!(check(&div(inner)), Err(words), "{inner}");
        }
    }

    proptest! {
        /// A narrative that may be shown can be embedded in XML, except for the limits of XML here.
        #[test]
        fn xhtml_check_never_panics_and_accepted_div_is_well_formed(
            text in "[<>/=\"'&;# a-e!?é-]{0,60}",
            tags in r#"((<p|<b|<a|<br|<!--|-->|</p>|</b>|</a>)|( class="a"| href='b'| title="&#0;"|xmlns="u")|(>|/>|a|&amp;|&#160;|&#0;| )){0,9}"#,
        ) {
            for text in [text, tags] {
                let div = div(&text);
                prop_assert!(check(&div).is_err() || stands_alone(&div).is_ok(), "{}", div);
            }
        }
    }
}
