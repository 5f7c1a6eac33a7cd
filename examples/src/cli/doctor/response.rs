//! The answers of an issuer: their caching, the clock, the certificate, and their sizes.

use std::time::Duration;

use jwt_core::{Clock as _, SystemClock};
use reqwest::tls::TlsInfo;
use reqwest::{Client, redirect};
use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::super::CliError;
use super::super::time;
use super::finding::{Finding, fail, fine, warn};

/// The most bytes of a document that are read. The library reads 512 KiB.
const MOST: usize = 2 << 20;
const DAY: u64 = 86_400;

/// A client like the library's own, which also tells about the certificate.
pub(super) fn client() -> Result<Client, CliError> {
    let client = Client::builder().redirect(redirect::Policy::none()).timeout(Duration::from_secs(10)).tls_info(true);
    client.build().map_err(|error| CliError::Usage(format!("no HTTP client can be built: {error}")))
}

/// A response, and when it came.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    took: Duration,
    arrived: u64,
    certificate_ends: Option<u64>,
}

impl Response {
    pub(super) async fn get(client: &Client, url: &str) -> Result<Self, reqwest::Error> {
        let started = SystemClock.monotonic();
        let mut response = client.get(url).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST {
                break;
            }
        }
        let text = |value: &reqwest::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            certificate_ends: response.extensions().get().and_then(certificate_end),
            body,
            took: SystemClock.monotonic().saturating_sub(started),
            arrived: SystemClock.now().as_secs(),
        })
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// How long the library keeps the keys. RFC 9111 section 5.2.2.
    pub(super) fn caching(&self) -> Finding {
        let control = self.header("cache-control").unwrap_or_default().to_ascii_lowercase();
        let age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
        match age {
            None => fine("caching", "no `max-age`: the keys are renewed every 10 minutes"),
            Some(seconds) if seconds < 60 => warn(
                "caching",
                format!("`max-age` is {seconds} s, and counts as 60 s: a longer one spares the issuer requests"),
            ),
            Some(seconds) if seconds > DAY => warn(
                "caching",
                format!(
                    "`max-age` is {}, and counts as 24 h: a withdrawn key is accepted until then, so shorten it to an hour or so",
                    time::length(seconds)
                ),
            ),
            Some(seconds) => fine("caching", format!("the keys are renewed every {}", time::length(seconds))),
        }
    }

    /// Compares the clocks. RFC 9110 section 6.6.1.
    pub(super) fn clock(&self) -> Option<Finding> {
        let theirs = self.header("date").and_then(http_date)?;
        let ours = i64::try_from(self.arrived).ok()?;
        // A response from a cache is older than its date.
        let age = self.header("age").and_then(|age| age.parse::<i64>().ok()).unwrap_or_default();
        let difference = ours - theirs - age;
        let (seconds, direction) = (difference.unsigned_abs(), if difference > 0 { "ahead of" } else { "behind" });
        let sentence = format!("this machine's clock is {} {direction} the issuer's", time::length(seconds));
        Some(match seconds {
            0..=5 => fine("clock", "this machine's clock agrees with the issuer's"),
            6..=60 => warn("clock", format!("{sentence}, which the leeway of 60 s covers: synchronize it by NTP")),
            _ => fail(
                "clock",
                format!("{sentence}, more than the leeway of 60 s: tokens will be refused. Synchronize it by NTP"),
            ),
        })
    }

    pub(super) fn certificate(&self) -> Option<Finding> {
        let left = self.certificate_ends?.checked_sub(self.arrived)?;
        Some(match left / DAY {
            0..=13 => warn("tls", format!("the certificate ends in {}: is it renewed by itself?", time::length(left))),
            days => fine("tls", format!("the certificate is valid for another {days} days")),
        })
    }

    /// Findings about values near a limit.
    pub(super) fn sizes(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let head: usize = self.headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum();
        if head > 8 << 10 {
            findings.push(warn(
                "size",
                format!("the response has {head} bytes of headers: proxies often allow 8 KiB or less"),
            ));
        }
        if self.body.len() > 256 << 10 {
            findings.push(warn(
                "size",
                format!(
                    "the document has {} bytes: the library reads 512 KiB, unless `refresh.max_bytes` is raised",
                    self.body.len()
                ),
            ));
        }
        if self.took > Duration::from_secs(2) {
            findings.push(warn(
                "time",
                format!(
                    "the answer took {} ms: the first requests after a start wait for it, and `refresh.timeout` is 5 s",
                    self.took.as_millis()
                ),
            ));
        }
        findings
    }
}

/// When the server's certificate ends, in seconds since 1970.
fn certificate_end(info: &TlsInfo) -> Option<u64> {
    let certificate = Certificate::from_der(info.peer_certificate()?).ok()?;
    Some(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs())
}

/// Reads the preferred form of a date: `Sun, 06 Nov 1994 08:49:37 GMT`. RFC 9110 section 5.6.7.
fn http_date(text: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut parts = text.split_once(", ")?.1.strip_suffix(" GMT")?.split(' ');
    let (day, month, year, clock) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let moment: time::Moment = format!("{year}-{month:02}-{day}T{clock}Z").parse().ok()?;
    i64::try_from(moment.0).ok()
}

#[cfg(test)]
mod tests {
    use super::super::finding::Level;
    use super::*;

    fn with(headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Response { headers, arrived: 784_111_777, ..Response::default() }
    }

    #[test]
    fn a_lifetime_outside_of_the_librarys_limits_is_a_warning() {
        for (value, level, word) in [
            ("public, max-age=300", Level::Fine, "5 min"),
            ("no-store", Level::Fine, "10 minutes"),
            ("max-age=5", Level::Warn, "60 s"),
            ("max-age=604800", Level::Warn, "24 h"),
        ] {
            let finding = with(&[("cache-control", value)]).caching();
            assert_eq!(finding.level, level, "{value}");
            assert!(finding.sentence.contains(word), "{}", finding.sentence);
        }
    }

    #[test]
    fn clocks_that_differ_by_more_than_the_leeway_fail() {
        for (date, age, level) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", "0", Some(Level::Fine)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", "0", Some(Level::Warn)),
            ("Sun, 06 Nov 1994 08:39:37 GMT", "0", Some(Level::Fail)),
            ("Sun, 06 Nov 1994 08:39:37 GMT", "600", Some(Level::Fine)),
            ("Sun, 06 Nov 1994 09:49:37 GMT", "0", Some(Level::Fail)),
            ("yesterday", "0", None),
        ] {
            let found = with(&[("date", date), ("age", age)]).clock();
            assert_eq!(found.map(|finding| finding.level), level, "{date}");
        }
    }

    #[test]
    fn a_certificate_that_ends_soon_is_a_warning() {
        for (days, level) in [(2, Level::Warn), (90, Level::Fine)] {
            let response = Response { certificate_ends: Some(784_111_777 + days * DAY + 60), ..with(&[]) };
            assert_eq!(response.certificate().map(|finding| finding.level), Some(level));
        }
        assert!(with(&[]).certificate().is_none());
    }

    #[test]
    fn large_answers_are_warnings() {
        assert!(with(&[("a", "b")]).sizes().is_empty());
        let large = "x".repeat(9000);
        let response = Response { body: vec![b' '; 300 << 10], took: Duration::from_secs(3), ..with(&[("a", &large)]) };
        assert_eq!(response.sizes().len(), 3);
    }
}
