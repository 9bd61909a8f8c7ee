//! The tokens of a FHIRPath expression (<https://hl7.org/fhirpath/N1/#lexical-elements>).

use super::fault::FhirPathFault;

/// One token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LexerToken {
    /// A name, or a keyword such as `and`. A name between back quotes is never a keyword.
    Name { text: String, quoted: bool },
    /// A text between single quotes.
    Text(String),
    /// A number, as written.
    Number(String),
    /// A date or time, without its `@`.
    Time(String),
    /// `$this` and the like, without the `$`.
    Special(String),
    /// `%resource` and the like, without the `%`.
    Variable(String),
    /// Punctuation or an operator.
    Symbol(&'static str),
}

/// The longest expression in R4 is a union of about 300 tokens.
const MOST_WORDS: usize = 600;
const LONGEST: usize = 8_000;

/// Longer ones first: `<=` is not `<` and `=`.
const SYMBOLS: &[&str] = &[
    "!=", "!~", "<=", ">=", ".", ",", "(", ")", "[", "]", "{", "}", "|", "=", "~", "<", ">", "+", "-", "*",
    "/", "&",
];

pub(super) fn split(text: &str) -> Result<Vec<LexerToken>, FhirPathFault> {
    if text.len() > LONGEST {
        return Err(FhirPathFault::TooLong);
    }
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, after) = next(first, rest)?;
        tokens.push(token);
        if tokens.len() > MOST_WORDS {
            return Err(FhirPathFault::TooLong);
        }
        rest = after.trim_start();
    }
    Ok(tokens)
}

fn next(first: char, rest: &str) -> Result<(LexerToken, &str), FhirPathFault> {
    let after_first = rest.get(first.len_utf8()..).unwrap_or_default();
    match first {
        '\'' => quoted(after_first, '\'').map(|(text, after)| (LexerToken::Text(text), after)),
        '`' => quoted(after_first, '`').map(|(text, after)| (LexerToken::Name { text, quoted: true }, after)),
        '@' => {
            let (text, after) = take(after_first, |c| c.is_ascii_alphanumeric() || "-:.+".contains(c));
            Ok((LexerToken::Time(text.to_owned()), after))
        }
        '$' => {
            let (name, after) = take(after_first, is_name);
            Ok((LexerToken::Special(name.to_owned()), after))
        }
        '%' => {
            let quote = after_first.chars().next().filter(|c| matches!(c, '`' | '\''));
            if let Some(quote) = quote {
                let (name, after) = quoted(after_first.get(1..).unwrap_or_default(), quote)?;
                return Ok((LexerToken::Variable(name), after));
            }
            let (name, after) = take(after_first, |c| is_name(c) || c == '-');
            Ok((LexerToken::Variable(name.to_owned()), after))
        }
        '0'..='9' => Ok(number(rest)),
        _ if is_name(first) => {
            let (name, after) = take(rest, is_name);
            Ok((LexerToken::Name { text: name.to_owned(), quoted: false }, after))
        }
        _ => SYMBOLS
            .iter()
            .find_map(|symbol| rest.strip_prefix(symbol).map(|after| (LexerToken::Symbol(symbol), after)))
            .ok_or(FhirPathFault::Syntax),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn take(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

/// A number; a point belongs to it only when a digit follows, as in `1.5` and not in `1.exists()`.
fn number(text: &str) -> (LexerToken, &str) {
    let (whole, after) = take(text, |c| c.is_ascii_digit());
    let fraction = after.strip_prefix('.').map(|rest| take(rest, |c| c.is_ascii_digit()));
    match fraction {
        Some((digits, after)) if !digits.is_empty() => {
            (LexerToken::Number(format!("{whole}.{digits}")), after)
        }
        _ => (LexerToken::Number(whole.to_owned()), after),
    }
}

/// The text up to the closing quote, with its escapes resolved.
fn quoted(text: &str, quote: char) -> Result<(String, &str), FhirPathFault> {
    let mut content = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        if letter == quote {
            return Ok((content, text.get(at + quote.len_utf8()..).unwrap_or_default()));
        }
        if letter != '\\' {
            content.push(letter);
            continue;
        }
        let (at, escape) = letters.next().ok_or(FhirPathFault::Syntax)?;
        content.push(match escape {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            '\\' | '/' | '\'' | '"' | '`' => escape,
            'u' => {
                let digits = text.get(at + 1..at + 5).ok_or(FhirPathFault::Syntax)?;
                letters.nth(3);
                let code = u32::from_str_radix(digits, 16).or(Err(FhirPathFault::Syntax))?;
                char::from_u32(code).ok_or(FhirPathFault::Syntax)?
            }
            _ => return Err(FhirPathFault::Syntax),
        });
    }
    Err(FhirPathFault::Syntax)
}
