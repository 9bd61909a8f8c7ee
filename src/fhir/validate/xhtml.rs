//! The narrative: a subset of XHTML that may be shown to people, without anything that runs
//! (<https://hl7.org/fhir/R4/narrative.html#xhtml>; txt-1, txt-2).

const OPENING: &str = "<div xmlns=\"http://www.w3.org/1999/xhtml\"";

/// The basic formatting elements of HTML 4.0, chapters 7 to 11 (without 9.4) and 15, links and images.
const ELEMENTS: &str = "p br div h1 h2 h3 h4 h5 h6 a span b em i strong small big tt dfn q var abbr acronym cite \
    blockquote hr address bdo kbd sub sup ul ol li dl dt dd pre table caption colgroup col thead tr tfoot tbody th \
    td code samp img map area";

const ATTRIBUTES: &str = "title style class id lang xml:lang xml:space dir accesskey tabindex xmlns span width height \
    align valign char charoff abbr axis headers scope rowspan colspan href name type charset hreflang rel rev shape \
    coords src alt longdesc usemap ismap border cite summary frame rules cellspacing cellpadding start value compact";

const NOT_FORMED: &str = "txt-1: Close every element, quote every attribute, and write & and < as entities of XML (&amp;, &#160;).";
const NOT_ALLOWED: &str = "txt-1: Use only the formatting elements and attributes that FHIR allows: no scripts, forms, frames or events.";

/// Judges a `div`. The error is a sentence that says what to do.
pub(super) fn check(text: &str) -> Result<(), &'static str> {
    if !text.starts_with(OPENING) {
        return Err("Begin the narrative with <div xmlns=\"http://www.w3.org/1999/xhtml\">.");
    }
    let mut reader = Reader { rest: text, open: Vec::new(), has_content: false };
    while !reader.rest.is_empty() {
        reader.step()?;
        if reader.open.is_empty() {
            break;
        }
    }
    if !reader.open.is_empty() || !reader.rest.trim().is_empty() {
        return Err(NOT_FORMED);
    }
    if reader.has_content { Ok(()) } else { Err("txt-2: Give the narrative some words, or leave it out.") }
}

struct Reader<'a> {
    rest: &'a str,
    open: Vec<&'a str>,
    has_content: bool,
}

impl<'a> Reader<'a> {
    /// Reads the words up to the next tag, and that tag.
    fn step(&mut self) -> Result<(), &'static str> {
        let (words, rest) = self.rest.split_once('<').ok_or(NOT_FORMED)?;
        self.has_content |= !words.trim().is_empty();
        check_entities(words)?;
        if let Some(comment) = rest.strip_prefix("!--") {
            self.rest = comment.split_once("-->").ok_or(NOT_FORMED)?.1;
            return Ok(());
        }
        if let Some(closing) = rest.strip_prefix('/') {
            let (name, rest) = closing.split_once('>').ok_or(NOT_FORMED)?;
            self.rest = rest;
            return if self.open.pop() == Some(name.trim_end()) { Ok(()) } else { Err(NOT_FORMED) };
        }
        self.opening(rest)
    }

    fn opening(&mut self, tag: &'a str) -> Result<(), &'static str> {
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).ok_or(NOT_FORMED)?;
        let (name, mut rest) = tag.split_at_checked(end).ok_or(NOT_FORMED)?;
        if !is_listed(ELEMENTS, name) {
            return Err(if name.is_empty() { NOT_FORMED } else { NOT_ALLOWED });
        }
        self.has_content |= name == "img";
        loop {
            let trimmed = rest.trim_start();
            if let Some(after) = trimmed.strip_prefix("/>") {
                self.rest = after;
                return Ok(());
            }
            if let Some(after) = trimmed.strip_prefix('>') {
                self.rest = after;
                self.open.push(name);
                return Ok(());
            }
            if trimmed.len() == rest.len() {
                return Err(NOT_FORMED);
            }
            rest = attribute(trimmed)?;
        }
    }
}

/// Reads one attribute and gives what follows it.
fn attribute(text: &str) -> Result<&str, &'static str> {
    let (name, rest) = text.split_once('=').ok_or(NOT_FORMED)?;
    let rest = rest.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(NOT_FORMED)?;
    let (value, rest) = rest.get(1..).and_then(|rest| rest.split_once(quote)).ok_or(NOT_FORMED)?;
    let name = name.trim_end();
    if value.contains('<') || name.contains(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"')) {
        return Err(NOT_FORMED);
    }
    check_entities(value)?;
    let is_link = matches!(name, "href" | "src" | "cite" | "longdesc" | "usemap");
    if !is_listed(ATTRIBUTES, name) || (is_link && runs(name, value)) {
        return Err(NOT_ALLOWED);
    }
    Ok(rest)
}

/// Whether a link runs something when it is followed. A scheme that is hidden behind entities or
/// white space is taken for the worst.
fn runs(name: &str, link: &str) -> bool {
    let is_known = |scheme: &str| {
        let known = ["http", "https", "mailto", "tel", "urn", "ftp"];
        known.iter().any(|known| scheme.eq_ignore_ascii_case(known))
    };
    // Pictures within the text, as HL7's own narratives have them. An SVG can hold a script.
    let is_picture = |scheme: &str, rest: &str| {
        let kind = rest.trim_start();
        name == "src" && scheme == "data" && kind.starts_with("image/") && !kind.starts_with("image/svg")
    };
    let scheme = link.split_once(':').filter(|(scheme, _)| !scheme.contains(['/', '#', '?']));
    scheme.is_some_and(|(scheme, rest)| !is_known(scheme) && !is_picture(scheme, rest))
        || link.starts_with(char::is_whitespace)
        || link.contains("&#")
}

fn check_entities(text: &str) -> Result<(), &'static str> {
    let is_number = |name: &str| {
        let digits = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        let number = name.strip_prefix('#').unwrap_or_default();
        number.strip_prefix('x').map_or_else(|| digits(number, 10), |hex| digits(hex, 16))
    };
    let is_entity = |after: &str| {
        after
            .split_once(';')
            .is_some_and(|(name, _)| matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") || is_number(name))
    };
    if text.split('&').skip(1).all(is_entity) { Ok(()) } else { Err(NOT_FORMED) }
}

fn is_listed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|listed| listed == name)
}

#[cfg(test)]
mod tests {
    use super::check;
    use proptest::prelude::*;

    fn div(inner: &str) -> String {
        format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>")
    }

    #[test]
    fn formatted_words_are_taken() {
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
    fn everything_else_is_refused() {
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
        for text in ["", "words", "<div>a</div>", "<p xmlns=\"http://www.w3.org/1999/xhtml\">a</p>"] {
            assert!(check(text).unwrap_err().starts_with("Begin"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[<>/=\"'&;# a-e!?é-]{0,60}") {
            let _either = check(&div(&text));
        }
    }
}
