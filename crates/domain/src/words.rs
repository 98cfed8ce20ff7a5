//! One macro for the closed vocabularies of the contract, so that a word is written once.

use thiserror::Error;

/// A word that its vocabulary does not have.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{word}` is not a {vocabulary}")]
pub struct UnknownWord {
    /// The vocabulary's name, such as `topic`.
    pub vocabulary: &'static str,
    /// The word that was given.
    pub word: String,
}

/// Declares an enum whose values are the contract's lower snake_case words: `ALL`, `as_str`, `FromStr`, `Display`
/// and serde all read from the one list.
macro_rules! words {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $vocabulary:literal {
        $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value, in the contract's order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
            /// The contract's words, in the same order as [`Self::ALL`].
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The contract's word for this value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok($name::$variant),)+
                    _ => Err($crate::UnknownWord { vocabulary: $vocabulary, word: word.to_owned() }),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = String::deserialize(d)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use words;
