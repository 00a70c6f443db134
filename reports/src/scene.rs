//! A picture as a list of shapes, in units of which a picture is a thousand wide.
//!
//! It knows shapes and where they are; it knows neither data nor a back end. Every text in it knows its box, so the
//! tests can see that none covers another.

#[cfg(test)]
use crate::face::Face;
use crate::theme::Ink;

/// A point: x to the right, y down.
pub(crate) type Place = (f64, f64);

/// Which end of a text its place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// One shape; later ones cover earlier ones.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    Rect {
        from: Place,
        to: Place,
        ink: Ink,
    },
    /// A filled outline.
    Area {
        outline: Vec<Place>,
        ink: Ink,
    },
    /// A stroke through all points.
    Line {
        points: Vec<Place>,
        width: f64,
        ink: Ink,
        dashed: bool,
    },
    /// One line of text; the place is on its baseline.
    Text {
        at: Place,
        anchor: Anchor,
        size: f64,
        ink: Ink,
        text: String,
    },
}

/// A picture.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) shapes: Vec<Shape>,
}

impl Scene {
    pub(crate) fn rect(&mut self, from: Place, to: Place, ink: Ink) {
        self.shapes.push(Shape::Rect { from, to, ink });
    }

    pub(crate) fn line(&mut self, points: Vec<Place>, width: f64, ink: Ink, dashed: bool) {
        if points.len() > 1 {
            self.shapes.push(Shape::Line {
                points,
                width,
                ink,
                dashed,
            });
        }
    }

    pub(crate) fn area(&mut self, outline: Vec<Place>, ink: Ink) {
        if outline.len() > 2 {
            self.shapes.push(Shape::Area { outline, ink });
        }
    }

    pub(crate) fn text(&mut self, at: Place, anchor: Anchor, size: f64, ink: Ink, text: impl Into<String>) {
        self.shapes.push(Shape::Text {
            at,
            anchor,
            size,
            ink,
            text: text.into(),
        });
    }

    /// The boxes of all texts: left, top, right, bottom, and the text.
    #[cfg(test)]
    pub(crate) fn text_boxes(&self, face: &Face) -> Vec<(f64, f64, f64, f64, &str)> {
        let boxed = |shape: &'_ Shape| match shape {
            Shape::Text {
                at: (x, y),
                anchor,
                size,
                text,
                ..
            } => {
                let width = face.width(text, *size);
                let left = match anchor {
                    Anchor::Start => *x,
                    Anchor::Middle => x - width / 2.0,
                    Anchor::End => x - width,
                };
                Some((left, y - 0.76 * size, left + width, y + 0.24 * size))
            }
            _ => None,
        };
        let texts = self.shapes.iter().filter_map(|shape| match shape {
            Shape::Text { text, .. } => Some((boxed(shape)?, text.as_str())),
            _ => None,
        });
        texts
            .map(|((left, top, right, bottom), text)| (left, top, right, bottom, text))
            .collect()
    }
}

/// Cuts a stroke into dashes, so that every back end draws the same ones.
pub(crate) fn dashes(points: &[Place], on: f64, off: f64) -> Vec<Vec<Place>> {
    let mut found = Vec::new();
    let mut dash: Vec<Place> = points.first().copied().into_iter().collect();
    let (mut drawing, mut left) = (true, on);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length > left {
            let share = left / length;
            from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            length -= left;
            if drawing {
                dash.push(from);
                found.push(std::mem::take(&mut dash));
            } else {
                dash = vec![from];
            }
            drawing = !drawing;
            left = if drawing { on } else { off };
        }
        left -= length;
        if drawing {
            dash.push(to);
        }
    }
    if drawing && dash.len() > 1 {
        found.push(dash);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn dashes_cover_their_share_of_any_stroke(
            steps in prop::collection::vec((0.1f64..30.0, -20.0f64..20.0), 1..40),
        ) {
            let mut points = vec![(0.0, 0.0)];
            for (dx, dy) in steps {
                let (x, y) = points[points.len() - 1];
                points.push((x + dx, y + dy));
            }
            let length = |points: &[Place]| -> f64 {
                points.windows(2).map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1)).sum()
            };
            let whole = length(&points);
            let drawn: f64 = dashes(&points, 6.0, 4.0).iter().map(|dash| length(dash)).sum();
            prop_assert!((drawn - whole * 0.6).abs() <= 6.0, "{drawn} of {whole}");
        }
    }
}
