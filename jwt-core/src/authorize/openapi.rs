use serde_json::{Map, Value, json};

use crate::error::{BuildError, BuildErrorKind};

use super::Routes;
use super::routes::Access;

/// The names of operations in a path item. OpenAPI 3.1 section 4.8.9.1.
const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

impl Routes {
    /// Writes the requirements of this table into an OpenAPI document: the `security` of each operation, and the scheme
    /// `name` under `components`, unless the document has it.
    ///
    /// So clients and Swagger UI know which operations need a token, and which scopes to request. A document that does not
    /// match the table is an error, so the two cannot drift apart: call this in a test as well.
    ///
    /// | entry | `security` |
    /// | --- | --- |
    /// | public | `[]` |
    /// | optional | `[{}, {"name": []}]` |
    /// | requires a token | `[{"name": [scopes]}]` |
    ///
    /// The scopes are those of [`Requirement::scope`](super::Requirement::scope). OpenAPI means all of them, so for
    /// [`any_scope`](super::any_scope) a client may request more than it needs. The scheme is a bearer token
    /// (`type: http`). Paths are compared by the names of their parameters: `{id:[0-9]+}` and `{*rest}` are `{id}` and
    /// `{rest}` in OpenAPI.
    ///
    /// With utoipa or aide, convert the document to a [`Value`] with `serde_json::to_value`.
    ///
    /// ```
    /// use jwt_core::authorize::{Routes, scopes};
    /// use serde_json::json;
    ///
    /// # fn main() -> Result<(), jwt_core::BuildError> {
    /// let routes = Routes::new().require("GET /reports/{id}", scopes(["reports:read"]));
    /// let mut document = json!({"openapi": "3.1.0", "paths": {"/reports/{id}": {"get": {}}}});
    /// routes.write_openapi("bearer", &mut document)?;
    /// assert_eq!(document["paths"]["/reports/{id}"]["get"]["security"], json!([{"bearer": ["reports:read"]}]));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// - [`Missing`](BuildErrorKind::Missing): the table refuses the operation that the error names, because it has no entry.
    /// - [`Duplicate`](BuildErrorKind::Duplicate): several patterns of the table fit the operation.
    /// - [`Invalid`](BuildErrorKind::Invalid): `paths` or `components` of the document isn't an object.
    /// - The table's own first mistake, as [`checked`](Self::checked) returns it.
    ///
    /// After an error the document may be changed in part.
    pub fn write_openapi(&self, name: &str, document: &mut Value) -> Result<(), BuildError> {
        self.mistake().map_or(Ok(()), |mistake| Err(mistake.clone()))?;
        let paths = document.get_mut("paths").and_then(Value::as_object_mut);
        let invalid = || BuildError::new(BuildErrorKind::Invalid, "paths");
        for (path, item) in paths.ok_or_else(|| invalid().because("is not an object of the OpenAPI document"))? {
            let Some(item) = item.as_object_mut() else { continue };
            for method in METHODS {
                if let Some(operation) = item.get_mut(method).and_then(Value::as_object_mut) {
                    operation.insert("security".to_owned(), self.security(name, &method.to_uppercase(), path)?);
                }
            }
        }
        let scheme = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"});
        let components = document.as_object_mut().and_then(|document| object_in(document, "components"));
        let schemes = components.and_then(|components| object_in(components, "securitySchemes"));
        let schemes = schemes.ok_or_else(|| BuildError::new(BuildErrorKind::Invalid, "components"));
        schemes?.entry(name).or_insert(scheme);
        Ok(())
    }

    fn security(&self, name: &str, method: &str, path: &str) -> Result<Value, BuildError> {
        let at = |kind, problem| BuildError::new(kind, "routes").at(format!("{method} {path}")).because(problem);
        let mut patterns: Vec<&str> = self.listed().into_iter().map(|(_, pattern, _)| pattern).collect();
        patterns.retain(|pattern| openapi_path(pattern) == path);
        patterns.dedup();
        let pattern = match patterns[..] {
            [pattern] => Some(pattern),
            [] => None,
            _ => return Err(at(BuildErrorKind::Duplicate, "fits several patterns of the table")),
        };
        let missing = "is in the OpenAPI document and has no entry in the table";
        let access = pattern.and_then(|pattern| self.entry(method, pattern));
        Ok(match access.ok_or_else(|| at(BuildErrorKind::Missing, missing))? {
            Access::Public => json!([]),
            Access::Optional => json!([{}, {name: []}]),
            Access::Requires(requirement) => {
                let scopes = requirement.scope().unwrap_or_default();
                let scopes: Vec<&str> = scopes.split(' ').filter(|scope| !scope.is_empty()).collect();
                json!([{name: scopes}])
            }
        })
    }
}

/// Returns the object in a member, which is created if it's absent.
fn object_in<'v>(object: &'v mut Map<String, Value>, name: &str) -> Option<&'v mut Map<String, Value>> {
    object.entry(name).or_insert_with(|| json!({})).as_object_mut()
}

