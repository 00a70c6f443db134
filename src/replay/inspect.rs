//! `teem replay inspect`: the connections of a capture, listed, saved and plotted.

mod folder;
mod json;
mod table;
mod veil;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result};
use replay::{
    Event, Findings, Flow, Inspection, InspectionLimits, Mask, MaskRules, Note, Protocol, RecordingWriter,
    Secrecy, Selection, Sink, Tally,
};

use self::veil::Veil;
use super::arguments::InspectArgs;
use super::part::Part;
use super::source::{self, Reads};
use crate::conduct;
use crate::exit::Outcome;
use crate::say;

/// Lists the connections of a capture, and saves and plots them if asked.
pub(crate) fn inspect(args: &InspectArgs) -> Result<Outcome> {
    args.selection.check()?;
    if let Some(folder) = &args.out {
        conduct::check_empty(folder)?;
    }
    let limits = InspectionLimits {
        flows: usize::try_from(args.list)?,
        ..InspectionLimits::default()
    };
    let outlets = Outlets {
        inspection: Inspection::new(limits),
        saving: Saving::begin(args)?,
    };
    let (reads, outlets) = source::read(
        &args.capture,
        args.keys.as_deref(),
        args.selection.selection(),
        args.mask.is_some(),
        outlets,
    )?;
    let saved = match outlets.saving {
        Some(saving) => Some(saving.end(&reads, &args.selection.selection())?),
        None => None,
    };
    let inspected = Inspected {
        reads,
        findings: outlets.inspection,
        saved,
    };
    inspected.tell(args)
}

/// What an inspection found, where from, and what was saved of it.
struct Inspected<F> {
    reads: Reads,
    findings: F,
    saved: Option<Saved>,
}

impl Inspected<Inspection> {
    fn tell(self, args: &InspectArgs) -> Result<Outcome> {
        let ended_ns = self.reads.lasted_ns();
        let told = Inspected {
            reads: self.reads,
            findings: self.findings.finish(ended_ns),
            saved: self.saved,
        };
        let report = match &args.out {
            Some(folder) => Some(folder::write(folder, args, &told)?),
            None => None,
        };
        if args.json {
            // A list of many connections is longer than what is kept of them: it is not held besides.
            let mut out = BufWriter::new(io::stdout().lock());
            let written = serde_json::to_writer_pretty(&mut out, &json::Document::of(&told));
            let written = written.map_err(io::Error::from).and_then(|()| writeln!(out));
            say::keep(written.and_then(|()| out.flush()));
        } else {
            table::print(&told);
            if let (Some(saved), Some(path)) = (&told.saved, &args.save) {
                outln!(
                    "saved: {} with {} connections",
                    path.display(),
                    saved.tally.connections
                );
            }
            if let Some(report) = report {
                outln!("{}", report.display());
            }
        }
        if let Some(shortfall) = told.reads.shortfall() {
            errln!("note: {}: {shortfall}", args.capture.display());
        }
        for refused in told.reads.refused() {
            errln!("note: {refused}");
        }
        let protocols = &told.findings.totals.protocols;
        for note in told.saved.iter().flat_map(|saved| saved.notes(protocols)) {
            errln!("note: {note}");
        }
        Ok(Outcome::Passed)
    }
}

/// What was saved, and what masking it did without.
struct Saved {
    tally: Tally,
    veil: Option<Veil>,
}

impl Saved {
    /// What is to be told of connections of these protocols.
    fn notes(&self, protocols: &BTreeMap<Protocol, u64>) -> Vec<String> {
        self.veil
            .as_ref()
            .map_or_else(Vec::new, |veil| veil.notes(protocols))
    }
}

/// What found its way to the end.
type Found = Inspected<Findings>;

/// Where events go: to the inspection, and to the file of sessions if there is one.
struct Outlets {
    inspection: Inspection,
    saving: Option<Saving>,
}

impl Sink for Outlets {
    fn event(&mut self, event: Event<'_>) {
        self.inspection.event(event);
        if let Some(saving) = &mut self.saving {
            saving.mask.event(event);
        }
    }

    fn secrecy(&mut self, flow: Flow, secrecy: Secrecy) {
        self.inspection.secrecy(flow, secrecy);
        if let Some(saving) = &mut self.saving {
            saving.mask.secrecy(flow, secrecy);
        }
    }
}

/// A file of sessions that is being written, and masked on its way.
struct Saving {
    mask: Mask<RecordingWriter>,
    part: Part,
    /// By what it is masked.
    rules: Option<MaskRules>,
}

impl Saving {
    fn begin(args: &InspectArgs) -> Result<Option<Self>> {
        let Some(path) = &args.save else {
            return Ok(None);
        };
        let rules = match &args.mask {
            Some(Some(file)) => Some(read_rules(file)?),
            Some(None) => Some(MaskRules::parse("", "--mask")?),
            None => None,
        };
        let (part, mut writer) = Part::begin(path)?;
        // A file's name may be somebody's, too.
        if let (Some(source), None) = (args.capture.file_name(), &rules) {
            writer.note(&Note::Source(source.to_string_lossy().into_owned()));
        }
        if let Some(rules) = &rules {
            writer.note(&Note::Masked);
            if rules.masks_bodies() {
                writer.note(&Note::MaskedHttp);
            }
        }
        let masks = rules.clone().unwrap_or_else(MaskRules::nothing);
        Ok(Some(Self {
            rules,
            mask: Mask::new(masks, rand::random(), writer),
            part,
        }))
    }

    fn end(self, reads: &Reads, selection: &Selection) -> Result<Saved> {
        let (mut writer, figures) = self.mask.finish();
        if reads.started_unix_ns() > 0 {
            writer.note(&Note::Began {
                unix_ns: reads.started_unix_ns(),
            });
        }
        if let Some(list) = reads.datagrams() {
            writer.datagrams(&selection.datagrams(list));
        }
        // What was masked before stays so.
        for note in [Note::Masked, Note::MaskedHttp] {
            let is_told = match &self.rules {
                Some(rules) => note == Note::Masked || rules.masks_bodies(),
                None => false,
            };
            if !is_told && reads.says(&note) {
                writer.note(&note);
            }
        }
        Ok(Saved {
            tally: self.part.end(writer)?,
            veil: self.rules.map(|rules| Veil { rules, figures }),
        })
    }
}

fn read_rules(file: &Path) -> Result<MaskRules> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(MaskRules::parse(&text, &file.display().to_string())?)
}
