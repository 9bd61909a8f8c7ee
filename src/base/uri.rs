//! Paths of URIs in their normal form (RFC 3986, section 6.2.2).

use std::borrow::Cow;

/// Decodes those percent-encodings of a path that mean the same without (RFC 3986, section 6.2.2.2): of
/// letters, digits and `-._~`, and of the characters in `also`. Remaining encodings get capital digits. An
/// encoded `/` or `%` stays encoded, so that the segments of a path do not change.
pub fn normal_path<'p>(path: &'p str, also: &[char]) -> Cow<'p, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let encoded = after.get(..2).and_then(|digits| Some((digits, byte(digits)?)));
        let Some((digits, byte)) = encoded else {
            normal.push('%');
            rest = after;
            continue;
        };
        let letter = char::from(byte);
        let is_unreserved = letter.is_ascii_alphanumeric() || "-._~".contains(letter);
        if is_unreserved || (also.contains(&letter) && !matches!(letter, '/' | '%')) {
            normal.push(letter);
        } else {
            normal.push('%');
            normal.push_str(&digits.to_ascii_uppercase());
        }
        rest = after.get(2..).unwrap_or_default();
    }
    normal.push_str(rest);
    Cow::Owned(normal)
}

/// The byte of two hexadecimal digits.
fn byte(digits: &str) -> Option<u8> {
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { u8::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::normal_path;
    use proptest::prelude::*;

    // covers FAULT-10
    #[test]
    fn only_unreserved_percent_encodings_are_decoded() {
        for (path, normal) in [
            ("Consent/1", "Consent/1"),
            ("%43onsent/%5Fsearch", "Consent/_search"),
            ("Patient/1/%24everything", "Patient/1/$everything"),
            ("a%2eb%2D%7e%5f", "a.b-~_"),
            ("a%2Fb%2fc", "a%2Fb%2Fc"),
            ("%2541", "%2541"),
            ("%41%25%34%31", "A%2541"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%+1%é", "%zz%+1%é"),
            ("%C3%a9", "%C3%A9"),
        ] {
            assert_eq!(normal_path(path, &['$']), normal, "{path}");
        }
        assert_eq!(normal_path("%24%2a%2F%25", &[]), "%24%2A%2F%25");
        assert_eq!(normal_path("%2F%25", &['/', '%']), "%2F%25");
    }

    proptest! {
        #[test]
        fn path_normalization_is_idempotent_and_keeps_segments(path in "[a%0-9A-F/$é]{0,40}") {
            let normal = normal_path(&path, &['$']).into_owned();
            prop_assert_eq!(normal_path(&normal, &['$']).matches('/').count(), path.matches('/').count());
        }
    }
}
