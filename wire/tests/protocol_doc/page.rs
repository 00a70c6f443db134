//! Reads `docs/protocol.md`: its tables, its fenced blocks, its frame sections, the names it mentions.
//!
//! It knows Markdown as far as the page uses it, and nothing of the protocol but that two length bytes and a type
//! come first.

/// The page.
pub(crate) struct Page {
    lines: Vec<String>,
}

/// One frame's section: a heading, a layout table, a dump with a line a field.
#[derive(Debug)]
pub(crate) struct FrameSection {
    /// As the heading has it.
    pub(crate) name: String,
    /// As the heading has it.
    pub(crate) kind: u8,
    layout: Vec<Row>,
    dump: Vec<String>,
}

type Row = Vec<String>;

impl Page {
    pub(crate) fn load() -> Self {
        let lines = include_str!("../../../docs/protocol.md")
            .lines()
            .map(str::to_owned)
            .collect();
        Self { lines }
    }

    /// The rows of the one table whose first two column titles are these.
    pub(crate) fn table(&self, first: &str, second: &str) -> Vec<Row> {
        let mut tables = tables(&self.lines)
            .into_iter()
            .filter(|table| table[0][0] == first && table[0][1] == second);
        let table = tables
            .next()
            .unwrap_or_else(|| panic!("no table begins with {first}, {second}"));
        assert!(tables.next().is_none(), "two tables begin with {first}, {second}");
        table[1..].to_vec()
    }

    /// The fenced blocks with this info string.
    pub(crate) fn blocks(&self, info: &str) -> Vec<Vec<String>> {
        let found = blocks(&self.lines, info);
        assert!(!found.is_empty(), "no block is marked {info}");
        found
    }

    /// The sections headed ``### `name` (0xNN)``.
    pub(crate) fn frames(&self) -> Vec<FrameSection> {
        let heads: Vec<_> = (0..self.lines.len())
            .filter(|&at| self.lines[at].starts_with('#'))
            .collect();
        let mut sections = Vec::new();
        for (index, &head) in heads.iter().enumerate() {
            let Some((name, kind)) = frame_heading(&self.lines[head]) else {
                continue;
            };
            let end = heads.get(index + 1).copied().unwrap_or(self.lines.len());
            let body = &self.lines[head..end];
            let layout = tables(body).into_iter().find(|table| table[0][0] == "offset");
            let layout = layout.unwrap_or_else(|| panic!("`{name}` has no layout"))[1..].to_vec();
            let [dump] = blocks(body, "hex")
                .try_into()
                .unwrap_or_else(|_| panic!("`{name}` needs one dump"));
            sections.push(FrameSection {
                name,
                kind,
                layout,
                dump,
            });
        }
        sections
    }

    /// The anchors of the headings, as Markdown's renderers make them.
    pub(crate) fn anchors(&self) -> Vec<String> {
        let headings = self.lines.iter().filter_map(|line| {
            line.trim_start_matches('#')
                .strip_prefix(' ')
                .filter(|_| line.starts_with('#'))
        });
        headings.map(anchor).collect()
    }

    /// The anchors that the text links to.
    pub(crate) fn links(&self) -> Vec<String> {
        let parts = self.lines.iter().flat_map(|line| line.split("](#").skip(1));
        parts
            .filter_map(|part| part.split_once(')').map(|(anchor, _)| anchor.to_owned()))
            .collect()
    }

    /// Names of bounds and codes in the running text, each with the value in parentheses behind it, if any.
    pub(crate) fn mentions(&self) -> Vec<(String, Option<u64>)> {
        let mut fenced = false;
        let mut mentions = Vec::new();
        for line in &self.lines {
            fenced ^= line.starts_with("```");
            if fenced {
                continue;
            }
            let mut parts = line.split('`').skip(1);
            while let Some(code) = parts.next() {
                let after = parts.next().unwrap_or_default();
                if is_name(code) {
                    let inside = after.strip_prefix(" (").and_then(|rest| rest.split_once(')'));
                    mentions.push((code.to_owned(), inside.map(|(value, _)| count(value))));
                }
            }
        }
        mentions
    }
}

