use std::rc::Rc;

use actix_web::HttpMessage as _;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, forward_ready};
use jwt_core::verify::{Authentication, Authenticator};

use crate::form::Reading;
use crate::future::{Pending, ResponseFuture};
use crate::request::{self, ActixView};
use crate::response;

#[derive(Debug)]
#[expect(unnameable_types, reason = "the hidden service of a `Transform`")]
pub struct JwtService<S> {
    pub(crate) service: Rc<S>,
    pub(crate) authenticator: Authenticator,
}

impl<S, B> Service<ServiceRequest> for JwtService<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Future = ResponseFuture<S, B>;

    forward_ready!(service);

    fn call(&self, mut request: ServiceRequest) -> Self::Future {
        if let Some(field) = self.authenticator.form_field(&ActixView::of(request.request())) {
            let reading = Reading::new(field, request.take_payload());
            let pending = Pending::Form { reading, authenticator: self.authenticator.clone() };
            return ResponseFuture::waiting(pending, Rc::clone(&self.service), request);
        }
        match self.authenticator.authenticate(&ActixView::of(request.request())) {
            Authentication::Ready(Ok(admission)) => {
                let header = request::admit(&request, admission);
                ResponseFuture::calling(self.service.call(request), header)
            }
            Authentication::Ready(Err(refusal)) => ResponseFuture::refused(response::refuse(request, refusal)),
            Authentication::Answer(answer) => {
                ResponseFuture::refused(request.into_response(response::answer(answer).map_into_right_body()))
            }
            Authentication::Pending(pending) => {
                ResponseFuture::waiting(Pending::Authentication(pending), Rc::clone(&self.service), request)
            }
        }
    }
}