/// Writes a framework's pattern as OpenAPI does: a parameter is its name alone.
fn openapi_path(pattern: &str) -> String {
    let (mut path, mut rest) = (String::new(), pattern);
    while let Some((before, parameter)) = rest.split_once('{') {
        let end = end_of_parameter(parameter);
        let name = &parameter[..end];
        let name = name.split_once(':').map_or(name, |(name, _)| name).trim_start_matches('*');
        path.extend([before, "{", name, "}"]);
        rest = parameter.get(end + 1..).unwrap_or_default();
    }
    path + rest
}

/// Returns the index of the brace that ends a parameter. A regular expression in it may have braces of its own.
fn end_of_parameter(parameter: &str) -> usize {
    let mut depth = 1;
    let end = parameter.bytes().position(|byte| {
        depth += i32::from(byte == b'{') - i32::from(byte == b'}');
        depth == 0
    });
    end.unwrap_or(parameter.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authorize::{any, any_scope, roles, scopes};

    fn routes() -> Routes {
        Routes::new()
            .public("/health")
            .optional("GET /articles/{id}")
            .require("PUT /articles/{id}", scopes(["articles:write"]))
            .require("/files/{*rest}", any_scope(["files:read", "files:all"]))
            .require(r"/users/{id:\d{1,9}}/keys", ())
            .require("/admin", any((scopes(["admin"]), roles("/roles", ["admin"]))))
    }

    fn document(paths: &Value) -> Value {
        json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths})
    }

    #[test]
    fn each_operation_gets_the_security_of_its_entry() {
        let operation = || json!({"summary": "s"});
        let mut document = document(&json!({
            "/health": {"get": operation(), "post": operation()},
            "/articles/{id}": {"get": operation(), "head": operation(), "put": operation(), "parameters": []},
            "/files/{rest}": {"get": operation()},
            "/users/{id}/keys": {"delete": operation()},
            "/admin": {"get": {"security": [{"old": []}]}},
        }));
        routes().write_openapi("jwt", &mut document).expect("the document fits the table");
        let optional = json!([{}, {"jwt": []}]);
        for (path, method, expected) in [
            ("/health", "get", json!([])),
            ("/health", "post", json!([])),
            ("/articles/{id}", "get", optional.clone()),
            ("/articles/{id}", "head", optional),
            ("/articles/{id}", "put", json!([{"jwt": ["articles:write"]}])),
            ("/files/{rest}", "get", json!([{"jwt": ["files:read", "files:all"]}])),
            ("/users/{id}/keys", "delete", json!([{"jwt": []}])),
            ("/admin", "get", json!([{"jwt": []}])),
        ] {
            assert_eq!(document["paths"][path][method]["security"], expected, "{method} {path}");
        }
        assert_eq!(document["paths"]["/health"]["get"]["summary"], "s");
        let scheme = json!({"type": "http", "scheme": "bearer", "bearerFormat": "JWT"});
        assert_eq!(document["components"], json!({"securitySchemes": {"jwt": scheme}}));
    }

    #[test]
    fn a_scheme_that_the_document_has_is_kept() {
        let mut document = document(&json!({}));
        document["components"] = json!({"schemas": {"A": {}}, "securitySchemes": {"jwt": {"type": "openIdConnect"}}});
        let before = document.clone();
        routes().write_openapi("jwt", &mut document).expect("no operations");
        assert_eq!(document, before);
    }

    #[test]
    fn a_document_that_does_not_fit_the_table_is_an_error_that_names_the_operation() {
        use BuildErrorKind::{Duplicate, Invalid, Missing};
        let several = || routes().require(r"/x/{id:\d+}", ()).public("/x/{id:[a-z]+}");
        for (routes, paths, kind, setting) in [
            (routes(), json!({"/other": {"get": {}}}), Missing, "GET /other"),
            (routes(), json!({"/articles/{id}": {"delete": {}}}), Missing, "DELETE /articles/{id}"),
            (routes(), json!({"/articles/{name}": {"get": {}}}), Missing, "GET /articles/{name}"),
            (several(), json!({"/x/{id}": {"get": {}}}), Duplicate, "GET /x/{id}"),
            (routes(), Value::Null, Invalid, "paths"),
            (routes().public("no path"), json!({}), Invalid, "no path"),
        ] {
            let error = routes.write_openapi("jwt", &mut document(&paths)).expect_err(setting);
            assert_eq!((error.kind(), error.setting()), (kind, setting));
        }
        assert!(routes().write_openapi("jwt", &mut Value::Null).is_err());
        let mut odd = document(&json!({}));
        odd["components"] = json!([]);
        assert_eq!(routes().write_openapi("jwt", &mut odd).expect_err("a list").setting(), "components");
    }

    #[test]
    fn the_fallback_is_not_for_documented_operations() {
        let mut document = document(&json!({"/other": {"get": {}}}));
        assert!(Routes::new().fallback(()).write_openapi("jwt", &mut document).is_err());
    }
}
