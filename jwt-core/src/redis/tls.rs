//! TLS to the server, by rustls.

use std::error::Error;
use std::io;
use std::sync::Arc;

use ::redis::RedisError;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// Makes AWS-LC the process's cryptography for TLS unless the application has chosen one.
///
/// The client would panic without: rustls cannot choose if an application's dependencies have no provider, or several.
pub(super) fn ensure_provider() {
    if CryptoProvider::get_default().is_none() {
        // An error means that another thread was faster.
        let _ = aws_lc_rs::default_provider().install_default();
    }
}

/// Says what's wrong with the server's certificate, if that is why the connection failed.
pub(super) fn certificate_problem(error: &RedisError) -> Option<&'static str> {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    let source = error.source()?;
    // The client keeps its causes in an `Arc`, which is a type of error itself.
    let source = match source.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        Some(shared) => shared.downcast_ref::<io::Error>(),
        None => source.downcast_ref::<io::Error>(),
    };
    let Some(rustls::Error::InvalidCertificate(reason)) = source?.get_ref()?.downcast_ref() else { return None };
    Some(match reason {
        BadSignature | UnknownIssuer => {
            "untrusted certificate: it isn't signed by an authority that this process trusts"
        }
        Expired | ExpiredContext { .. } => "untrusted certificate: it has expired",
        NotValidYet | NotValidYetContext { .. } => "untrusted certificate: it isn't valid yet",
        NotValidForName | NotValidForNameContext { .. } => "untrusted certificate: it names another server",
        _ => "untrusted certificate",
    })
}
