use crate::error::{Class, Error, ErrorKind};

use super::scopes::insufficient_scope;

/// Why none of several requirements is met.
#[derive(Default)]
pub(super) struct Unmet(Option<Error>);

impl Unmet {
    pub(super) fn add(&mut self, error: Error) {
        self.0 = Some(match self.0.take() {
            None => error,
            Some(first) => join(first, error),
        });
    }

    pub(super) fn into_error(self) -> Error {
        self.0.unwrap_or_else(|| ErrorKind::RequirementNotMet.into())
    }
}

/// Whether the requirement was judged, and not met.
pub(super) fn is_refusal(error: &Error) -> bool {
    matches!(error.class(), Class::Forbidden | Class::StepUp)
}

fn join(first: Error, second: Error) -> Error {
    // What could not be judged goes before what was judged.
    let weight = |error: &Error| match error.class() {
        Class::Forbidden | Class::StepUp => 0,
        Class::Misuse => 3,
        Class::Unavailable => 2,
        _ => 1,
    };
    let (one, other) = (weight(&first), weight(&second));
    if one != other {
        return if one > other { first } else { second };
    }
    if one > 0 || first == second {
        return first;
    }
    match (first.kind(), second.kind()) {
        (ErrorKind::InsufficientScope, ErrorKind::InsufficientScope) => join_scopes(&first, &second),
        // One login is asked for at a time; the first is as good as any.
        (ErrorKind::InsufficientAuthentication, ErrorKind::InsufficientAuthentication) => first,
        (one, other) if one == other => first.without_detail(),
        _ => ErrorKind::RequirementNotMet.into(),
    }
}

fn join_scopes(first: &Error, second: &Error) -> Error {
    let (Some(one), Some(other)) = (first.scope(), second.scope()) else { return ErrorKind::InsufficientScope.into() };
    let mut names: Vec<&str> = one.split(' ').collect();
    for name in other.split(' ') {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    insufficient_scope(&names)
}
