use crate::error::{Error, ErrorKind};
use crate::step::Step;
use crate::verified::Verified;

use super::Requirement;
use super::fault::{self, Fault};
use super::unmet::{Unmet, is_refusal};

/// The requirement that several others are all met; made by [`all`].
#[derive(Debug)]
pub struct All(Vec<Box<dyn Requirement>>, Option<Fault>);

/// The requirement that one of several others is met; made by [`any`].
#[derive(Debug)]
pub struct Any(Vec<Box<dyn Requirement>>, Option<Fault>);

/// The requirement that another is not met; made by [`not`].
#[derive(Clone, Debug)]
pub struct Not<R>(R);

/// Several requirements: a tuple of up to eight, or an array or `Vec` of one type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not several requirements on verified tokens",
    note = "`all` and `any` take one tuple, array or `Vec` of requirements: `all((scopes([..]), roles(path, [..])))`"
)]
pub trait Requirements {
    /// Returns them one by one.
    fn into_boxes(self) -> Vec<Box<dyn Requirement>>;
}

/// Requires all of these: a tuple, an array or a `Vec` of requirements.
///
/// The refusal is that of the first that is not met. Those that wait are asked after all others are met, one after the
/// other, so that a token which is not enough anyway causes no traffic. An empty list is logged and answered 500
/// `misconfigured`: to accept any verified token, require `()`.
///
/// ```
/// use jwt_core::authorize::{all, claim, scopes};
///
/// let requirement = all((scopes(["reports:read"]), claim("/email_verified").equals(true)));
/// ```
#[must_use]
pub fn all(requirements: impl Requirements) -> All {
    let requirements = requirements.into_boxes();
    let fault = Fault::of_empty_list("all", requirements.is_empty());
    All(requirements, fault)
}

/// Requires one of these: a tuple, an array or a `Vec` of requirements.
///
/// Those that wait are asked where none of the others is met, one after the other until one is. Where all refuse for
/// the same kind of reason, so does this, and names the scopes of all of them where scopes are the reason. Where the
/// reasons differ, the refusal is 403 `requirement_not_met`: no scope is promised to help. Where none is met and one could
/// not be judged, the answer says so: an outage is not a refusal. An empty list is logged and answered 500 `misconfigured`.
///
/// ```
/// use jwt_core::authorize::{any, roles, scopes};
///
/// let requirement = any((scopes(["reports:read"]), roles("/roles", ["auditor"])));
/// ```
#[must_use]
pub fn any(requirements: impl Requirements) -> Any {
    let requirements = requirements.into_boxes();
    let fault = Fault::of_empty_list("any", requirements.is_empty());
    Any(requirements, fault)
}

/// Requires that another requirement is not met. The refusal is 403 `requirement_not_met`.
///
/// A claim that is absent, or under another name than expected, makes a requirement not met, and so meets this one.
/// Where the other could not be judged, neither is this: an outage is answered 503, not let pass.
///
/// ```
/// use jwt_core::authorize::{not, roles};
///
/// let requirement = not(roles("/roles", ["suspended"]));
/// ```
#[must_use]
pub fn not<R: Requirement>(requirement: R) -> Not<R> {
    Not(requirement)
}

impl Requirement for All {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        fault::check(self.1.as_ref())?;
        self.0.iter().try_for_each(|requirement| requirement.check(verified))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        if let Some(fault) = &self.1 {
            return Step::Ready(Err(fault.error()));
        }
        let mut waiting = Vec::new();
        for requirement in &self.0 {
            match requirement.decide(verified) {
                Step::Ready(Ok(())) => {}
                Step::Ready(Err(error)) => return Step::Ready(Err(error)),
                Step::Pending(pending) => waiting.push(pending),
            }
        }
        if waiting.is_empty() {
            return Step::Ready(Ok(()));
        }
        Step::pending(async move {
            for pending in waiting {
                pending.await?;
            }
            Ok(())
        })
    }
}

impl Requirement for Any {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        fault::check(self.1.as_ref())?;
        let mut unmet = Unmet::default();
        for requirement in &self.0 {
            match requirement.check(verified) {
                Ok(()) => return Ok(()),
                Err(error) => unmet.add(error),
            }
        }
        Err(unmet.into_error())
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        if let Some(fault) = &self.1 {
            return Step::Ready(Err(fault.error()));
        }
        let (mut unmet, mut waiting) = (Unmet::default(), Vec::new());
        for requirement in &self.0 {
            match requirement.decide(verified) {
                Step::Ready(Ok(())) => return Step::Ready(Ok(())),
                Step::Ready(Err(error)) => unmet.add(error),
                Step::Pending(pending) => waiting.push(pending),
            }
        }
        if waiting.is_empty() {
            return Step::Ready(Err(unmet.into_error()));
        }
        Step::pending(async move {
            for pending in waiting {
                match pending.await {
                    Ok(()) => return Ok(()),
                    Err(error) => unmet.add(error),
                }
            }
            Err(unmet.into_error())
        })
    }
}

