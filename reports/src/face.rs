//! The bundled typeface: measured and drawn here, so that a picture is the same on every host.
//!
//! It knows glyphs and widths; it knows no plot. It stands in for plotters' own font table, which is a global of the
//! process and drops each glyph's side bearing when it draws.

use std::convert::Infallible;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _, point};
use plotters_backend::text_anchor::{HPos, Pos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, FontFamily};

use crate::theme::Ink;

/// The file itself, for the page to embed.
pub(crate) const BYTES: &[u8] = include_bytes!("../assets/DejaVuSans.ttf");
/// Its name first, then what looks most like it where a picture stands alone.
pub(crate) const FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";

/// From the top of the em to the baseline, where SVG's `dy` of 0.76 em puts it.
pub(crate) const BASELINE_EM: f64 = 0.76;
/// plotters' SVG back end divides sizes by this before it writes them.
const SVG_DIVISOR: f64 = 1.24;

/// The typeface.
#[derive(Clone)]
pub(crate) struct Face(FontRef<'static>);

impl Face {
    pub(crate) fn new() -> Self {
        match FontRef::try_from_slice(BYTES) {
            Ok(font) => Self(font),
            Err(_) => unreachable!("the bundled typeface is a valid one"),
        }
    }

    /// Width of a text, in the unit of the size (that of the em).
    pub(crate) fn width(&self, text: &str, size: f64) -> f64 {
        let font = self.0.as_scaled(self.scale(size));
        let mut width = 0.0;
        let mut before = None;
        for glyph in text.chars().map(|character| font.glyph_id(character)) {
            width += before.map_or(0.0, |before| font.kern(before, glyph)) + font.h_advance(glyph);
            before = Some(glyph);
        }
        f64::from(width)
    }

    /// `ab_glyph` scales by ascent to descent; the em is what everyone else means by a size.
    fn scale(&self, size: f64) -> PxScale {
        let height_ems = self
            .0
            .units_per_em()
            .map_or(1.0, |units| self.0.height_unscaled() / units);
        PxScale::from(size as f32 * height_ems)
    }
}

/// A text's looks, as a back end wants to hear them. The anchor's vertical place is the top of the em.
pub(crate) struct Style<'a> {
    pub(crate) face: &'a Face,
    /// The em, in pixels.
    pub(crate) size: f64,
    pub(crate) ink: Ink,
    pub(crate) anchor: HPos,
}

impl BackendTextStyle for Style<'_> {
    type FontError = Infallible;

    fn color(&self) -> BackendColor {
        BackendColor {
            alpha: 1.0,
            rgb: self.ink.rgb(),
        }
    }

    fn size(&self) -> f64 {
        self.size * SVG_DIVISOR
    }

    fn anchor(&self) -> Pos {
        Pos::new(self.anchor, VPos::Top)
    }

    fn family(&self) -> FontFamily<'_> {
        FontFamily::Name(FAMILY)
    }

    fn layout_box(&self, text: &str) -> Result<((i32, i32), (i32, i32)), Infallible> {
        Ok((
            (0, 0),
            (
                self.face.width(text, self.size).round() as i32,
                self.size.round() as i32,
            ),
        ))
    }

    fn draw<E, DrawFunc: FnMut(i32, i32, BackendColor) -> Result<(), E>>(
        &self,
        text: &str,
        (left, top): BackendCoord,
        mut draw: DrawFunc,
    ) -> Result<Result<(), E>, Infallible> {
        let (scale, rgb) = (self.face.scale(self.size), self.ink.rgb());
        let font = self.face.0.as_scaled(scale);
        let baseline = (BASELINE_EM * self.size) as f32;
        let mut x = 0.0;
        let mut before = None;
        for glyph in text.chars().map(|character| font.glyph_id(character)) {
            x += before.map_or(0.0, |before| font.kern(before, glyph));
            let placed = glyph.with_scale_and_position(scale, point(x, baseline));
            if let Some(outline) = self.face.0.outline_glyph(placed) {
                let (min_x, min_y) = (outline.px_bounds().min.x as i32, outline.px_bounds().min.y as i32);
                let mut result = Ok(());
                outline.draw(|dx, dy, coverage| {
                    if result.is_ok() && coverage > 0.0 {
                        let color = BackendColor {
                            alpha: f64::from(coverage.min(1.0)),
                            rgb,
                        };
                        result = draw(left + min_x + dx as i32, top + min_y + dy as i32, color);
                    }
                });
                if result.is_err() {
                    return Ok(result);
                }
            }
            x += font.h_advance(glyph);
            before = Some(glyph);
        }
        Ok(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_with_text_and_size() {
        let face = Face::new();
        assert!(face.width("delivery", 12.0) > face.width("deliver", 12.0));
        assert!((face.width("delivery", 24.0) / face.width("delivery", 12.0) - 2.0).abs() < 0.01);
        assert_eq!(face.width("", 12.0), 0.0);
        // DejaVu Sans: the em has 2048 units, and a digit is 1303 of them wide.
        assert!((face.width("0", 2_048.0) - 1_303.0).abs() < 1.0);
    }
}
