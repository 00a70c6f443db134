//! How faithful a replay was: when its sends were made against when they were due.
//!
//! It knows instants; it does not know what was sent.

mod arrivals;

pub use arrivals::{Arrivals, Likeness};
