use std::fmt;
use std::sync::Arc;

use crate::error::{Class, Detail, Error, ErrorKind};
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;
use super::requirement::{Misconfigured, ensure_configured};
use super::scopes::insufficient_scope;

/// Several requirements: a tuple of up to eight, or an array or `Vec` of one type.
///
/// For more, or for a number that you only know at run time, use a `Vec<Box<dyn Requirement>>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of requirements on verified tokens",
    note = "`all` and `any` take one tuple, array or `Vec` of requirements: `all((scopes([..]), roles(path, [..])))`"
)]
pub trait Requirements {
    /// Returns the requirements, in their order.
    fn into_boxes(self) -> Vec<Box<dyn Requirement>>;
}

/// Requires all of several requirements: a tuple, an array or a `Vec`.
///
/// The error is that of the first requirement that isn't met. Requirements that have to wait come last, one after the
/// other, so a token that fails another requirement causes no queries.
///
/// If the list is empty, the mistake is logged and every request fails with 500 `misconfigured`. To accept any verified
/// token, require `()`.
///
/// ```
/// use jwt_core::authorize::{all, claim, scopes};
///
/// let requirement = all((scopes(["reports:read"]), claim("/email_verified").equals(true)));
/// ```
#[must_use]
pub fn all(requirements: impl Requirements) -> impl Requirement + Clone + 'static {
    let requirements = requirements.into_boxes();
    let mistake = Misconfigured::if_empty("all", requirements.is_empty());
    All { requirements: requirements.into(), mistake }
}

/// Requires at least one of several requirements: a tuple, an array or a `Vec`.
///
/// Requirements that have to wait come last, one after the other until one is met. If no requirement is met, the errors are combined:
///
/// - If all have the same kind, so has the combined error. For missing scopes, the challenge names those of all of them.
/// - If the kinds differ, the request fails with 403 `requirement_not_met` and names no scopes, which might not help.
/// - If a requirement could not be checked, its error is the result: an outage is not a rejection.
///
/// If the list is empty, the mistake is logged and every request fails with 500 `misconfigured`.
///
/// ```
/// use jwt_core::authorize::{any, roles, scopes};
///
/// let requirement = any((scopes(["reports:read"]), roles("/roles", ["auditor"])));
/// ```
#[must_use]
pub fn any(requirements: impl Requirements) -> impl Requirement + Clone + 'static {
    let requirements = requirements.into_boxes();
    let mistake = Misconfigured::if_empty("any", requirements.is_empty());
    Any { requirements: requirements.into(), mistake }
}

#[derive(Clone)]
struct All {
    requirements: Arc<[Box<dyn Requirement>]>,
    mistake: Option<Misconfigured>,
}

#[derive(Clone)]
struct Any {
    requirements: Arc<[Box<dyn Requirement>]>,
    mistake: Option<Misconfigured>,
}

impl fmt::Debug for All {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("all").field(&self.requirements).finish()
    }
}

impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("any").field(&self.requirements).finish()
    }
}

impl Requirement for All {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        self.requirements.iter().try_for_each(|requirement| requirement.check(verified))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        match &self.mistake {
            Some(mistake) => Step::Ready(Err(mistake.error())),
            None => decide_all(&self.requirements, verified),
        }
    }

    fn scope(&self) -> Option<String> {
        let scopes: Vec<String> = self.requirements.iter().filter_map(|requirement| requirement.scope()).collect();
        union(&scopes)
    }
}

/// Checks all requirements, and those last that have to wait. An empty list is met.
pub(crate) fn decide_all(requirements: &[Box<dyn Requirement>], verified: &Verified) -> Step<Result<(), Error>> {
    let mut waiting = Vec::new();
    for requirement in requirements {
        match requirement.decide(verified) {
            Step::Ready(Ok(())) => {}
            Step::Ready(Err(error)) => return Step::Ready(Err(error)),
            Step::Pending(pending) => waiting.push(pending),
        }
    }
    if waiting.len() < 2 {
        return waiting.pop().map_or(Step::Ready(Ok(())), Step::Pending);
    }
    Step::pending(async move {
        for pending in waiting {
            pending.await?;
        }
        Ok(())
    })
}