impl FrameSection {
    /// The example's bytes.
    pub(crate) fn dump(&self) -> Vec<u8> {
        dump(&self.dump)
    }

    /// Offsets run on without a hole; each line of the dump is one field, by the same name and as wide.
    pub(crate) fn check_layout(&self) {
        let mut offset = 0;
        assert_eq!(
            self.layout.len(),
            self.dump.len(),
            "`{}`: a line of the dump a field",
            self.name
        );
        for (index, (row, line)) in self.layout.iter().zip(&self.dump).enumerate() {
            let [at, width, field] = [&row[0], &row[1], &row[2]];
            assert_eq!(
                at.parse::<usize>().unwrap(),
                offset,
                "`{}`, {field}: offset",
                self.name
            );
            let (bytes, comment) = line.split_once('#').unwrap();
            let shown = bytes.split_whitespace().count();
            match width.parse::<usize>() {
                Ok(width) => assert_eq!(shown, width, "`{}`, {field}: width", self.name),
                Err(_) => assert_eq!(
                    index + 1,
                    self.layout.len(),
                    "`{}`: only the last field may vary",
                    self.name
                ),
            }
            let named = comment.trim().split([':', ' ']).next().unwrap_or_default();
            assert_eq!(
                named,
                field.trim_matches('`'),
                "`{}`: the dump's comment",
                self.name
            );
            offset += shown;
        }
    }
}

/// The bytes of a dump: hexadecimal pairs up to a `#`.
pub(crate) fn dump<T: AsRef<str>>(lines: &[T]) -> Vec<u8> {
    let pairs = lines.iter().flat_map(|line| {
        line.as_ref()
            .split('#')
            .next()
            .unwrap_or_default()
            .split_whitespace()
    });
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("`{pair}` is no byte")))
        .collect()
}

/// One line of a transcript: who speaks, and the bytes behind the colon.
pub(crate) fn transcript(line: &str) -> (char, Vec<u8>) {
    let (head, bytes) = line
        .split_once(':')
        .unwrap_or_else(|| panic!("no colon in `{line}`"));
    (head.chars().next().unwrap(), dump(&[bytes]))
}

/// A number with commas between its thousands.
pub(crate) fn count(text: &str) -> u64 {
    let digits = text.replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("`{text}` is no number"))
}

/// `FRAME_MAX_BYTES` and `NoSuchNumber` are names; `send` and `GET /x` are not.
fn is_name(code: &str) -> bool {
    let plain = code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let long = code.len() > 3 && code.starts_with(|c: char| c.is_ascii_uppercase());
    plain && long
}

fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() })
        .collect()
}

fn frame_heading(line: &str) -> Option<(String, u8)> {
    let (name, kind) = line.strip_prefix("### `")?.split_once("` (0x")?;
    let kind = u8::from_str_radix(kind.strip_suffix(')')?, 16).ok()?;
    Some((name.to_owned(), kind))
}

fn tables<T: AsRef<str>>(lines: &[T]) -> Vec<Vec<Row>> {
    let mut tables: Vec<Vec<Row>> = Vec::new();
    let mut inside = false;
    for line in lines.iter().map(AsRef::as_ref) {
        let is_row = line.starts_with('|');
        if is_row && !inside {
            tables.push(Vec::new());
        }
        inside = is_row;
        if is_row && !line.starts_with("|-") && !line.starts_with("|:") {
            let cells = line
                .trim_matches('|')
                .split('|')
                .map(|cell| cell.trim().to_owned())
                .collect();
            tables.last_mut().unwrap().push(cells);
        }
    }
    tables
}

fn blocks<T: AsRef<str>>(lines: &[T], info: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut lines = lines.iter().map(AsRef::as_ref);
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else {
            continue;
        };
        let inside: Vec<_> = lines
            .by_ref()
            .take_while(|line| !line.starts_with("```"))
            .map(str::to_owned)
            .collect();
        if fence == info {
            found.push(inside);
        }
    }
    found
}
