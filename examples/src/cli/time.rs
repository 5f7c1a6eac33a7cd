//! Moments: read from RFC 3339 or as seconds since 1970, and shown in UTC.

use std::str::FromStr;
use std::time::Duration;

use jwt_core::{Clock, SystemClock};

const DAY: i64 = 86_400;

/// A moment, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) u64);

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(seconds) = text.parse() {
            return Ok(Self(seconds));
        }
        let wrong = "write seconds since 1970, or a time such as 2027-01-15T08:00:00Z or 2027-01-15T09:00:00+01:00";
        rfc_3339(text).and_then(|seconds| u64::try_from(seconds).ok()).map(Self).ok_or(wrong)
    }
}

/// Reads a time with seconds and an offset. RFC 3339 section 5.6. Fractions of a second are dropped.
fn rfc_3339(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
    };
    let has = |at: usize, one_of: &str| text.get(at..=at).is_some_and(|found| one_of.contains(found));
    let separated = has(4, "-") && has(7, "-") && has(10, "Tt ") && has(13, ":") && has(16, ":");
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let in_range = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    if !separated || !in_range {
        return None;
    }
    let zone = text[19..].trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let (hours, minutes): (i64, i64) = (zone[1..3].parse().ok()?, zone[4..].parse().ok()?);
            (hours * 3600 + minutes * 60) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    Some(days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset)
}

/// Counts the days from 1970-01-01 to a date of the Gregorian calendar. The year begins in March, so the leap day is the last one.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

/// Shows a moment in UTC, as RFC 3339 has it. Moments outside of the years 0 to 9999 are shown as seconds.
pub(super) fn utc(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    // The date is guessed from the average year, and at most one off.
    let guess = 1970 + (day * 400).div_euclid(146_097);
    let year = (guess - 1..=guess + 1).rev().find(|&year| days(year, 1, 1) <= day).unwrap_or(guess);
    if !(0..=9999).contains(&year) {
        return format!("{seconds} s");
    }
    let month = (1..=12).rev().find(|&month| days(year, month, 1) <= day).unwrap_or(1);
    let date = day - days(year, month, 1) + 1;
    format!("{year:04}-{month:02}-{date:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Shows how long something lasts, in its two largest units.
pub(super) fn length(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let first = units.iter().position(|(size, _)| seconds >= *size).unwrap_or(3);
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in units.iter().skip(first).take(2) {
        if rest / size > 0 || parts.is_empty() {
            parts.push(format!("{} {unit}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

/// A clock that stands still: tokens are checked at this moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct At(pub(super) Moment);

impl Clock for At {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.0)
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_both_forms_and_shown_in_one() {
        for (text, seconds, shown) in [
            ("0", 0, "1970-01-01T00:00:00Z"),
            ("1800000000", 1_800_000_000, "2027-01-15T08:00:00Z"),
            ("2027-01-15T08:00:00Z", 1_800_000_000, "2027-01-15T08:00:00Z"),
            ("2027-01-15T09:30:00+01:30", 1_800_000_000, "2027-01-15T08:00:00Z"),
            ("2027-01-15T03:00:00.25-05:00", 1_800_000_000, "2027-01-15T08:00:00Z"),
            ("2000-02-29T23:59:59Z", 951_868_799, "2000-02-29T23:59:59Z"),
            ("9999-12-31T23:59:59Z", 253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            let moment: Moment = text.parse().expect(text);
            assert_eq!(moment, Moment(seconds), "{text}");
            assert_eq!(utc(i64::try_from(seconds).expect("small")), shown);
        }
        for text in
            ["", "now", "2027-01-15", "2027-13-15T08:00:00Z", "2027-01-15T08:00:00", "1969-12-31T23:59:59Z", "-1", "é"]
        {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_length_has_at_most_two_units() {
        for (seconds, shown) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (90_061, "1 d 1 h"), (86_401, "1 d")]
        {
            assert_eq!(length(seconds), shown);
        }
    }
}
