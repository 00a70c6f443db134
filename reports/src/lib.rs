//! Run folder to plots, HTML, JUnit, Markdown and verdict.
