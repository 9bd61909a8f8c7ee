//! From tokens to a tree, by precedence climbing (<https://hl7.org/fhirpath/N1/grammar.html>).

use serde_json::Value;

use super::expression::{Expr, Operator, TYPE_BINDING};
use super::fault::FhirPathFault;
use super::lexer::{LexerToken, split};

/// The deepest nesting of brackets and calls.
const DEEPEST: usize = 24;

pub(super) fn parse(text: &str) -> Result<Expr, FhirPathFault> {
    let tokens = split(text)?;
    let mut parser = Parser { tokens: &tokens, left: DEEPEST };
    let whole = parser.expression(1)?;
    if parser.tokens.is_empty() { Ok(whole) } else { Err(FhirPathFault::Syntax) }
}

struct Parser<'a> {
    tokens: &'a [LexerToken],
    left: usize,
}

impl<'a> Parser<'a> {
    fn next(&mut self) -> Option<&'a LexerToken> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(LexerToken::Symbol(symbol)) if *symbol == wanted);
        if found {
            self.next();
        }
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), FhirPathFault> {
        if self.skip(wanted) { Ok(()) } else { Err(FhirPathFault::Syntax) }
    }

    fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, FhirPathFault>,
    ) -> Result<T, FhirPathFault> {
        self.left = self.left.checked_sub(1).ok_or(FhirPathFault::TooLong)?;
        let answer = inner(self);
        self.left += 1;
        answer
    }

    /// An expression whose operators bind at least as tightly as `floor`.
    fn expression(&mut self, floor: u8) -> Result<Expr, FhirPathFault> {
        let mut left = self.deeper(Self::unary)?;
        while let Some(word) = self.operator_word() {
            if matches!(word, "is" | "as") {
                if TYPE_BINDING < floor {
                    break;
                }
                self.next();
                let (of, type_name) = (Box::new(left), self.type_name()?);
                left = if word == "is" { Expr::Is { of, type_name } } else { Expr::As { of, type_name } };
                continue;
            }
            let operator = Operator::of(word).ok_or(if matches!(word, "*" | "/" | "div" | "mod") {
                FhirPathFault::Unsupported
            } else {
                FhirPathFault::Syntax
            })?;
            if operator.binding() < floor {
                break;
            }
            self.next();
            let right = self.deeper(|parser| parser.expression(operator.binding() + 1))?;
            left = joined(operator, left, right);
        }
        Ok(left)
    }

    /// The next token, where it can be an operator between two operands.
    fn operator_word(&self) -> Option<&'a str> {
        match self.tokens.first()? {
            LexerToken::Symbol(")" | "]" | "," | "}") => None,
            LexerToken::Symbol(symbol) => Some(symbol),
            LexerToken::Name { text, quoted: false } => Some(text),
            LexerToken::Name { .. }
            | LexerToken::Text(_)
            | LexerToken::Number(_)
            | LexerToken::Time(_)
            | LexerToken::Special(_)
            | LexerToken::Variable(_) => None,
        }
    }

    fn type_name(&mut self) -> Result<String, FhirPathFault> {
        let mut name = self.name()?;
        if self.skip(".") {
            name = self.name()?;
        }
        Ok(name)
    }

    fn name(&mut self) -> Result<String, FhirPathFault> {
        match self.next() {
            Some(LexerToken::Name { text, .. }) => Ok(text.clone()),
            _ => Err(FhirPathFault::Syntax),
        }
    }

    fn unary(&mut self) -> Result<Expr, FhirPathFault> {
        if self.skip("-") {
            return self.deeper(Self::unary).map(|of| Expr::Negative(Box::new(of)));
        }
        if self.skip("+") {
            return self.deeper(Self::unary);
        }
        let mut of = self.term()?;
        loop {
            if self.skip(".") {
                let name = self.name()?;
                of = self.member(Some(of), name)?;
            } else if self.skip("[") {
                let index = Box::new(self.deeper(|parser| parser.expression(1))?);
                self.expect("]")?;
                of = Expr::At { of: Box::new(of), index };
            } else {
                return Ok(of);
            }
        }
    }

    fn member(&mut self, of: Option<Expr>, name: String) -> Result<Expr, FhirPathFault> {
        let of = of.map(Box::new);
        if !self.skip("(") {
            return Ok(Expr::Member { of, name });
        }
        let mut arguments = Vec::new();
        while !self.skip(")") {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            arguments.push(self.deeper(|parser| parser.expression(1))?);
        }
        Ok(Expr::Call { of, function: name, arguments })
    }

    fn term(&mut self) -> Result<Expr, FhirPathFault> {
        match self.next().ok_or(FhirPathFault::Syntax)? {
            LexerToken::Text(text) | LexerToken::Time(text) => Ok(Expr::Literal(text.as_str().into())),
            LexerToken::Number(digits) => digits
                .parse()
                .map(|number| Expr::Literal(Value::Number(number)))
                .or(Err(FhirPathFault::Syntax)),
            LexerToken::Special(name) if name == "this" => Ok(Expr::This),
            LexerToken::Special(_) => Err(FhirPathFault::Unsupported),
            LexerToken::Variable(name) => Ok(Expr::Variable(name.clone())),
            LexerToken::Name { text, quoted: false } if text == "true" => Ok(Expr::Literal(true.into())),
            LexerToken::Name { text, quoted: false } if text == "false" => Ok(Expr::Literal(false.into())),
            LexerToken::Name { text, .. } => self.member(None, text.clone()),
            LexerToken::Symbol("(") => {
                let inner = self.deeper(|parser| parser.expression(1))?;
                self.expect(")")?;
                Ok(inner)
            }
            LexerToken::Symbol("{") => self.expect("}").map(|()| Expr::Nothing),
            LexerToken::Symbol(_) => Err(FhirPathFault::Syntax),
        }
    }
}

fn joined(operator: Operator, mut left: Expr, right: Expr) -> Expr {
    if let Expr::Operation { operator: same, operands } = &mut left
        && *same == operator
        && operator.chains()
    {
        operands.push(right);
        return left;
    }
    Expr::Operation { operator, operands: vec![left, right] }
}
