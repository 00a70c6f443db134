//! Run folder to plots, HTML, JUnit, Markdown and verdict.
//!
//! It knows run folders only, through [`record`]: no server, no swarm, no clock, no network. A folder made a year ago on
//! another host renders the same, and rendering twice gives the same bytes.
//!
//! | file | made by |
//! |---|---|
//! | `summary.json` | [`summarise`] |
//! | `plots/*.svg`, `plots/*.png` | the plots |
//! | `report.html` | the page, offline in one file |
//! | `junit.xml` | a case a threshold, one for the testbed |
//! | `summary.md` | the comment under a change |

mod chart;
mod climb;
mod cost;
mod face;
mod figures;
mod junit;
mod ledger;
mod limiter;
mod mark;
mod markdown;
mod page;
mod painter;
mod plots;
mod quantity;
mod replay;
mod scene;
mod series;
mod theme;
mod view;

use std::path::{Path, PathBuf};
use std::{fs, io, thread};

use record::{ReadError, Run, RunWriter, Summary, Threshold, WriteError};

pub use climb::COUNT_TOLERANCE;
pub use figures::{LAG_P99_LIMIT_MS, LATE_SHARE_LIMIT, summarise};

use plots::{Picture, Plots};

/// A folder could not be judged or rendered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The run could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The summary could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Another file of the report could not be written.
    #[error("cannot write {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A picture could not be drawn or encoded.
    #[error("cannot draw {plot}: {what}")]
    Plot {
        /// The plot's name.
        plot: &'static str,
        /// What the back end said.
        what: String,
    },
    /// A page could not be filled in.
    #[error("cannot fill in {page}: {source}")]
    Page {
        /// `report.html` or `summary.md`.
        page: &'static str,
        /// What the template said.
        source: askama::Error,
    },
    /// `junit.xml` could not be serialised.
    #[error("cannot serialise junit.xml: {0}")]
    Junit(#[from] quick_junit::SerializeError),
}

/// Reads a run folder and writes the report into it, replacing an earlier one. A dry run's folder gets its plan alone.
///
/// # Errors
/// The folder cannot be read or written.
pub fn render(folder: &Path) -> Result<Summary, Error> {
    let run = Run::read(folder)?;
    let summary = summarise(&run);
    RunWriter::summary(folder, &summary)?;

    let plots = Plots::of(&run);
    let pictures = draw(&plots)?;
    let plot_folder = folder.join("plots");
    // An earlier report may have had other plots.
    match fs::remove_dir_all(&plot_folder) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(at(&plot_folder)(source)),
        _ => fs::create_dir_all(&plot_folder).map_err(at(&plot_folder))?,
    }
    for picture in &pictures {
        write(
            &plot_folder.join(format!("{}.svg", picture.id)),
            picture.svg.as_bytes(),
        )?;
        write(&plot_folder.join(format!("{}.png", picture.id)), &picture.png)?;
    }
    write(
        &folder.join("report.html"),
        page::html(&run, &summary, &plots, &pictures)?.as_bytes(),
    )?;
    write(
        &folder.join("summary.md"),
        markdown::markdown(&run, &summary)?.as_bytes(),
    )?;
    write(
        &folder.join("junit.xml"),
        junit::junit(&run, &summary)?.as_bytes(),
    )?;
    Ok(summary)
}

/// Judges a run folder again, by its scenario's thresholds and these besides. It writes nothing.
///
/// # Errors
/// The folder cannot be read.
pub fn judge(folder: &Path, extra_thresholds: &[Threshold]) -> Result<Summary, Error> {
    Ok(figures::summarise_with(&Run::read(folder)?, extra_thresholds))
}

/// A climb in a sentence: how far it came, and what ran out first. `None` where the run was none.
#[must_use]
pub fn climbed(summary: &Summary) -> Option<String> {
    Some(view::climb_headline(&summary.steps, summary.steps.last()?))
}

/// Draws on as many threads as there are cores: a picture is a second's work in a debug build otherwise.
fn draw(plots: &Plots) -> Result<Vec<Picture>, Error> {
    let threads = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(plots.drawn.len().max(1));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || -> Result<Vec<(usize, Picture)>, Error> {
                    let mine = plots.drawn.iter().enumerate().skip(worker).step_by(threads);
                    mine.map(|(index, plot)| Ok((index, Picture::of(plot, &plots.marks)?)))
                        .collect()
                })
            })
            .collect();
        let mut pictures = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(drawn) => pictures.extend(drawn?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        pictures.sort_by_key(|(index, _)| *index);
        Ok(pictures.into_iter().map(|(_, picture)| picture).collect())
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { path, source }
}
