//! Durations and sizes with units.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// The longest duration, in milliseconds: 136 years. Added to a time, it cannot overflow.
const MOST_MILLIS: u64 = u32::MAX as u64 * 1000;

const NO_DURATION_UNIT: &str = "has no unit: add ms, s, m, h or d";
const NO_SIZE_UNIT: &str = "has no unit: add B, KB, MB, KiB or MiB";
const TOO_LARGE: &str = "is too large";

/// A duration: a number of seconds, or a string with units, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DurationSetting(pub(super) Duration);

/// A number of bytes: as a number, or as a string with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeSetting(pub(super) usize);

impl FromStr for DurationSetting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (mut total, mut smallest) = (0_u64, u64::MAX);
        let mut rest = text;
        loop {
            let (number, unit, after) = split_amount(rest)?;
            let millis = match unit {
                "ms" => 1,
                "s" => 1000,
                "m" => 60 * 1000,
                "h" => 3600 * 1000,
                "d" => 24 * 3600 * 1000,
                "" => return Err(NO_DURATION_UNIT),
                _ => return Err("has an unknown unit: use ms, s, m, h or d"),
            };
            if millis >= smallest {
                return Err("repeats a unit or has a larger one after a smaller one");
            }
            smallest = millis;
            let part = number.checked_mul(millis).ok_or(TOO_LARGE)?;
            total = total.checked_add(part).ok_or(TOO_LARGE)?;
            if after.is_empty() {
                break;
            }
            rest = after.strip_prefix(' ').unwrap_or(after);
        }
        Self::from_millis(total)
    }
}

impl FromStr for SizeSetting {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let (number, unit, after) = split_amount(text)?;
        let bytes = match unit {
            "B" => 1,
            "KB" => 1000,
            "MB" => 1000 * 1000,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            "" => return Err(NO_SIZE_UNIT),
            _ => return Err("has an unknown unit: use B, KB, MB, KiB or MiB"),
        };
        if !after.is_empty() {
            return Err("must be one number with one unit");
        }
        Self::from_number(number.checked_mul(bytes).ok_or(TOO_LARGE)?)
    }
}

const APART: &str = "has a space between a number and its unit: write them together";

/// Splits off a number and its unit, and returns the rest.
fn split_amount(text: &str) -> Result<(u64, &str, &str), &'static str> {
    if text.is_empty() {
        return Err("is empty");
    }
    let (digits, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    if digits.is_empty() {
        return Err(if text.starts_with('-') { "is negative" } else { "needs a whole number before each unit" });
    }
    let number = digits.parse().map_err(|_| TOO_LARGE)?;
    if rest.starts_with('.') {
        return Err("is not a whole number");
    }
    if rest.starts_with(char::is_whitespace) && rest.trim_start().starts_with(char::is_alphabetic) {
        return Err(APART);
    }
    let (unit, after) = rest.split_at(rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len()));
    Ok((number, unit, after))
}

/// A setting that is read from a whole number or from a string.
trait Quantity: FromStr<Err = &'static str> {
    const NAME: &'static str;

    fn from_number(number: u64) -> Result<Self, &'static str>;
}

impl Quantity for DurationSetting {
    const NAME: &'static str = "a duration: a number of seconds, or a string like \"1h 30m\"";

    fn from_number(number: u64) -> Result<Self, &'static str> {
        Self::from_millis(number.checked_mul(1000).ok_or(TOO_LARGE)?)
    }
}

impl DurationSetting {
    const fn from_millis(millis: u64) -> Result<Self, &'static str> {
        if millis > MOST_MILLIS { Err(TOO_LARGE) } else { Ok(Self(Duration::from_millis(millis))) }
    }
}

impl Quantity for SizeSetting {
    const NAME: &'static str = "a size: a number of bytes, or a string like \"16KiB\"";

    fn from_number(number: u64) -> Result<Self, &'static str> {
        usize::try_from(number).map(Self).map_err(|_| TOO_LARGE)
    }
}

struct QuantityVisitor<Q>(PhantomData<Q>);

