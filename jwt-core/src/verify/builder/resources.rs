use std::collections::BTreeSet;
use std::sync::Arc;

use super::settings::VerifierBuilder;
use crate::claim_rules::RequestedResource;
use crate::error::{BuildError, BuildErrorKind as Kind};
use crate::gate::{InvalidResource, ProtectedResource, ResourceMetadata};
use crate::proof::DpopCheck;
use crate::verify::pipeline::Pipeline;
use crate::verify::resources::{Resource, Resources};

impl VerifierBuilder {
    /// Returns the resources and their metadata. Several must have one origin, and no two the same path.
    pub(super) fn publish_resources(
        &self,
        dpop: Option<&DpopCheck>,
    ) -> Result<Vec<(ProtectedResource, ResourceMetadata)>, BuildError> {
        let mut published = Vec::with_capacity(self.resources.len());
        for resource in &self.resources {
            let issuers = self.issuers.iter().filter_map(|issuer| issuer.name.as_deref().map(str::to_owned));
            let metadata = resource.clone().publish(issuers, self.sources.bearer_methods(), self.binding(dpop));
            let metadata = metadata.map_err(|wrong| match wrong {
                InvalidResource::Invalid(setting) => BuildError::new(Kind::InvalidUrl, setting),
                InvalidResource::Insecure(setting) => BuildError::new(Kind::InsecureUrl, setting),
            })?;
            published.push((resource.clone(), metadata));
        }
        let Some(((first, _), others)) = published.split_first() else { return Ok(published) };
        let origin = first.split().0;
        if others.iter().any(|(other, _)| other.split().0 != origin) {
            return Err(BuildError::new(Kind::Contradiction, "resource")
                .hint(": only the path tells resources apart, so build a verifier for each origin"));
        }
        let paths: BTreeSet<&str> = published.iter().map(|(resource, _)| resource.split().1).collect();
        if paths.len() < published.len() {
            return Err(BuildError::new(Kind::Duplicate, "resource"));
        }
        Ok(published)
    }
}

/// Prepares the checks of each resource. Those of `pipeline` stay for tokens that don't come in a request.
pub(super) fn several_resources(
    published: &[(ProtectedResource, ResourceMetadata)],
    pipeline: &mut Pipeline,
) -> Resources {
    let outside = Pipeline { resource: RequestedResource::Outside, ..pipeline.clone() };
    let list = published.iter().map(|(resource, metadata)| Resource {
        name: resource.resource().to_owned(),
        path: resource.split().1.to_owned(),
        pipeline: Arc::new(pipeline.of_resource(RequestedResource::named(resource.resource()), metadata)),
    });
    let list = list.collect();
    pipeline.metadata = published.first().map(|(_, metadata)| metadata.clone());
    Resources::new(list, Arc::new(outside))
}
