//! Code shared by the fuzz targets in `src/bin`.

pub mod der;
pub mod forge;
pub mod input;
pub mod json;
pub mod keys;
pub mod model;
pub mod settings;

pub use input::Input;
