//! The tree of a parsed expression.

use serde_json::Value;

/// An expression, or a part of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// A literal.
    Literal(Value),
    /// `{}`.
    Nothing,
    /// `$this`.
    This,
    /// `%resource`, `%context`, …
    Variable(String),
    /// The elements of that name; of the focus, where no expression precedes it.
    Member { of: Option<Box<Expr>>, name: String },
    /// A function, on the focus where no expression precedes it.
    Call { of: Option<Box<Expr>>, function: String, arguments: Vec<Expr> },
    /// `x[n]`.
    At { of: Box<Expr>, index: Box<Expr> },
    /// `x is T`.
    Is { of: Box<Expr>, type_name: String },
    /// `x as T`.
    As { of: Box<Expr>, type_name: String },
    /// `-x`.
    Negative(Box<Expr>),
    /// Two or more operands; more than two only for chains of the same operator.
    Operation { operator: Operator, operands: Vec<Expr> },
}

impl Expr {
    /// Whether it only walks down from the focus: no descendants, no reference to the whole resource. Such an
    /// expression costs no more than the elements that it passes.
    pub(super) fn walks_down(&self) -> bool {
        let all = |parts: &[Self]| parts.iter().all(Self::walks_down);
        match self {
            Self::Literal(_) | Self::Nothing | Self::This => true,
            Self::Variable(_) => false,
            Self::Member { of, .. } => of.as_deref().is_none_or(Self::walks_down),
            Self::Call { of, function, arguments } => {
                const CHEAP: &[&str] = &[
                    "where",
                    "exists",
                    "empty",
                    "not",
                    "count",
                    "first",
                    "last",
                    "single",
                    "tail",
                    "skip",
                    "take",
                    "all",
                    "ofType",
                    "as",
                    "is",
                    "extension",
                    "startsWith",
                    "endsWith",
                    "contains",
                    "lower",
                    "upper",
                    "hasValue",
                ];
                CHEAP.contains(&function.as_str())
                    && of.as_deref().is_none_or(Self::walks_down)
                    && all(arguments)
            }
            Self::At { of, index } => of.walks_down() && index.walks_down(),
            Self::Is { of, .. } | Self::As { of, .. } | Self::Negative(of) => of.walks_down(),
            Self::Operation { operator, operands } => *operator != Operator::Union && all(operands),
        }
    }
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Implies,
    Or,
    Xor,
    And,
    In,
    Contains,
    Equals,
    Differs,
    Equivalent,
    NotEquivalent,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Union,
    Plus,
    Minus,
    Concatenate,
}

impl Operator {
    /// Its precedence: higher binds first (<https://hl7.org/fhirpath/N1/#operator-precedence>).
    pub(super) const fn binding(self) -> u8 {
        match self {
            Self::Implies => 1,
            Self::Or | Self::Xor => 2,
            Self::And => 3,
            Self::In | Self::Contains => 4,
            Self::Equals | Self::Differs | Self::Equivalent | Self::NotEquivalent => 5,
            Self::Less | Self::LessOrEqual | Self::Greater | Self::GreaterOrEqual => 6,
            Self::Union => 7,
            Self::Plus | Self::Minus | Self::Concatenate => 9,
        }
    }

    /// The operator of a word or symbol.
    pub(super) fn of(word: &str) -> Option<Self> {
        Some(match word {
            "implies" => Self::Implies,
            "or" => Self::Or,
            "xor" => Self::Xor,
            "and" => Self::And,
            "in" => Self::In,
            "contains" => Self::Contains,
            "=" => Self::Equals,
            "!=" => Self::Differs,
            "~" => Self::Equivalent,
            "!~" => Self::NotEquivalent,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            "|" => Self::Union,
            "+" => Self::Plus,
            "-" => Self::Minus,
            "&" => Self::Concatenate,
            _ => return None,
        })
    }

    /// Whether `a op b op c` is one operation with three operands.
    pub(super) const fn chains(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Union)
    }
}

/// The precedence of `is` and `as`: between `|` and `+`.
pub(super) const TYPE_BINDING: u8 = 8;
