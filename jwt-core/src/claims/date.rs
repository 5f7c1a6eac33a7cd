use std::time::Duration;

/// A time in a token: seconds since 1970-01-01T00:00:00Z, with fractions and without leap seconds. RFC 7519 section 2.
///
/// The range ends with the year 9999, and goes back equally far before the epoch. A claim outside of it is malformed.
/// Arithmetic cannot overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate {
    seconds: i64,
    nanos: u32,
}

impl NumericDate {
    /// The last second of the year 9999.
    const LIMIT: i64 = 253_402_300_799;

    /// Returns the whole seconds, rounded down.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        let nanos = self.nanos + duration.subsec_nanos();
        let carry = i64::from(nanos / 1_000_000_000);
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self { seconds: self.seconds.saturating_add(seconds).saturating_add(carry), nanos: nanos % 1_000_000_000 }
    }

    /// The time from `earlier` to `self`, or zero if `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(self.seconds.saturating_sub(earlier.seconds)).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_nanos(self.nanos.into())
            - Duration::from_nanos(earlier.nanos.into())
    }

    /// Parses a JSON number. `None` if it's out of range.
    pub(crate) fn parse(number: &str) -> Option<Self> {
        if let Some(seconds) = few_digits(number) {
            return (seconds <= Self::LIMIT).then_some(Self { seconds, nanos: 0 });
        }
        if let Ok(seconds) = number.parse::<i64>() {
            return (-Self::LIMIT..=Self::LIMIT).contains(&seconds).then_some(Self { seconds, nanos: 0 });
        }
        let value: f64 = number.parse().ok()?;
        // Also true for infinity, the result of parsing `1e400`.
        if value.abs() > Self::LIMIT as f64 {
            return None;
        }
        let floor = value.floor();
        Some(Self { seconds: floor as i64, nanos: (((value - floor) * 1e9) as u32).min(999_999_999) })
    }
}

impl From<Duration> for NumericDate {
    /// Converts a duration since the epoch, as a [`Clock`](crate::Clock) returns it.
    fn from(since_epoch: Duration) -> Self {
        Self { seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX), nanos: since_epoch.subsec_nanos() }
    }
}

/// Parses up to 12 digits, the form of nearly all dates, which cannot overflow.
fn few_digits(number: &str) -> Option<i64> {
    if number.is_empty() || number.len() > 12 {
        return None;
    }
    number.bytes().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_date_may_have_a_fraction_or_an_exponent_but_must_be_in_range() {
        for (number, expected) in [
            ("0", Some((0, 0))),
            ("-5", Some((-5, 0))),
            ("1.9e9", Some((1_900_000_000, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("253402300799", Some((253_402_300_799, 0))),
            ("253402300800", None),
            ("18446744073709551615", None),
            ("1e19", None),
            ("1e400", None),
            ("-1e400", None),
        ] {
            let date = NumericDate::parse(number).map(|date| (date.seconds, date.nanos));
            assert_eq!(date, expected, "{number}");
        }
    }

    #[test]
    fn dates_add_and_subtract_without_overflow() {
        let date = NumericDate { seconds: 10, nanos: 600_000_000 };
        assert_eq!(date.plus(Duration::from_millis(500)), NumericDate { seconds: 11, nanos: 100_000_000 });
        assert_eq!(date.plus(Duration::MAX).seconds, i64::MAX);
        let later = NumericDate { seconds: 12, nanos: 100_000_000 };
        assert_eq!(later.since(date), Duration::from_millis(1_500));
        assert_eq!(date.since(later), Duration::ZERO);
    }
}
