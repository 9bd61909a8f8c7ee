//! Both directions, and documents that must be refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fault::XmlFault;
use super::{parse, parse_text, render};

const DIV: &str =
    r#"<div xmlns="http://www.w3.org/1999/xhtml"><p>Mary <b>Ann</b> &amp; co&#160;<br/></p></div>"#;

fn there_and_back(resource: &Value) {
    for pretty in [false, true] {
        let xml = render(resource, pretty);
        assert_eq!(parse_text(&xml, 64).as_ref(), Ok(resource), "{xml}");
    }
}

fn patient(inside: &str) -> Result<Value, XmlFault> {
    parse_text(&format!(r#"<Patient xmlns="http://hl7.org/fhir">{inside}</Patient>"#), 64)
}

#[test]
fn json_to_xml_round_trip() {
    there_and_back(&json!({
        "resourceType": "Patient",
        "id": "1",
        "text": { "status": "generated", "div": DIV },
        "contained": [{ "resourceType": "Organization", "id": "o", "name": "A & B <\"'>\n\tC" }],
        "extension": [{ "id": "e", "url": "http://example.org/a", "valueDecimal": 1 }],
        "active": true,
        "name": [{ "id": "n", "given": ["Ann", null, "B"], "_given": [null, { "extension": [{ "url": "u", "valueCode": "x" }] }, { "id": "g" }] }],
        "_birthDate": { "extension": [{ "url": "u", "valueDateTime": "2026-01-01" }] },
        "multipleBirthInteger": 2,
    }));
    let decimals: Value = serde_json::from_str(
        r#"{"resourceType":"Parameters","parameter":[{"name":"a","valueDecimal":1.50},{"name":"b","part":[{"name":"c","resource":{"resourceType":"Bundle","type":"collection","total":0,"link":[{"relation":"self","url":"http://x"}]}}]}]}"#,
    )
    .unwrap();
    there_and_back(&decimals);
}

#[test]
fn elements_are_written_in_the_order_of_the_definition() {
    let xml = render(
        &json!({ "gender": "female", "name": [{ "family": "A" }], "id": "1", "resourceType": "Patient" }),
        false,
    );
    let wanted = r#"<Patient xmlns="http://hl7.org/fhir"><id value="1"/><name><family value="A"/></name><gender value="female"/></Patient>"#;
    assert!(xml.ends_with(wanted), "{xml}");
}

#[test]
fn prefixes_comments_and_schema_hints_change_nothing() {
    let xml = r#"<?xml version="1.0" encoding="utf-8"?><!-- a --><f:Patient xmlns:f="http://hl7.org/fhir"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://hl7.org/fhir fhir.xsd">
        <f:id value="1"/><!-- b --></f:Patient>
        <!-- c -->"#;
    assert_eq!(parse_text(xml, 64), Ok(json!({ "resourceType": "Patient", "id": "1" })));
    assert_eq!(parse_text(&format!("\u{FEFF}{xml}"), 64), parse_text(xml, 64));
    let escaped = patient(
        r#"<id value="&amp;lt;&#x41; a
b&#10;c"/>"#,
    );
    assert_eq!(escaped.unwrap()["id"], "&lt;A a b\nc");
}

/// The validator must see unknown elements, to report them: they are neither refused here nor lost.
#[test]
fn unknown_xml_elements_are_kept_for_the_validator() {
    let read = patient(
        r#"<pateint value="x"/><gender value="a"/><gender value="b"/><active value="yes"/><multipleBirthInteger value="007"/><odd><a value="1"/><a value="2"/></odd>"#,
    );
    assert_eq!(
        read,
        Ok(json!({
            "resourceType": "Patient", "pateint": "x", "gender": ["a", "b"], "active": "yes",
            "multipleBirthInteger": "007", "odd": { "a": ["1", "2"] },
        }))
    );
}

#[test]
fn each_parse_error_is_named() {
    for (inside, fault) in [
        (r#"<id value=""/>"#, XmlFault::Empty),
        ("<id/>", XmlFault::Empty),
        ("<name/>", XmlFault::Empty),
        ("<id>1</id>", XmlFault::Text),
        ("&amp;", XmlFault::Text),
        ("<![CDATA[x]]>", XmlFault::Forbidden),
        ("<?php x?>", XmlFault::Forbidden),
        (r#"<?xml version="1.0"?>"#, XmlFault::Forbidden),
        (r#"<id value="&nbsp;"/>"#, XmlFault::Forbidden),
        (r#"<id value="&#0;"/>"#, XmlFault::Forbidden),
        (r#"<id value="&#8;"/>"#, XmlFault::Malformed),
        (r#"<id value="<"/>"#, XmlFault::Malformed),
        (r#"<id value="1" value="2"/>"#, XmlFault::Malformed),
        (r"<id value=1/>", XmlFault::Malformed),
        ("<id value=\"\u{1}\"/>", XmlFault::Malformed),
        ("</Patient>", XmlFault::Malformed),
        (r#"<id value="1">"#, XmlFault::Malformed),
        (r#"<id valeu="1"/>"#, XmlFault::Attribute),
        (r#"<name url="1"/>"#, XmlFault::Attribute),
        (r#"<id xmlns="urn:x" value="1"/>"#, XmlFault::Namespace),
        (r#"<x:id value="1"/>"#, XmlFault::Namespace),
        ("<div/>", XmlFault::Empty),
        (r#"<resourceType value="Consent"/>"#, XmlFault::Element),
        (r#"<name><id value="1"/></name>"#, XmlFault::Element),
        (r#"<extension><url value="1"/></extension>"#, XmlFault::Element),
        (r#"<_birthDate value="1"/>"#, XmlFault::Element),
    ] {
        assert_eq!(patient(inside), Err(fault), "{inside}");
    }
    for (document, fault) in [
        ("", XmlFault::Malformed),
        ("x", XmlFault::Text),
        ("<Patient/>", XmlFault::Namespace),
        (r#"<Patient xmlns="http://hl7.org/fhir" id="1"/>"#, XmlFault::Attribute),
        (r#"<patient xmlns="http://hl7.org/fhir"/>"#, XmlFault::Element),
        (
            r#"<Patient xmlns="http://hl7.org/fhir"/><Patient xmlns="http://hl7.org/fhir"/>"#,
            XmlFault::Malformed,
        ),
        (r#"<Patient xmlns="http://hl7.org/fhir"/> x"#, XmlFault::Text),
        (r#"<!DOCTYPE Patient><Patient xmlns="http://hl7.org/fhir"/>"#, XmlFault::Forbidden),
        (
            r#"<?xml version="1.0" encoding="latin-1"?><Patient xmlns="http://hl7.org/fhir"/>"#,
            XmlFault::Forbidden,
        ),
        (r#" <?xml version="1.0"?><Patient xmlns="http://hl7.org/fhir"/>"#, XmlFault::Forbidden),
        (DIV, XmlFault::Namespace),
    ] {
        assert_eq!(parse_text(document, 64), Err(fault), "{document}");
    }
    assert_eq!(parse(b"<\xff/>", 64), Err(XmlFault::Malformed));
}

#[test]
fn a_narrative_is_kept_to_the_letter_or_refused() {
    let text = |div: &str| patient(&format!(r#"<text><status value="generated"/>{div}</text>"#));
    assert_eq!(text(DIV).unwrap()["text"]["div"], DIV);
    for (div, fault) in [
        (r"<div><p>x</p></div>", XmlFault::Text),
        (r#"<h:div xmlns:h="http://www.w3.org/1999/xhtml">x</h:div>"#, XmlFault::Narrative),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml">&nbsp;</div>"#, XmlFault::Narrative),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml">&#0;</div>"#, XmlFault::Narrative),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml"><a href="&x;"/></div>"#, XmlFault::Narrative),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml"><p xmlns="urn:x"/></div>"#, XmlFault::Narrative),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml"><b></p></div>"#, XmlFault::Malformed),
        (r#"<div xmlns="http://www.w3.org/1999/xhtml"><![CDATA[x]]></div>"#, XmlFault::Forbidden),
    ] {
        assert_eq!(text(div), Err(fault), "{div}");
    }
}

/// XML 1.0 §2.11: every line end is read as a line feed.
#[test]
fn xml_line_ends_are_normalized() {
    let div = DIV.replace("<p>", "<p>\r\n\r");
    let read = patient(&format!("\r\n<text>\r{div}</text>")).unwrap();
    assert_eq!(read["text"]["div"], DIV.replace("<p>", "<p>\n\n"));
}

/// Invalid XHTML cannot break the XML around it.
#[test]
fn invalid_narrative_is_written_as_escaped_text() {
    for div in ["</text><active value=\"true\"/>", "<div>x", "a < b", "<!DOCTYPE x>", "\u{0}"] {
        let xml = render(&json!({ "resourceType": "Patient", "text": { "div": div } }), false);
        let read = parse_text(&xml, 64).unwrap();
        assert!(read.get("active").is_none() && read["text"]["div"].is_string(), "{xml}");
    }
}

#[test]
fn xml_attacks_are_rejected() {
    let laughs: String = (1..10).fold(String::new(), |all, n| {
        all + &format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))
    });
    let laughs = format!(
        r#"<!DOCTYPE l [<!ENTITY l0 "l">{laughs}]><Patient xmlns="http://hl7.org/fhir"><id value="&l9;"/></Patient>"#
    );
    assert_eq!(parse_text(&laughs, 64), Err(XmlFault::Forbidden));
    let file =
        r#"<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><Patient xmlns="http://hl7.org/fhir"/>"#;
    assert_eq!(parse_text(file, 64), Err(XmlFault::Forbidden));
    assert_eq!(patient(&"<extension url=\"u\">".repeat(10_000)), Err(XmlFault::TooDeep));
    let deep = format!(
        r#"<text><div xmlns="http://www.w3.org/1999/xhtml">{}{}</div></text>"#,
        "<p>".repeat(10_000),
        "</p>".repeat(10_000)
    );
    assert_eq!(patient(&deep), Err(XmlFault::TooDeep));
    let many: String = (0..100_000).fold(String::new(), |all, n| all + &format!(" a{n}=\"1\""));
    assert_eq!(patient(&format!("<id{many}/>")), Err(XmlFault::Attribute));
    let many: String = (0..100_000).fold(String::new(), |all, n| all + &format!(" xmlns:a{n}=\"urn:{n}\""));
    assert_eq!(patient(&format!("<id{many}/>")), Err(XmlFault::Malformed));
}

#[test]
fn truncated_xml_is_rejected() {
    let xml = render(
        &json!({ "resourceType": "Patient", "text": { "status": "generated", "div": DIV }, "active": true }),
        true,
    );
    for end in 0..xml.len() {
        assert!(parse(&xml.as_bytes()[..end], 64).is_err(), "{}", &xml[..end]);
    }
}

proptest! {
    #[test]
    fn parsing_any_bytes_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _either = parse(&bytes, 8);
    }

    #[test]
    fn parsed_xml_can_be_rendered_again(
        inside in r#"((<|</|<!--|-->|<\?|\?>|<!|\]\]>)|(id|text|div|name|extension|x:|[a-zé]|-)|( value| url| id| xmlns)|(="|='|"|')|(>|/>| )|(&|;|#|[0-9])){0,40}"#,
    ) {
        if let Ok(read) = patient(&inside) {
            prop_assert!(parse_text(&render(&read, true), 64).is_ok());
        }
    }

    #[test]
    fn any_text_round_trips_through_xml(text in r"\PC{1,20}|[ -~\n\t\r]{1,20}") {
        there_and_back(&json!({ "resourceType": "Patient", "id": text }));
    }
}

// covers FAULT-18
/// R4's integers are `[0]|[-+]?[1-9][0-9]*`, its decimals are numbers of JSON.
#[test]
fn numbers_are_written_as_r4_writes_them() {
    for (text, number) in [
        ("5", "5"),
        ("+5", "5"),
        ("+10", "10"),
        ("-5", "-5"),
        ("0", "0"),
        ("-0", "-0"),
        ("+0", "\"+0\""),
        ("++5", "\"++5\""),
        ("+-5", "\"+-5\""),
        ("+05", "\"+05\""),
        ("05", "\"05\""),
        ("+ 5", "\"+ 5\""),
        ("5 ", "\"5 \""),
        ("5.0", "\"5.0\""),
        ("5e1", "\"5e1\""),
    ] {
        let read = patient(&format!(r#"<multipleBirthInteger value="{text}"/>"#)).unwrap();
        assert_eq!(read["multipleBirthInteger"].to_string(), number, "{text}");
        let is_sound = crate::validate::validate(&read, "Patient").is_empty();
        assert_eq!(is_sound, !number.starts_with('"') && number != "-0", "{text}");
    }
    for (text, is_number) in
        [("1.50", true), ("-0.0", true), ("1e5", true), ("1E-5", true), ("+1.5", false), ("01.5", false)]
    {
        let extension =
            format!(r#"<extension url="http://example.org/a"><valueDecimal value="{text}"/></extension>"#);
        let read = patient(&extension).unwrap();
        assert_eq!(read["extension"][0]["valueDecimal"].is_number(), is_number, "{text}");
    }
    let exponent =
        patient(r#"<extension url="http://example.org/a"><valueDecimal value="1e+5"/></extension>"#).unwrap();
    assert!(exponent["extension"][0]["valueDecimal"].is_number());
}
