//! The colours of every picture and page: one table, light and dark.
//!
//! It knows colours by the part they play; it does not know which figure plays it. The series' colours are told apart
//! by people with any of the three colour deficiencies: the tests simulate them.

use std::fmt::Write as _;

/// A colour by the part it plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Behind everything.
    Surface,
    /// Titles.
    Text,
    /// Labels and legends.
    Soft,
    /// Ticks, notes.
    Muted,
    /// Gridlines.
    Grid,
    /// The line that a panel stands on.
    Base,
    /// The shade of every other phase.
    Phase,
    /// The names of shocks and other marks.
    Mark,
    /// Their lines, quieter than the data.
    MarkLine,
    /// Faults and whatever stopped a run.
    Alarm,
    /// What was planned.
    Plan,
    /// One of several kinds, 0 to 5.
    Series(usize),
    /// The fill under a [`Ink::Series`] edge.
    Tint(usize),
    /// One of three grades of the same thing, faint to strong.
    Grade(usize),
}

/// How many kinds can be told apart.
pub(crate) const KINDS: usize = 6;

const SERIES: [(u32, u32); KINDS] = [
    (0x3d63e0, 0x4aa3f0),
    (0xe8590c, 0xf0762a),
    (0x129e8e, 0x2ed3ab),
    (0x2b3270, 0x7f55f5),
    (0x6a5c08, 0xe3bd2e),
    (0xa8479f, 0xc065a5),
];
const GRADES: [(u32, u32); 3] = [(0x8aa4f2, 0x2f62a8), (0x3d63e0, 0x4aa3f0), (0x1b2f7d, 0xbfe0ff)];
const SURFACE: (u32, u32) = (0xfcfcfb, 0x17181a);
/// How much of a kind's colour its tint keeps.
const TINT_SHARE: f64 = 0.38;

impl Ink {
    /// Every colour there is.
    fn all() -> impl Iterator<Item = Self> {
        [
            Self::Surface,
            Self::Text,
            Self::Soft,
            Self::Muted,
            Self::Grid,
            Self::Base,
            Self::Phase,
            Self::Mark,
            Self::MarkLine,
            Self::Alarm,
            Self::Plan,
        ]
        .into_iter()
        .chain((0..KINDS).map(Self::Series))
        .chain((0..KINDS).map(Self::Tint))
        .chain((0..GRADES.len()).map(Self::Grade))
    }

    /// On a light ground and on a dark one.
    fn pair(self) -> (u32, u32) {
        match self {
            Self::Surface => SURFACE,
            Self::Text => (0x16181d, 0xf1f1ee),
            Self::Soft => (0x4d5058, 0xc4c5c3),
            Self::Muted => (0x757880, 0x8f9296),
            Self::Grid => (0xe8e8e5, 0x2a2c30),
            Self::Base => (0xbfc0bd, 0x55585e),
            Self::Phase => (0xf3f4f1, 0x1e2023),
            Self::Mark => (0x8d6f4f, 0xb59a78),
            Self::MarkLine => (0xcbbba8, 0x5f5141),
            Self::Alarm => (0xc22f2f, 0xf07070),
            Self::Plan => (0x2a2d34, 0xe4e5e3),
            Self::Series(kind) => SERIES[kind % KINDS],
            Self::Tint(kind) => {
                let (light, dark) = SERIES[kind % KINDS];
                (
                    blend(light, SURFACE.0, TINT_SHARE),
                    blend(dark, SURFACE.1, TINT_SHARE),
                )
            }
            Self::Grade(grade) => GRADES[grade % GRADES.len()],
        }
    }

    /// Red, green and blue on the light ground, which is what pictures are drawn on.
    pub(crate) fn rgb(self) -> (u8, u8, u8) {
        let [_, red, green, blue] = self.pair().0.to_be_bytes();
        (red, green, blue)
    }

    pub(crate) fn light(self) -> String {
        format!("#{:06X}", self.pair().0)
    }

    pub(crate) fn dark(self) -> String {
        format!("#{:06X}", self.pair().1)
    }
}

/// Rules that turn a picture drawn on the light ground into one on the dark ground: a colour plays one part only, so
/// it can be found by its value.
pub(crate) fn dark_rules(scope: &str) -> String {
    let mut rules = String::new();
    for ink in Ink::all() {
        let (light, dark) = (ink.light(), ink.dark());
        // Writing to a String cannot fail.
        let _ = writeln!(
            rules,
            "{scope} [fill=\"{light}\"]{{fill:{dark}}}{scope} [stroke=\"{light}\"]{{stroke:{dark}}}"
        );
    }
    rules
}

