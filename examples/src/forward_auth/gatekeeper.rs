use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use jwt_core::authorize::scopes;
use jwt_core::forward::ForwardClaims;
use jwt_core::gate::{Admission, Answer, Gate as _, RequestState};
use jwt_core::http::{Headers, RequestView};
use jwt_core::verify::Authenticator;
use jwt_core::{Step, Verifier};

use super::GateError;
use super::config::{Config, Policy};
use super::metrics::Metrics;
use super::original::Original;

/// Decides about requests by one version of the settings.
pub(super) struct Gatekeeper {
    pub(super) verifier: Verifier,
    policies: BTreeMap<String, Authenticator>,
    forward: ForwardClaims,
    /// Keeps the keys current while there are no requests.
    _fresh: Box<dyn fmt::Debug + Send + Sync>,
}

impl Gatekeeper {
    pub(super) fn new(config: Config, metrics: &Metrics) -> Result<Self, GateError> {
        let verifier = config.verifier.into_builder()?.observer(metrics.clone()).build()?;
        let claims = config.headers.iter().map(|(header, claim)| (claim.as_str(), header.as_str()));
        let forward = ForwardClaims::new(&verifier, claims)?;
        let authenticator = |policy: &Policy| {
            let authenticator = Authenticator::from(verifier.clone());
            let authenticator = if policy.optional { authenticator.optional() } else { authenticator };
            if policy.scopes.is_empty() { authenticator } else { authenticator.require(scopes(policy.scopes.clone())) }
        };
        let mut policies: BTreeMap<_, _> =
            config.policies.iter().map(|(name, policy)| (name.clone(), authenticator(policy))).collect();
        // Without a name, any valid token will do.
        policies.entry(String::new()).or_insert_with(|| authenticator(&Policy::default()));
        Ok(Self { _fresh: Box::new(verifier.keep_keys_fresh()), policies, forward, verifier })
    }

    /// Decides about a request that the proxy describes: `/auth` or `/auth/POLICY`, and for Envoy `/envoy/POLICY/` and the
    /// original path.
    pub(super) fn decide(&self, request: &dyn RequestView) -> Step<Answer> {
        let target = request.target();
        let path = target.split('?').next().unwrap_or_default();
        let (policy, original) = if let Some(rest) = target.strip_prefix("/envoy/") {
            let (policy, target) = rest.split_once('/').unwrap_or((rest, ""));
            (policy, Original::of_envoy(request, target))
        } else if let Some(policy) = path.strip_prefix("/auth/").or_else(|| (path == "/auth").then_some("")) {
            (policy, Original::of_headers(request))
        } else {
            return Step::Ready(Answer::new(404));
        };
        // A proxy lets a request pass only after 200, so a policy that's misspelt there closes the site.
        let Some(authenticator) = self.policies.get(policy) else { return Step::Ready(Answer::new(404)) };
        let forward = self.forward.clone();
        authenticator.enter(&original, &RequestState::missing("gate")).map(move |entered| match entered {
            Err(refusal) => refusal,
            Ok(admission) => pass(&forward, admission),
        })
    }
}

/// Answers 200, with the claims in headers, and with the next nonce for the client's proofs if it needs one. The upstream service
/// gets no header of the request itself from here.
fn pass(forward: &ForwardClaims, mut admission: Admission) -> Answer {
    let empty = jwt_core::testing::BareRequest::new("GET", "/");
    let state = admission.state.take().unwrap_or(RequestState::missing("gate"));
    match forward.enter(&empty, &state).ready() {
        Some(Ok(mut forwarded)) => {
            let mut lines = Lines(Vec::new());
            forwarded.rewrite(&mut lines);
            // Each token has other claims, so no cache may keep the answer.
            lines.append("cache-control", b"no-store".to_vec());
            // Nothing here issues cookies that would have to be awaited.
            let _ = admission.edit_response(&mut lines);
            lines.0.into_iter().fold(Answer::new(200), |answer, (name, value)| answer.header(name, value))
        }
        Some(Err(refusal)) => refusal,
        // Forwarding never waits.
        None => Answer::new(500),
    }
}

/// The headers of the answer.
struct Lines(Vec<(&'static str, String)>);

impl Headers for Lines {
    fn lines(&self, each: &mut dyn FnMut(&str, &[u8])) {
        self.0.iter().for_each(|(name, value)| each(name, value.as_bytes()));
    }

    fn append(&mut self, name: &str, value: Vec<u8>) {
        if let Ok(value) = String::from_utf8(value) {
            self.0.push((kept(name), value));
        }
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }
}

/// Keeps a name for the life of the process, each name once. There are as many as configurations have had headers.
fn kept(name: &str) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return known;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    name
}
