/// A status and the headers that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Challenge {
    /// The HTTP status code.
    pub status: u16,
    /// Header names, lower case, and values, of visible ASCII and spaces.
    pub headers: Vec<(&'static str, String)>,
}