impl<Q: Quantity> Visitor<'_> for QuantityVisitor<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Q::NAME)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Q, E> {
        Q::from_number(number).map_err(|problem| invalid::<Q, E>(problem))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Q, E> {
        match u64::try_from(number) {
            Ok(number) => self.visit_u64(number),
            Err(_) => Err(invalid::<Q, E>("is negative")),
        }
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Q, E> {
        Err(E::invalid_type(Unexpected::Other("a fraction"), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Q, E> {
        text.parse().map_err(|problem| invalid::<Q, E>(problem))
    }
}

fn invalid<Q: Quantity, E: Error>(problem: &str) -> E {
    E::custom(format_args!("the value {problem}; expected {}", Q::NAME))
}

impl<'de> Deserialize<'de> for DurationSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for SizeSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(QuantityVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_series_of_numbers_with_units() {
        for (text, millis) in [
            ("90s", 90_000),
            ("10m", 600_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("0s", 0),
            ("2d 1ms", 172_800_001),
            ("4294967295s", MOST_MILLIS),
        ] {
            assert_eq!(text.parse(), Ok(DurationSetting(Duration::from_millis(millis))), "{text}");
        }
        let unknown = "has an unknown unit: use ms, s, m, h or d";
        let order = "repeats a unit or has a larger one after a smaller one";
        let number = "needs a whole number before each unit";
        for (text, problem) in [
            ("", "is empty"),
            ("10", NO_DURATION_UNIT),
            ("10 s", APART),
            ("1h 30 m", APART),
            ("1h 30", NO_DURATION_UNIT),
            ("-1s", "is negative"),
            ("+1s", number),
            (" 1s", number),
            ("s", number),
            ("1s ", "is empty"),
            ("1h  1m", number),
            ("1h,1m", number),
            ("1s -1ms", "is negative"),
            ("1.5h", "is not a whole number"),
            ("1S", unknown),
            ("1sec", unknown),
            ("1w", unknown),
            ("1µs", unknown),
            ("30m 1h", order),
            ("1m 1m", order),
            ("4294967296s", TOO_LARGE),
            ("18446744073709551615d", TOO_LARGE),
            ("18446744073709551616ms", TOO_LARGE),
            ("٣s", number),
        ] {
            assert_eq!(text.parse::<DurationSetting>(), Err(problem), "{text}");
        }
    }

    #[test]
    fn a_size_is_one_number_with_its_unit() {
        for (text, bytes) in [("0B", 0), ("512KB", 512_000), ("16KiB", 16_384), ("2MB", 2_000_000), ("1MiB", 1_048_576)]
        {
            assert_eq!(text.parse(), Ok(SizeSetting(bytes)), "{text}");
        }
        let unknown = "has an unknown unit: use B, KB, MB, KiB or MiB";
        for (text, problem) in [
            ("", "is empty"),
            ("16", NO_SIZE_UNIT),
            ("16 KiB", APART),
            ("-1B", "is negative"),
            ("1.5KiB", "is not a whole number"),
            ("16kib", unknown),
            ("16K", unknown),
            ("1GB", unknown),
            ("1KiB 1B", "must be one number with one unit"),
            ("18446744073709551615MiB", TOO_LARGE),
        ] {
            assert_eq!(text.parse::<SizeSetting>(), Err(problem), "{text}");
        }
    }

    #[test]
    fn a_plain_number_is_seconds_or_bytes() {
        assert_eq!(serde_json::from_str::<DurationSetting>("90").unwrap(), DurationSetting(Duration::from_secs(90)));
        assert_eq!(serde_json::from_str::<SizeSetting>("90").unwrap(), SizeSetting(90));
        assert_eq!(
            serde_json::from_str::<DurationSetting>("\"2m\"").unwrap(),
            DurationSetting(Duration::from_secs(120))
        );
        for json in ["-1", "1.5", "1e400", "null", "true", "[]", "{}", "\"10\"", "\"-1s\"", "18446744073709551615"] {
            assert!(serde_json::from_str::<DurationSetting>(json).is_err(), "{json}");
        }
        for json in ["-1", "1.5", "null", "true", "[]", "\"10\"", "18446744073709551616"] {
            assert!(serde_json::from_str::<SizeSetting>(json).is_err(), "{json}");
        }
        let negative = serde_json::from_str::<DurationSetting>("-1").unwrap_err().to_string();
        assert!(negative.starts_with("the value is negative"), "{negative}");
    }
}
