use crate::gate::ProtectedResource;

use super::fields::ResourceConfig;

impl ResourceConfig {
    /// Returns the resource with the metadata that is published for it.
    pub(super) fn published(&self) -> ProtectedResource {
        let mut resource = ProtectedResource::new(self.resource.as_str());
        if let Some(issuers) = &self.authorization_servers {
            resource = resource.authorization_servers(issuers.0.iter().map(String::as_str));
        }
        if let Some(scopes) = &self.scopes {
            resource = resource.scopes(scopes.0.iter().map(String::as_str));
        }
        type Add = fn(ProtectedResource, String) -> ProtectedResource;
        let texts: [(&Option<String>, Add); 5] = [
            (&self.name, ProtectedResource::name),
            (&self.documentation, ProtectedResource::documentation),
            (&self.policy, ProtectedResource::policy),
            (&self.terms, ProtectedResource::terms),
            (&self.jwks_uri, ProtectedResource::jwks_uri),
        ];
        texts.into_iter().fold(resource, |resource, (text, add)| match text {
            Some(text) => add(resource, text.clone()),
            None => resource,
        })
    }
}
