//! How faithful a replay was: when its sends were made against when they were due, and against when they were captured.
//!
//! It knows instants; it does not know what was sent.

mod arrivals;

pub use arrivals::{Arrivals, Likeness};

/// The gaps between a replay's sends, two ways.
#[derive(Clone, Debug, Default)]
pub struct Rhythm {
    /// Between all sends of a shard, as planned and as made: how well the driver kept its own plan. Where turns wait for answers
    /// the plan follows the target, and says nothing of the capture.
    pub planned: Arrivals,
    /// Between each session's sends, as captured, at the speed of each, and as made: how like the capture a replay was whose turns
    /// wait for answers. The target has its part in it. Nothing where turns are due at their recorded times, which are the plan.
    pub captured: Arrivals,
}

impl Rhythm {
    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.planned.merge(&other.planned);
        self.captured.merge(&other.captured);
    }
}
