//! Personal data as a type: a value that logs, errors and answers can't show by accident.

use crate::words::words;
use serde::{Deserialize, Deserializer};

/// A value that tells about a person. It can't be printed and can't be serialised, so that a log line, an error or an
/// answer that would show it doesn't compile; whoever needs the value says so by [`Personal::reveal`].
///
/// ```
/// let phone = tinhnguyen_domain::personal::Personal::new("0912345678".to_owned());
/// assert_eq!(phone.reveal().len(), 10);
/// ```
///
/// ```compile_fail
/// let phone = tinhnguyen_domain::personal::Personal::new("0912345678".to_owned());
/// println!("{phone:?}");
/// ```
///
/// ```compile_fail
/// let phone = tinhnguyen_domain::personal::Personal::new("0912345678".to_owned());
/// println!("{phone}");
/// ```
///
/// ```compile_fail
/// fn sent(value: impl serde::Serialize) {}
/// sent(tinhnguyen_domain::personal::Personal::new("0912345678".to_owned()));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Personal<T>(T);

impl<T> Personal<T> {
    /// Marks a value as personal.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for whoever may see it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself, for whoever may see it.
    pub fn into_revealed(self) -> T {
        self.0
    }

    /// The same about something derived from the value.
    pub fn map<U>(self, derive: impl FnOnce(T) -> U) -> Personal<U> {
        Personal(derive(self.0))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

words! {
    /// What is kept of a person where nobody reads it without a reason.
    pub enum PersonalField: "personal field" {
        /// Phone number.
        Phone = "phone",
        /// Mail address.
        Email = "email",
        /// Day of birth.
        BirthDate = "birth_date",
        /// Who consented for a minor.
        Guardian = "guardian",
        /// Whom to reach at a community digital technology group.
        LeadContact = "lead_contact",
    }
}

/// A phone number as it is compared: digits only, `+84` as the leading `0` that Viet Nam dials.
#[must_use]
pub fn phone_key(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix("0084").or_else(|| digits.strip_prefix("84").filter(|_| phone.trim().starts_with('+'))) {
        Some(rest) => format!("0{}", rest.trim_start_matches('0')),
        None => digits,
    }
}

/// A mail address as it is compared.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_the_same_however_it_is_written() {
        for text in ["0912345678", "0912 345 678", "+84 912 345 678", "+84 (0)912.345.678", "0084912345678"] {
            assert_eq!(phone_key(text), "0912345678", "{text}");
        }
        assert_eq!(phone_key("8491234567"), "8491234567", "without a plus it is no country code");
    }
}