impl Requirement for Any {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        let mut errors = CombinedError::default();
        for requirement in &*self.requirements {
            match requirement.check(verified) {
                Ok(()) => return Ok(()),
                Err(error) => errors.add(error),
            }
        }
        Err(errors.into_error())
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        if let Some(mistake) = &self.mistake {
            return Step::Ready(Err(mistake.error()));
        }
        let (mut errors, mut waiting) = (CombinedError::default(), Vec::new());
        for requirement in &*self.requirements {
            match requirement.decide(verified) {
                Step::Ready(Ok(())) => return Step::Ready(Ok(())),
                Step::Ready(Err(error)) => errors.add(error),
                Step::Pending(pending) => waiting.push(pending),
            }
        }
        if waiting.is_empty() {
            return Step::Ready(Err(errors.into_error()));
        }
        Step::pending(async move {
            for pending in waiting {
                match pending.await {
                    Ok(()) => return Ok(()),
                    Err(error) => errors.add(error),
                }
            }
            Err(errors.into_error())
        })
    }

    /// Scopes help only if every alternative is a matter of scopes.
    fn scope(&self) -> Option<String> {
        let scopes: Option<Vec<String>> = self.requirements.iter().map(|requirement| requirement.scope()).collect();
        union(&scopes?)
    }
}

/// Returns the names in lists of scopes, each once.
fn union(scopes: &[String]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in scopes.iter().flat_map(|scope| scope.split(' ')) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join(" "))
}

/// The combined error of several requirements that are not met.
#[derive(Default)]
struct CombinedError(Option<Error>);

impl CombinedError {
    fn add(&mut self, error: Error) {
        self.0 = Some(match self.0.take() {
            None => error,
            Some(first) => combine(first, error),
        });
    }

    fn into_error(self) -> Error {
        self.0.unwrap_or_else(|| ErrorKind::RequirementNotMet.into())
    }
}

/// Whether the error says that the token does not meet the requirement, not that the requirement could not be checked.
pub(crate) fn is_not_met(error: &Error) -> bool {
    matches!(error.class(), Class::Forbidden | Class::StepUp)
}

fn combine(first: Error, second: Error) -> Error {
    // "Could not be checked" takes precedence over "isn't met".
    let precedence = |error: &Error| match error.class() {
        _ if is_not_met(error) => 0,
        Class::Misuse => 3,
        Class::Unavailable => 2,
        _ => 1,
    };
    let (one, other) = (precedence(&first), precedence(&second));
    if one != other {
        return if one > other { first } else { second };
    }
    if one > 0 || first == second {
        return first;
    }
    match (first.kind(), second.kind()) {
        (ErrorKind::InsufficientScope, ErrorKind::InsufficientScope) => combine_scopes(&first, &second),
        // A challenge can ask for one login only; any of them would meet the requirement.
        (ErrorKind::InsufficientAuthentication, ErrorKind::InsufficientAuthentication) => first,
        (one, other) if one == other => first.with_detail(Detail::None),
        _ => ErrorKind::RequirementNotMet.into(),
    }
}

fn combine_scopes(first: &Error, second: &Error) -> Error {
    let (Some(one), Some(other)) = (first.scope(), second.scope()) else { return ErrorKind::InsufficientScope.into() };
    let names = union(&[one.to_owned(), other.to_owned()]).unwrap_or_default();
    insufficient_scope(&names.split(' ').collect::<Vec<_>>())
}

impl<R: Requirement + 'static> Requirements for Vec<R> {
    fn into_boxes(self) -> Vec<Box<dyn Requirement>> {
        self.into_iter().map(|requirement| Box::new(requirement) as Box<dyn Requirement>).collect()
    }
}

impl<R: Requirement + 'static, const N: usize> Requirements for [R; N] {
    fn into_boxes(self) -> Vec<Box<dyn Requirement>> {
        Vec::from(self).into_boxes()
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))+) => {$(
        impl<$($name: Requirement + 'static),+> Requirements for ($($name,)+) {
            #[expect(non_snake_case, reason = "each member has the name of its type")]
            fn into_boxes(self) -> Vec<Box<dyn Requirement>> {
                let ($($name,)+) = self;
                vec![$(Box::new($name)),+]
            }
        }
    )+};
}

