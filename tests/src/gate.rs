//! Calls gates without a framework.

use jwt_core::gate::{Admission, Answer, Gate, RequestState};
use jwt_core::http::RequestView;

/// Calls a gate with a request that no other gate has seen and that it can decide without waiting.
///
/// # Errors
///
/// Returns the rejection of a request that isn't admitted.
///
/// # Panics
///
/// If the gate waits for something.
pub fn enter(gate: &impl Gate, request: &dyn RequestView) -> Result<Admission, Answer> {
    let step = gate.enter(request, &RequestState::missing("JwtLayer"));
    step.ready().expect("everything that's needed is available at once")
}
