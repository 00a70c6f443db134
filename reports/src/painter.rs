//! Paints a scene with plotters: once as SVG, once as PNG.
//!
//! It knows back ends, pixels and encodings; what a picture shows is not its business. plotters places everything on
//! whole pixels, so both are painted at [`FINE`] times the scene's size: the SVG is given its true size in its header,
//! the PNG is reduced afterwards, which is also what smooths its edges.

use plotters::prelude::{BitMapBackend, SVGBackend};
use plotters_backend::text_anchor::HPos;
use plotters_backend::{BackendColor, BackendStyle, DrawingBackend, DrawingErrorKind};

use crate::face::{BASELINE_EM, Face, Style};
use crate::scene::{Anchor, Place, Scene, Shape, dashes};
use crate::theme::Ink;

/// Pixels a scene's unit while painting.
const FINE: u32 = 4;
/// Pixels a scene's unit in the PNG: two, for dense screens.
const DENSE: u32 = 2;
/// Length of a dash and of the gap after it, in the scene's unit.
const DASH: (f64, f64) = (6.0, 4.0);

/// The scene as an SVG document with a name for those who cannot see it.
pub(crate) fn svg(scene: &Scene, face: &Face, name: &str) -> Result<String, String> {
    let (width, height) = (scene.width as u32, scene.height as u32);
    let mut text = String::new();
    let mut backend = SVGBackend::with_string(&mut text, (width * FINE, height * FINE));
    paint(&mut backend, scene, face, whole)?;
    backend.present().map_err(|error| error.to_string())?;
    drop(backend);
    // plotters writes the painted size; the picture keeps its own and lets the view box scale.
    let body = text.split_once('>').map_or("", |(_, body)| body);
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {} {}\" \
         role=\"img\" stroke-linejoin=\"round\" stroke-linecap=\"round\"><title>{}</title>{body}",
        width * FINE,
        height * FINE,
        escaped(name)
    ))
}

