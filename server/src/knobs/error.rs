//! Why a knob was not turned, and which one was probably meant.
//!
//! It does not know what knobs are for.

use super::table::TABLE;

/// How far a mistyped name may be from a knob's and still be taken for it, by Damerau's and Levenshtein's distance.
const NEAR: usize = 6;

/// A turn that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnobError {
    /// There is no such knob.
    #[error("there is no knob `{given}`; {}", hint(*.nearest))]
    NoSuchKnob {
        /// The name asked for.
        given: String,
        /// The knob that was probably meant.
        nearest: Option<&'static str>,
    },
    /// The knob does not take this value.
    #[error("{name}: `{given}` is not {expected}")]
    Value {
        /// The knob.
        name: &'static str,
        /// The value given.
        given: String,
        /// What it takes.
        expected: String,
    },
    /// The log took no such filter.
    #[error("log_level: `{given}` was refused: {reason}")]
    LogLevel {
        /// The filter given.
        given: String,
        /// Why.
        reason: String,
    },
}

/// The knob whose name is nearest, where one is near.
pub(super) fn nearest(given: &str) -> Option<&'static str> {
    // The distance takes time by the product of both lengths, and a name comes from outside.
    if given.len() > 64 {
        return None;
    }
    TABLE
        .iter()
        .map(|spec| (strsim::damerau_levenshtein(given, spec.name), spec.name))
        .min()
        .filter(|(distance, _)| *distance <= NEAR)
        .map(|(_, name)| name)
}

fn hint(nearest: Option<&'static str>) -> String {
    match nearest {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<_> = TABLE.iter().map(|spec| spec.name).collect();
            format!("there are {}", names.join(", "))
        }
    }
}