fn blend(colour: u32, ground: u32, share: f64) -> u32 {
    let (colour, ground) = (colour.to_be_bytes(), ground.to_be_bytes());
    let mut mixed = [0; 4];
    for ((mixed, colour), ground) in mixed.iter_mut().zip(colour).zip(ground) {
        *mixed = (f64::from(colour) * share + f64::from(ground) * (1.0 - share)).round() as u8;
    }
    u32::from_be_bytes(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Full protanopia, deuteranopia and tritanopia as matrices on linear light (Machado, Oliveira and Fernandes,
    /// "A physiologically-based model for simulation of color vision deficiency", 2009), and ordinary sight.
    const SIGHTS: [[[f64; 3]; 3]; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    ];

    fn linear(colour: u32) -> [f64; 3] {
        let [_, red, green, blue] = colour.to_be_bytes();
        [red, green, blue].map(|channel| {
            let channel = f64::from(channel) / 255.0;
            if channel <= 0.04045 {
                channel / 12.92
            } else {
                ((channel + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn apply(matrix: [[f64; 3]; 3], vector: [f64; 3]) -> [f64; 3] {
        matrix.map(|row| row.iter().zip(vector).map(|(factor, value)| factor * value).sum())
    }

    /// Oklab (Ottosson, 2020): Euclidean distance in it is near to perceived difference.
    fn oklab(light: [f64; 3]) -> [f64; 3] {
        let cones = apply(
            [
                [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
                [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
                [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
            ],
            light.map(|channel| channel.clamp(0.0, 1.0)),
        )
        .map(f64::cbrt);
        apply(
            [
                [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
                [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
                [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
            ],
            cones,
        )
    }

    fn difference(sight: [[f64; 3]; 3], left: u32, right: u32) -> f64 {
        let (left, right) = (
            oklab(apply(sight, linear(left))),
            oklab(apply(sight, linear(right))),
        );
        100.0
            * left
                .iter()
                .zip(right)
                .map(|(l, r)| (l - r).powi(2))
                .sum::<f64>()
                .sqrt()
    }

    /// Contrast ratio, WCAG 2.2, "relative luminance".
    fn contrast(left: u32, right: u32) -> f64 {
        let luminance = |colour| {
            let [red, green, blue] = linear(colour);
            0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
        };
        let (left, right) = (luminance(left), luminance(right));
        left.max(right) / left.min(right)
    }

    #[test]
    fn the_kinds_can_be_told_apart_by_everyone() {
        for (sight, matrix) in ["ordinary", "protan", "deutan", "tritan"].iter().zip(SIGHTS) {
            for (first, left) in SERIES.iter().enumerate() {
                for (second, right) in SERIES.iter().enumerate().skip(first + 1) {
                    let light = difference(matrix, left.0, right.0);
                    let dark = difference(matrix, left.1, right.1);
                    assert!(
                        light.min(dark) > 8.5,
                        "{sight}: kinds {first} and {second}: {light:.1}, {dark:.1}"
                    );
                }
            }
        }
    }

    #[test]
    fn lines_and_text_stand_out_from_the_ground() {
        for kind in 0..KINDS {
            let (light, dark) = Ink::Series(kind).pair();
            let least = contrast(light, SURFACE.0).min(contrast(dark, SURFACE.1));
            assert!(least >= 3.0, "kind {kind}: {least:.2} (WCAG 2.2, 1.4.11)");
        }
        for ink in [Ink::Text, Ink::Soft, Ink::Alarm] {
            let (light, dark) = ink.pair();
            let least = contrast(light, SURFACE.0).min(contrast(dark, SURFACE.1));
            assert!(least >= 4.5, "{ink:?}: {least:.2} (WCAG 2.2, 1.4.3)");
        }
        for ink in [Ink::Muted, Ink::Mark] {
            let (light, dark) = ink.pair();
            let least = contrast(light, SURFACE.0).min(contrast(dark, SURFACE.1));
            assert!(least >= 4.0, "{ink:?}: {least:.2}");
        }
    }

    #[test]
    fn a_colour_plays_one_part_only() {
        let inks: Vec<Ink> = Ink::all().collect();
        for (index, left) in inks.iter().enumerate() {
            for right in &inks[index + 1..] {
                // The middle grade is the first kind, on both grounds, and may be.
                assert!(
                    left.light() != right.light() || left.dark() == right.dark(),
                    "{left:?} and {right:?}"
                );
            }
        }
    }
}
