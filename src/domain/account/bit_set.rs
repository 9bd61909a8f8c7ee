//! Sets of the variants of a small enum, as bits.

/// Declares a set of an enum's variants. The enum has `ALL`, `const fn bit(self)`, `code(self)` and `parse(code)`.
///
/// A set is written as the list of its codes, so that a stored decision can be read without this program.
macro_rules! bit_set {
    ($(#[$doc:meta])* $set:ident($bits:ty) of $item:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $set($bits);

        impl $set {
            /// The empty set.
            pub const EMPTY: Self = Self(0);
            /// The set of everything.
            pub const ALL: Self = Self::of(&$item::ALL);

            /// The set of these.
            pub const fn of(items: &[$item]) -> Self {
                let mut set = Self::EMPTY;
                let mut rest = items;
                while let [first, after @ ..] = rest {
                    set = set.with(*first);
                    rest = after;
                }
                set
            }

            /// The set with one more.
            #[must_use]
            pub const fn with(self, item: $item) -> Self {
                Self(self.0 | item.bit())
            }

            /// Whether it holds this one.
            pub const fn has(self, item: $item) -> bool {
                self.0 & item.bit() != 0
            }

            /// Whether it holds nothing.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// What is in either set.
            #[must_use]
            pub const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// What is in both sets.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }

            /// What is in this set and not in the other.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether all of it is in the other set.
            pub const fn is_within(self, other: Self) -> bool {
                self.0 & !other.0 == 0
            }

            /// Its members, in the order of the enum.
            pub fn iter(self) -> impl Iterator<Item = $item> {
                $item::ALL.into_iter().filter(move |item| self.has(*item))
            }
        }

        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter().map(|item| item.code()))
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let codes: Vec<String> = serde::Deserialize::deserialize(deserializer)?;
                let mut set = Self::EMPTY;
                for code in codes {
                    let item = $item::parse(&code);
                    let unknown = || serde::de::Error::custom(format_args!("unknown code: {code}"));
                    set = set.with(item.ok_or_else(unknown)?);
                }
                Ok(set)
            }
        }
    };
}

pub(crate) use bit_set;