impl<R: Requirement> Requirement for Not<R> {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        reverse(self.0.check(verified))
    }

    fn decide(&self, verified: &Verified) -> Step<Result<(), Error>> {
        match self.0.decide(verified) {
            Step::Ready(outcome) => Step::Ready(reverse(outcome)),
            Step::Pending(pending) => Step::pending(async move { reverse(pending.await) }),
        }
    }
}

fn reverse(outcome: Result<(), Error>) -> Result<(), Error> {
    match outcome {
        Ok(()) => Err(ErrorKind::RequirementNotMet.into()),
        Err(error) if is_refusal(&error) => Ok(()),
        Err(error) => Err(error),
    }
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
            #[expect(non_snake_case, reason = "each member is called as its type")]
            fn into_boxes(self) -> Vec<Box<dyn Requirement>> {
                let ($($name,)+) = self;
                vec![$(Box::new($name)),+]
            }
        }
    )+};
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::authorize::{acr, check, check_async, claim, named, roles, scopes};

    const PAYLOAD: &str = r#"{"scope":"a","roles":["r"]}"#;

    /// The outcome, and whether anything was waited for.
    fn decide(requirement: &dyn Requirement) -> (Result<(), Error>, bool) {
        match requirement.decide(&Verified::of_payload(PAYLOAD)) {
            Step::Ready(outcome) => (outcome, false),
            Step::Pending(pending) => {
                let mut pending = Box::pin(pending);
                match Future::poll(pending.as_mut(), &mut Context::from_waker(Waker::noop())) {
                    Poll::Ready(outcome) => (outcome, true),
                    Poll::Pending => panic!("these futures do not wait"),
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
    fn all_report_the_first_that_is_not_met() {
        assert_eq!(outcome(&all((scopes(["a"]), roles("/roles", ["r"])))), Ok(()));
        assert_eq!(outcome(&all((scopes(["b"]), roles("/roles", ["x"])))), scope("b"));
        assert_eq!(outcome(&all((roles("/roles", ["x"]), scopes(["b"])))), refused(ErrorKind::InsufficientRole));
        assert_eq!(outcome(&all([scopes(["a"]), scopes(["c"]), scopes(["b"])])), scope("c"));
    }

    #[test]
    fn any_reports_scopes_where_every_branch_is_one_of_scopes() {
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
        assert_eq!(decide(&same).0.expect_err("refused").detail(), None);
        assert_eq!(outcome(&any((acr(["phr"]), scopes(["b"])))), refused(ErrorKind::RequirementNotMet));
        let login = decide(&any((acr(["phr"]), acr(["pwd"])))).0.expect_err("refused");
        assert_eq!(login.acr_values(), Some("phr"));
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_that_not_cannot_turn_around() {
        let none = Vec::<()>::new;
        for requirement in [&all(none()) as &dyn Requirement, &any(none()), &not(all(none())), &not(any(none()))] {
            assert_eq!(outcome(requirement), refused(ErrorKind::Misconfigured), "{requirement:?}");
            let at_once = requirement.check(&Verified::of_payload(PAYLOAD)).map_err(|error| error.kind());
            assert_eq!(at_once, Err(ErrorKind::Misconfigured), "{requirement:?}");
        }
        assert_eq!(outcome(&all((scopes(["a"]), scopes::<&str>([])))), refused(ErrorKind::Misconfigured));
        assert_eq!(outcome(&any((scopes(["b"]), scopes::<&str>([])))), refused(ErrorKind::Misconfigured));
    }

    #[test]
    fn not_reverses_judgements_and_nothing_else() {
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
            any((later(Err("down")), scopes(["b"]))),
            any((later(Ok(false)), later(Err("down")), later(Ok(false)))),
            any((scopes(["b"]), not(later(Err("down"))))),
        ] {
            assert_eq!(outcome(&requirement), refused(ErrorKind::RuleUnavailable));
        }
        assert_eq!(outcome(&any((roles("x", ["r"]), later(Err("down"))))), refused(ErrorKind::Misconfigured));
    }

    #[test]
    fn nothing_is_asked_whose_answer_does_not_matter() {
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
    fn judged_at_once_what_must_wait_is_refused() {
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
    fn a_name_is_the_detail_and_leaves_the_answer_as_it_is() {
        let trees: [Box<dyn Requirement>; 3] = [
            Box::new(named("n", scopes(["b"]))),
            Box::new(named("n", named("inner", check("c", |_| false)))),
            Box::new(named("n", later(Ok(false)))),
        ];
        for tree in trees {
            let error = decide(&tree).0.expect_err("refused");
            assert_eq!(error.detail(), Some("n"), "{tree:?}");
        }
        assert_eq!(outcome(&named("n", scopes(["b"]))), scope("b"));
    }
}