/// The scene as a PNG of twice its size.
pub(crate) fn png(scene: &Scene, face: &Face) -> Result<Vec<u8>, String> {
    let (width, height) = (scene.width as u32 * FINE, scene.height as u32 * FINE);
    let mut fine = vec![0; (width * height * 3) as usize];
    let mut backend = BitMapBackend::with_buffer(&mut fine, (width, height));
    paint(&mut backend, scene, face, in_pieces)?;
    backend.present().map_err(|error| error.to_string())?;
    drop(backend);

    let (small_width, small_height) = (width / FINE * DENSE, height / FINE * DENSE);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, small_width, small_height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let small = reduced(&fine, width as usize);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer
        .write_image_data(&small)
        .map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// Halves a picture: each pixel is the mean of two by two.
fn reduced(fine: &[u8], width: usize) -> Vec<u8> {
    const { assert!(FINE == 2 * DENSE, "two by two pixels become one") };
    let row = width * 3;
    let mut small = Vec::with_capacity(fine.len() / 4);
    for rows in fine.chunks_exact(row * 2) {
        let (upper, lower) = rows.split_at(row);
        for (upper, lower) in upper.chunks_exact(6).zip(lower.chunks_exact(6)) {
            for channel in 0..3 {
                let sum = u16::from(upper[channel])
                    + u16::from(upper[channel + 3])
                    + u16::from(lower[channel])
                    + u16::from(lower[channel + 3]);
                small.push(((sum + 2) / 4) as u8);
            }
        }
    }
    small
}

/// A stroke's or a fill's looks.
struct Paint(Ink, u32);

impl BackendStyle for Paint {
    fn color(&self) -> BackendColor {
        BackendColor {
            alpha: 1.0,
            rgb: self.0.rgb(),
        }
    }

    fn stroke_width(&self) -> u32 {
        self.1
    }
}

type Painted<B> = Result<(), DrawingErrorKind<<B as DrawingBackend>::ErrorType>>;
/// How a back end draws a stroke.
type Stroke<B> = fn(&mut B, Vec<(i32, i32)>, &Paint) -> Painted<B>;

fn paint<B: DrawingBackend>(
    backend: &mut B,
    scene: &Scene,
    face: &Face,
    stroke: Stroke<B>,
) -> Result<(), String> {
    let ground = Shape::Rect {
        from: (0.0, 0.0),
        to: (scene.width, scene.height),
        ink: Ink::Surface,
    };
    for shape in std::iter::once(&ground).chain(&scene.shapes) {
        paint_shape(backend, shape, face, stroke).map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn paint_shape<B: DrawingBackend>(
    backend: &mut B,
    shape: &Shape,
    face: &Face,
    stroke: Stroke<B>,
) -> Painted<B> {
    let fine_all = |places: &[Place]| places.iter().map(|&place| fine(place)).collect::<Vec<_>>();
    match shape {
        Shape::Rect { from, to, ink } => backend.draw_rect(fine(*from), fine(*to), &Paint(*ink, 1), true),
        Shape::Area { outline, ink } => backend.fill_polygon(fine_all(outline), &Paint(*ink, 1)),
        Shape::Line {
            points,
            width,
            ink,
            dashed,
        } => {
            let paint = Paint(*ink, (width * f64::from(FINE)).round().max(1.0) as u32);
            if !dashed {
                return stroke(backend, fine_all(points), &paint);
            }
            dashes(points, DASH.0, DASH.1)
                .iter()
                .try_for_each(|dash| stroke(backend, fine_all(dash), &paint))
        }
        Shape::Text {
            at,
            anchor,
            size,
            ink,
            text,
        } => {
            let anchor = match anchor {
                Anchor::Start => HPos::Left,
                Anchor::Middle => HPos::Center,
                Anchor::End => HPos::Right,
            };
            let style = Style {
                face,
                size: size * f64::from(FINE),
                ink: *ink,
                anchor,
            };
            backend.draw_text(text, &style, fine((at.0, at.1 - BASELINE_EM * size)))
        }
    }
}

/// As one path, whose bends a viewer joins.
fn whole<B: DrawingBackend>(backend: &mut B, points: Vec<(i32, i32)>, paint: &Paint) -> Painted<B> {
    backend.draw_path(points, paint)
}

/// plotters' own bitmap path sharpens every bend into a spike; pieces with round joints do not.
fn in_pieces<B: DrawingBackend>(backend: &mut B, points: Vec<(i32, i32)>, paint: &Paint) -> Painted<B> {
    for pair in points.windows(2) {
        let ((from_x, from_y), (to_x, to_y)) = (pair[0], pair[1]);
        if paint.1 <= FINE && (from_x == to_x || from_y == to_y) {
            let (left, top) = (from_x.min(to_x), from_y.min(to_y));
            let half = paint.1 as i32 / 2;
            let (right, bottom) = (
                from_x.max(to_x) - half + paint.1 as i32,
                from_y.max(to_y) - half + paint.1 as i32,
            );
            backend.draw_rect(
                (left - half, top - half),
                (right, bottom),
                &Paint(paint.0, 1),
                true,
            )?;
            continue;
        }
        let (along_x, along_y) = (f64::from(to_x - from_x), f64::from(to_y - from_y));
        let length = along_x.hypot(along_y).max(1e-9);
        let half = f64::from(paint.1) / 2.0;
        let (aside_x, aside_y) = (-along_y / length * half, along_x / length * half);
        let corner = |x: i32, y: i32, side: f64| {
            (
                (f64::from(x) + side * aside_x).round() as i32,
                (f64::from(y) + side * aside_y).round() as i32,
            )
        };
        let quad = [
            corner(from_x, from_y, 1.0),
            corner(to_x, to_y, 1.0),
            corner(to_x, to_y, -1.0),
            corner(from_x, from_y, -1.0),
        ];
        backend.fill_polygon(quad, &Paint(paint.0, 1))?;
    }
    if paint.1 > FINE {
        for &joint in &points {
            backend.draw_circle(joint, paint.1 / 2, &Paint(paint.0, 1), true)?;
        }
    }
    Ok(())
}

fn fine((x, y): Place) -> (i32, i32) {
    (
        (x * f64::from(FINE)).round() as i32,
        (y * f64::from(FINE)).round() as i32,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
