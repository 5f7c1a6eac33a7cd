use std::fmt;
use std::str::FromStr;

use crate::error::{BuildError, BuildErrorKind};
use crate::json::{self, Unique, Value};

/// The path of a claim in the payload: a JSON pointer (RFC 6901).
///
/// Each step begins with `/`, followed by the name of an object's member or the position of an array's element, from 0. In a
/// name, write `~1` for `/` and `~0` for `~`. Nothing else needs an escape: write dots as they are, and only escape the
/// slashes of a URL.
///
/// | pointer | claim |
/// | --- | --- |
/// | `/permissions` | `permissions` |
/// | `/realm_access/roles` | member `roles` of `realm_access` |
/// | `/kubernetes.io/namespace` | member `namespace` of `kubernetes.io` |
/// | `/https:~1~1api.example~1roles` | `https://api.example/roles` |
///
/// ```
/// use jwt_core::claims::ClaimPath;
///
/// # fn main() -> Result<(), jwt_core::BuildError> {
/// let path = ClaimPath::new("/realm_access/roles")?;
/// assert_eq!(path.as_str(), "/realm_access/roles");
/// assert!(ClaimPath::new("realm_access.roles").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimPath {
    pointer: Box<str>,
    steps: Box<[Step]>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Step {
    name: Box<str>,
    /// The position in an array, if the name is a number.
    position: Option<usize>,
}

impl ClaimPath {
    /// Parses a JSON pointer.
    ///
    /// # Errors
    ///
    /// If the string is empty (which would be the whole payload), does not begin with `/`, or contains a `~` that isn't
    /// followed by `0` or `1`.
    pub fn new(pointer: &str) -> Result<Self, BuildError> {
        let error = || malformed(pointer);
        let steps = pointer.strip_prefix('/').ok_or_else(error)?;
        let steps = steps.split('/').map(Step::parse).collect::<Option<_>>().ok_or_else(error)?;
        Ok(Self { pointer: pointer.into(), steps })
    }

    /// Returns the pointer as you wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pointer
    }

    /// Returns the claim at this path, unless it is `null`, from a payload that was already checked to be an object.
    pub(crate) fn claim_in<'c>(&self, payload: &'c str) -> Option<Value<'c>> {
        let mut value = Value::Object(payload);
        for step in &self.steps {
            value = step.value_in(value)?;
        }
        Some(value).filter(|value| !matches!(value, Value::Null))
    }
}

impl Step {
    /// Resolves the escapes. `None` if a `~` is not part of one. RFC 6901 section 3.
    fn parse(step: &str) -> Option<Self> {
        let mut name = String::with_capacity(step.len());
        let mut parts = step.split('~');
        name.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let (escaped, rest) = match part.as_bytes().first() {
                Some(b'0') => ('~', &part[1..]),
                Some(b'1') => ('/', &part[1..]),
                _ => return None,
            };
            name.push(escaped);
            name.push_str(rest);
        }
        // RFC 6901 section 4: digits without a leading zero.
        let digits = name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        let position = if digits { name.parse().ok() } else { None };
        Some(Self { name: name.into(), position })
    }

    fn value_in<'c>(&self, value: Value<'c>) -> Option<Value<'c>> {
        let mut found = None;
        let read = match value {
            Value::Object(object) => json::object(object, Unique::Outermost, |name, value| {
                if name == &*self.name {
                    found = Some(value);
                }
            }),
            Value::Array(array) => {
                let mut position = 0;
                json::array(array, |value| {
                    if self.position == Some(position) {
                        found = Some(value);
                    }
                    position += 1;
                })
            }
            _ => return None,
        };
        found.filter(|_| read.is_ok())
    }
}

impl FromStr for ClaimPath {
    type Err = BuildError;

    fn from_str(pointer: &str) -> Result<Self, BuildError> {
        Self::new(pointer)
    }
}

impl TryFrom<&str> for ClaimPath {
    type Error = BuildError;

    fn try_from(pointer: &str) -> Result<Self, BuildError> {
        Self::new(pointer)
    }
}

