/// The tables and the function that the stores need, in SQL. Running it again changes nothing.
///
/// Run it in your migrations, as the owner of the tables. [The guide](crate::guide::postgres) has the rights that the
/// application needs. The names have no schema, so they are created in the first one of the `search_path`.
pub const POSTGRES_SCHEMA: &str = include_str!("schema.sql");