tuples! {
    (A) (A B) (A B C) (A B C D) (A B C D E)
    (A B C D E F) (A B C D E F G) (A B C D E F G H)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::authorize::{acr, check, check_async, claim, named, not, roles, scopes};

    const PAYLOAD: &str = r#"{"scope":"a","roles":["r"]}"#;

    /// The result, and whether it had to be waited for.
    fn decide(requirement: &dyn Requirement) -> (Result<(), Error>, bool) {
        match requirement.decide(&Verified::of_payload(PAYLOAD)) {
            Step::Ready(outcome) => (outcome, false),
            Step::Pending(pending) => {
                let mut pending = Box::pin(pending);
                match Future::poll(pending.as_mut(), &mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => (outcome, true),
                    Poll::Pending => panic!("these futures never wait"),
                }
            }
        }
    }

    fn outcome(requirement: &dyn Requirement) -> Result<(), (ErrorKind, Option<String>)> {
        let (outcome, _) = decide(requirement);
        outcome.map_err(|error| (error.kind(), error.scope().map(str::to_owned)))
    }

    fn later(answer: Result<bool, &'static str>) -> impl Requirement + 'static {
        check_async("later", move |_| async move { Ok(answer?) })
    }

    fn scope(scope: &str) -> Result<(), (ErrorKind, Option<String>)> {
        Err((ErrorKind::InsufficientScope, Some(scope.to_owned())))
    }

    fn refused(kind: ErrorKind) -> Result<(), (ErrorKind, Option<String>)> {
        Err((kind, None))
    }

    #[test]
    fn all_fails_with_the_error_of_the_first_requirement_that_is_not_met() {
        assert_eq!(outcome(&all((scopes(["a"]), roles("/roles", ["r"])))), Ok(()));
        assert_eq!(outcome(&all((scopes(["b"]), roles("/roles", ["x"])))), scope("b"));
        assert_eq!(outcome(&all((roles("/roles", ["x"]), scopes(["b"])))), refused(ErrorKind::InsufficientRole));
        assert_eq!(outcome(&all([scopes(["a"]), scopes(["c"]), scopes(["b"])])), scope("c"));
    }

    #[test]
    fn any_names_scopes_only_if_scopes_are_missing_in_every_branch() {
        assert_eq!(outcome(&any((scopes(["b"]), roles("/roles", ["r"])))), Ok(()));
        assert_eq!(outcome(&any((scopes(["b", "c"]), scopes(["c", "d"])))), scope("b c d"));
        assert_eq!(outcome(&any((scopes(["b"]), named("n", scopes(["c"]))))), scope("b c"));
        assert_eq!(outcome(&any((scopes(["b"]), all((scopes(["a"]), scopes(["c"])))))), scope("b c"));
        assert_eq!(
            outcome(&any((scopes(["b"]), roles("/roles", ["x"]), scopes(["c"])))),
            refused(ErrorKind::RequirementNotMet)
        );
        assert_eq!(outcome(&any((scopes(["b"]), scopes(["é"])))), refused(ErrorKind::InsufficientScope));
        let same = any((roles("/roles", ["x"]), roles("/groups", ["x"])));
        assert_eq!(outcome(&same), refused(ErrorKind::InsufficientRole));
        assert_eq!(decide(&same).0.expect_err("refused").unmet(), None);
        assert_eq!(outcome(&any((acr(["phr"]), scopes(["b"])))), refused(ErrorKind::RequirementNotMet));
        let login = decide(&any((acr(["phr"]), acr(["pwd"])))).0.expect_err("refused");
        assert_eq!(login.acr_values(), Some("phr"));
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_even_inside_not() {
        let empty = Vec::<()>::new;
        for requirement in [&all(empty()) as &dyn Requirement, &any(empty()), &not(all(empty())), &not(any(empty()))] {
            assert_eq!(outcome(requirement), refused(ErrorKind::Misconfigured), "{requirement:?}");
            let checked = requirement.check(&Verified::of_payload(PAYLOAD)).map_err(|error| error.kind());
            assert_eq!(checked, Err(ErrorKind::Misconfigured), "{requirement:?}");
        }
        assert_eq!(outcome(&all((scopes(["a"]), scopes::<&str>([])))), refused(ErrorKind::Misconfigured));
        assert_eq!(outcome(&any((scopes(["b"]), scopes::<&str>([])))), refused(ErrorKind::Misconfigured));
    }

    #[test]
    fn not_reverses_results_but_passes_on_outages_and_mistakes() {
        assert_eq!(outcome(&not(roles("/roles", ["r"]))), refused(ErrorKind::RequirementNotMet));
        assert_eq!(outcome(&not(roles("/roles", ["x"]))), Ok(()));
        assert_eq!(outcome(&not(acr(["phr"]))), Ok(()));
        assert_eq!(outcome(&not(not(scopes(["a"])))), Ok(()));
        assert_eq!(outcome(&not(not(scopes(["b"])))), refused(ErrorKind::RequirementNotMet));
        assert_eq!(outcome(&not(roles("roles", ["x"]))), refused(ErrorKind::Misconfigured));
        assert_eq!(outcome(&not(later(Ok(true)))), refused(ErrorKind::RequirementNotMet));
        assert_eq!(outcome(&not(later(Ok(false)))), Ok(()));
        assert_eq!(outcome(&not(later(Err("down")))), refused(ErrorKind::RuleUnavailable));
    }

    #[test]
    fn an_outage_is_reported_unless_another_branch_is_met() {
        assert_eq!(outcome(&any((later(Err("down")), scopes(["a"])))), Ok(()));
        assert_eq!(outcome(&any((later(Err("down")), later(Ok(true))))), Ok(()));
        for requirement in [
            &any((later(Err("down")), scopes(["b"]))) as &dyn Requirement,
            &any((later(Ok(false)), later(Err("down")), later(Ok(false)))),
            &any((scopes(["b"]), not(later(Err("down"))))),
        ] {
            assert_eq!(outcome(requirement), refused(ErrorKind::RuleUnavailable));
        }
        assert_eq!(outcome(&any((roles("x", ["r"]), later(Err("down"))))), refused(ErrorKind::Misconfigured));
    }

    #[test]
    fn a_requirement_that_waits_runs_only_if_its_result_matters() {
        let asked = Arc::new(AtomicU32::new(0));
        let later = |answer: bool| {
            let asked = Arc::clone(&asked);
            check_async("later", move |_| {
                asked.fetch_add(1, Ordering::Relaxed);
                async move { Ok(answer) }
            })
        };
        let trees: [(Box<dyn Requirement>, bool, bool, u32); 7] = [
            (Box::new(all((later(true), scopes(["b"])))), false, false, 0),
            (Box::new(any((later(true), scopes(["a"])))), true, false, 0),
            (Box::new(all((later(true), later(true), scopes(["a"])))), true, true, 2),
            (Box::new(all((later(false), later(true)))), false, true, 1),
            (Box::new(any((later(true), later(true)))), true, true, 1),
            (Box::new(named("n", all((scopes(["b"]), any((later(true), later(true))))))), false, false, 0),
            (Box::new(all((scopes(["a"]), check("c", |_| true), claim("/scope").is_present()))), true, false, 0),
        ];
        for (tree, met, waited, times) in trees {
            asked.store(0, Ordering::Relaxed);
            let (outcome, pending) = decide(&tree);
            let seen = (outcome.is_ok(), pending, asked.load(Ordering::Relaxed));
            assert_eq!(seen, (met, waited, times), "{tree:?}");
        }
    }

    #[test]
    fn check_fails_with_an_outage_if_the_requirement_has_to_wait() {
        let verified = Verified::of_payload(PAYLOAD);
        let at_once = |requirement: &dyn Requirement| requirement.check(&verified).map_err(|error| error.kind());
        let unavailable = Err(ErrorKind::RuleUnavailable);
        assert_eq!(at_once(&later(Ok(true))), unavailable);
        assert_eq!(at_once(&not(later(Ok(false)))), unavailable);
        assert_eq!(at_once(&all((scopes(["a"]), later(Ok(true))))), unavailable);
        assert_eq!(at_once(&any((scopes(["b"]), later(Ok(true))))), unavailable);
        assert_eq!(at_once(&any((later(Ok(true)), scopes(["a"])))), Ok(()));
        assert_eq!(at_once(&named("n", later(Ok(true)))), unavailable);
        assert_eq!(at_once(&all((scopes(["a"]), roles("/roles", ["r"])))), Ok(()));
    }

    #[test]
    fn a_name_becomes_the_detail_and_the_challenge_stays_the_same() {
        let trees: [Box<dyn Requirement>; 3] = [
            Box::new(named("n", scopes(["b"]))),
            Box::new(named("n", named("inner", check("c", |_| false)))),
            Box::new(named("n", later(Ok(false)))),
        ];
        for tree in trees {
            let error = decide(&tree).0.expect_err("refused");
            assert_eq!(error.unmet(), Some("n"), "{tree:?}");
        }
        assert_eq!(outcome(&named("n", scopes(["b"]))), scope("b"));
    }
}