impl TryFrom<String> for ClaimPath {
    type Error = BuildError;

    fn try_from(pointer: String) -> Result<Self, BuildError> {
        Self::new(&pointer)
    }
}

impl fmt::Display for ClaimPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pointer)
    }
}

/// The error for a string that isn't a JSON pointer, which says what to write instead.
fn malformed(pointer: &str) -> BuildError {
    let mut problem = "is not a JSON pointer: ".to_owned();
    let first = pointer.chars().next();
    if first == Some('/') {
        problem.push_str("`~` must be followed by `0` or `1`");
    } else if pointer.contains("://") {
        problem.push_str(&format!("write `/{}`", pointer.replace('~', "~0").replace('/', "~1")));
    } else if first.is_some_and(|first| first.is_alphanumeric() || first == '_') {
        problem.push_str(&format!("write `/{pointer}`"));
        if pointer.contains('.') {
            problem.push_str(&format!(", or `/{}` for a claim inside another claim", pointer.replace('.', "/")));
        }
    } else {
        problem.push_str("write for example `/realm_access/roles`");
    }
    BuildError::new(BuildErrorKind::Invalid, "").at(pointer.to_owned()).because(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYLOAD: &str = r#"{
        "roles": "a", "a.b": "b", "a/b": "c", "m~n": "d", "": {"": "e"}, "https://api.example/roles": ["f"],
        "realm_access": {"roles": ["g", "h"], "none": null}, "0": "i", "list": [{"name": "j"}, [["k"]]], "\u0065": "l",
        "null": null, "number": 5, "~1": "m", "r\u00f4le": "n"
    }"#;

    #[test]
    fn a_pointer_finds_one_claim_or_nothing() {
        for (pointer, expected) in [
            ("/roles", Some("a")),
            ("/a.b", Some("b")),
            ("/a~1b", Some("c")),
            ("/m~0n", Some("d")),
            ("//", Some("e")),
            ("/https:~1~1api.example~1roles/0", Some("f")),
            ("/realm_access/roles/1", Some("h")),
            ("/0", Some("i")),
            ("/list/0/name", Some("j")),
            ("/list/1/0/0", Some("k")),
            ("/e", Some("l")),
            ("/~01", Some("m")),
            ("/rôle", Some("n")),
            ("/a", None),
            ("/a/b", None),
            ("/Roles", None),
            ("/role", None),
            ("/roles/", None),
            ("/roles/0", None),
            ("/realm_access/roles/2", None),
            ("/realm_access/roles/01", None),
            ("/realm_access/roles/-", None),
            ("/realm_access/roles/+1", None),
            ("/realm_access/roles/18446744073709551616", None),
            ("/realm_access/none", None),
            ("/list/name", None),
            ("/null", None),
            ("/number/0", None),
        ] {
            let path = ClaimPath::new(pointer).expect("a pointer");
            let found = path.claim_in(PAYLOAD).and_then(Value::as_text);
            assert_eq!(found.as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn a_string_that_is_not_a_json_pointer_is_an_error() {
        for pointer in ["", "roles", "realm_access/roles", "$.roles", "#/roles", "/a~", "/a~2", "/~/a", " /a"] {
            let error = ClaimPath::new(pointer).expect_err(pointer);
            assert_eq!(error.setting(), pointer);
        }
    }

    #[test]
    fn the_error_says_what_to_write_instead() {
        for (pointer, expected) in [
            ("roles", "write `/roles`"),
            ("realm_access/roles", "write `/realm_access/roles`"),
            ("realm.roles", "write `/realm.roles`, or `/realm/roles` for a claim inside another claim"),
            ("https://a.example/roles", "write `/https:~1~1a.example~1roles`"),
            ("$.roles", "write for example `/realm_access/roles`"),
            ("/a~2", "`~` must be followed by `0` or `1`"),
        ] {
            let error = ClaimPath::new(pointer).expect_err("not a pointer");
            assert_eq!(error.to_string(), format!("`{pointer}` is not a JSON pointer: {expected}"));
        }
    }
}
