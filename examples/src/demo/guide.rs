//! The text that the demo prints: its addresses, and commands to paste into a terminal.

use std::fmt::Write as _;

use jwt_core::keys::KeyError;

use super::client::DemoClient;
use super::tls::Files;
use super::{Demo, DevIssuer, DpopMode, TokenRequest};

/// How long the tokens in the commands are valid, in seconds.
const LIFETIME: i64 = 3600;

/// A request to try, and the expected answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// The purpose of the request.
    pub about: &'static str,
    /// The expected status.
    pub status: u16,
    /// The command to paste into a shell.
    pub command: String,
}

impl Demo {
    /// Returns requests to try. With a real provider, the commands take the token from the shell variable `TOKEN`, and there are
    /// none that need a special token.
    ///
    /// # Errors
    ///
    /// If the embedded issuer can't sign.
    pub fn calls(&self) -> Result<Vec<Call>, KeyError> {
        let mut calls = self.calls_without_options()?;
        for call in &mut calls {
            call.command = format!("curl{} {}", self.curl_options(), call.command);
        }
        Ok(calls)
    }

    fn calls_without_options(&self) -> Result<Vec<Call>, KeyError> {
        let (axum, actix) = (self.axum_url(), self.actix_url());
        if let (Some(issuer), DpopMode::Required | DpopMode::Allowed) = (self.issuer(), self.dpop()) {
            return self.bound_calls(issuer);
        }
        let ada = TokenRequest::new().name("Ada").lifetime(LIFETIME);
        let good = self.authorization(&ada.clone().scope("reports:read"))?;
        let mut calls = vec![
            call("Typed claims on axum", 200, &format!("{axum}/me"), &good),
            call("The same route on actix-web", 200, &format!("{actix}/me"), &good),
            call("No token", 401, &format!("{axum}/me"), ""),
        ];
        if self.issuer().is_some() {
            let expired = self.authorization(&ada.clone().lifetime(-LIFETIME))?;
            calls.push(call("An expired token", 401, &format!("{axum}/me"), &expired));
            let unscoped = self.authorization(&ada)?;
            calls.push(call("A token without the scope reports:read", 403, &format!("{axum}/reports"), &unscoped));
        }
        Ok(calls)
    }

    /// Requests with a token that is bound to the key of a client.
    fn bound_calls(&self, issuer: &DevIssuer) -> Result<Vec<Call>, KeyError> {
        let (axum, actix) = (format!("{}/me", self.axum_url()), format!("{}/me", self.actix_url()));
        let client = DemoClient::new()?;
        let request = TokenRequest::new().name("Ada").lifetime(LIFETIME).bound_to(Some(client.thumbprint()));
        let token = issuer.token(&request)?;
        let bound = format!(" -H 'Authorization: DPoP {token}'");
        let with_proof =
            |url: &str| Ok::<_, KeyError>(format!("{bound} -H 'DPoP: {}'", client.proof("GET", url, &token)?));
        Ok(vec![
            call("A bound token and its proof, which is good once and for a minute", 200, &axum, &with_proof(&axum)?),
            call("The same route on actix-web", 200, &actix, &with_proof(&actix)?),
            call("A stolen token, without the key", 401, &axum, &bound),
            call("A stolen token as a bearer token", 401, &axum, &format!(" -H 'Authorization: Bearer {token}'")),
            call("A proof for the other server", 401, &axum, &with_proof(&actix)?),
            call("No token", 401, &axum, ""),
        ])
    }

    /// The options that let curl trust the servers' certificate.
    fn curl_options(&self) -> String {
        self.tls().map_or_else(String::new, |tls| format!(" --cacert '{}'", tls.certificate().display()))
    }

    /// The part of a command that sends a token.
    fn authorization(&self, request: &TokenRequest) -> Result<String, KeyError> {
        Ok(match self.issuer() {
            Some(issuer) => format!(" -H 'Authorization: Bearer {}'", issuer.token(request)?),
            // Double quotes, so that the shell replaces the variable.
            None => " -H \"Authorization: Bearer $TOKEN\"".to_owned(),
        })
    }

    /// Returns the text that the demo prints when it has started.
    ///
    /// # Errors
    ///
    /// If the embedded issuer can't sign.
    pub fn guide(&self) -> Result<String, KeyError> {
        let mut text = String::new();
        let (axum, actix) = (self.axum_url(), self.actix_url());
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "\n  Open {axum} in a browser, or paste a command below.\n");
        let _ = writeln!(text, "  axum   {axum}\n  actix  {actix}");
        let _ = writeln!(text, "  issuer {}\n", self.provider().issuer);
        text.push_str(match self.issuer() {
            Some(_) => {
                "  FOR DEVELOPMENT ONLY: the issuer is part of the demo and gives a token to anyone who asks.\n  \
                 It only answers on this machine, and its key is gone when the demo stops.\n"
            }
            None => "  Get an access token from your provider and set the shell variable TOKEN to it.\n",
        });
        if self.tls().is_some_and(Files::has_client_ca) {
            let issuer = &self.provider().issuer;
            let _ = writeln!(
                text,
                "\n  A token that's requested with a client's certificate is bound to it, so it works with that certificate only:\n  \
                 curl{} --cert CLIENT.pem --key CLIENT.key {issuer}/token -d grant_type=client_credentials",
                self.curl_options()
            );
        }
        for Call { about, status, command } in self.calls()? {
            let _ = writeln!(text, "\n# {about}: {status}\n{command}");
        }
        text.push_str("\nCtrl-C stops the demo.\n");
        Ok(text)
    }
}

fn call(about: &'static str, status: u16, url: &str, authorization: &str) -> Call {
    Call { about, status, command: format!("-i {url}{authorization}") }
}
