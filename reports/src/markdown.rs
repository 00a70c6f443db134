//! `summary.md`: the run as a comment under a change.
//!
//! It knows Markdown; the words are the view's.

use askama::Template;
use record::{Run, Summary};

use crate::Error;
use crate::view::View;

#[derive(Template)]
#[template(path = "summary.md", escape = "none")]
struct Comment<'a> {
    run: &'a Run,
    summary: &'a Summary,
    view: View,
}

pub(crate) fn markdown(run: &Run, summary: &Summary) -> Result<String, Error> {
    let comment = Comment {
        run,
        summary,
        view: View::of(run, summary),
    };
    comment.render().map_err(|source| Error::Page {
        page: "summary.md",
        source,
    })
}
