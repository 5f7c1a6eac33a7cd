use super::script::Document;

/// A request that reached the issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// What was asked for; `None` for an address where nothing is.
    pub document: Option<Document>,
    /// The method.
    pub method: String,
    /// The path and the query, as they were sent.
    pub target: String,
    /// The header lines in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Received {
    /// Returns the value of the first header line of this name, which is written in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    /// Reads what comes before the first blank line.
    pub(super) fn read(head: &str, document: impl FnOnce(&str) -> Option<Document>) -> Option<Self> {
        let mut lines = head.split("\r\n");
        let mut request = lines.next()?.split(' ');
        let (method, target) = (request.next()?.to_owned(), request.next()?.to_owned());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Some(Self { document: document(&target), method, target, headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_sent() {
        let received = Received::read("GET /a?b HTTP/1.1\r\nHost: h:1\r\nX: a: b", |_| None).unwrap();
        assert_eq!((received.method.as_str(), received.target.as_str()), ("GET", "/a?b"));
        assert_eq!((received.header("host"), received.header("x")), (Some("h:1"), Some("a: b")));
        assert_eq!(Received::read("", |_| None), None);
    }
}
