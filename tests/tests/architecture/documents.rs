//! The rules for documents: what they name exists, the index of the decisions is complete,
//! ARCHITECTURE.md is short, and text wraps.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::metadata;

/// The largest number of words in ARCHITECTURE.md, as `wc -w` counts them.
const MAX_WORDS: usize = 1_500;
/// The largest width of a line of prose, in characters.
const MAX_COLUMNS: usize = 100;

/// A Markdown file.
struct Document {
    /// Its path from the root of the workspace.
    path: PathBuf,
    text: String,
}

impl Document {
    /// Every Markdown file of the workspace.
    fn all(root: &Path) -> Vec<Self> {
        let found = Self::with_endings(root, &[".md"]);
        assert!(found.len() > 80, "only {} documents were found", found.len());
        found
    }

    /// Every file of the workspace whose name has one of these endings.
    fn with_endings(root: &Path, endings: &[&str]) -> Vec<Self> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            for name in names(&root.join(&folder)) {
                let path = folder.join(&name);
                if root.join(&path).is_dir() {
                    if !name.starts_with('.') && name != "target" {
                        folders.push(path);
                    }
                } else if endings.iter().any(|ending| name.ends_with(ending)) {
                    let text = fs::read_to_string(root.join(&path)).expect("it is text");
                    found.push(Self { path, text });
                }
            }
        }
        found
    }

    fn folder(&self) -> &Path {
        self.path.parent().expect("a file is in a folder")
    }

    /// The lines inside or outside blocks of code, with their numbers.
    fn lines(&self, in_code: bool) -> impl Iterator<Item = (usize, &str)> {
        let mut is_code = false;
        (1..).zip(self.text.lines()).filter(move |(_, line)| {
            let is_fence = line.trim_start().starts_with("```");
            is_code ^= is_fence;
            is_code == in_code && !is_fence
        })
    }

    /// The lines outside blocks of code, with their numbers.
    fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines(false)
    }

    /// The paragraphs outside blocks of code, each as one line. A line of a table is a paragraph.
    fn paragraphs(&self) -> Vec<String> {
        let mut paragraphs = vec![String::new()];
        for (_, line) in self.prose() {
            if line.is_empty() || line.starts_with('|') {
                paragraphs.push(String::new());
            }
            let paragraph = paragraphs.last_mut().expect("there is one");
            paragraph.push_str(line.trim());
            paragraph.push(' ');
        }
        paragraphs
    }

    /// The texts between backticks.
    fn code_spans(&self) -> BTreeSet<String> {
        let spans = |paragraph: &String| -> Vec<String> {
            paragraph.split('`').skip(1).step_by(2).map(str::to_owned).collect()
        };
        self.paragraphs().iter().flat_map(spans).collect()
    }

    /// The targets of links to other documents, and to headings.
    fn links(&self) -> BTreeSet<String> {
        let targets = |paragraph: &String| -> Vec<String> {
            let ends = paragraph.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            ends.filter(|target| !target.contains("://")).map(str::to_owned).collect()
        };
        self.paragraphs().iter().flat_map(targets).collect()
    }

    /// The anchors that GitHub makes for the headings.
    fn anchors(&self) -> BTreeSet<String> {
        let headings =
            self.prose().filter_map(|(_, line)| line.trim_start_matches('#').strip_prefix(' '));
        headings
            .map(|heading| {
                let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
                heading.to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
            })
            .collect()
    }
}

fn root() -> PathBuf {
    metadata().workspace_root.into()
}

/// The names of the files and folders in a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    entries
        .map(|entry| entry.expect("the entry can be read").file_name().into_string())
        .map(|name| name.expect("names are text"))
        .collect()
}

/// Whether this file or folder exists. `*` and `<placeholder>` match any text within a name.
fn exists(folder: &Path, path: &str) -> bool {
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    if rest.is_empty() && first.is_empty() {
        return folder.exists();
    }
    let mut pattern = first.to_owned();
    while let Some((before, (_, after))) =
        pattern.split_once('<').and_then(|(before, rest)| Some((before, rest.split_once('>')?)))
    {
        pattern = format!("{before}*{after}");
    }
    if !pattern.contains('*') {
        let path = folder.join(pattern);
        return path.exists() && (rest.is_empty() || exists(&path, rest));
    }
    folder.is_dir()
        && names(folder)
            .iter()
            .any(|name| matches(&pattern, name) && exists(&folder.join(name), rest))
}

/// Whether the name matches this pattern, in which `*` matches any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(start) else { return false };
    (0..=name.len())
        .filter(|&end| name.is_char_boundary(end))
        .any(|end| matches(rest, &name[end..]))
}

#[test]
fn architecture_md_is_short() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("it exists");
    let words = text.split_whitespace().count();
    assert!(
        words <= MAX_WORDS,
        "ARCHITECTURE.md has {words} words, at most {MAX_WORDS}: move reasons to \
         shared/decisions, and lists to the README of their subject"
    );
}

#[test]
fn every_path_that_a_document_names_exists() {
    let root = root();
    let mut missing = Vec::new();
    for document in Document::all(&root) {
        let folder = root.join(document.folder());
        for word in document.code_spans().iter().flat_map(|span| span.split_whitespace()) {
            let Some((first, _)) = word.split_once('/') else { continue };
            let base = [&root, &folder].into_iter().find(|base| base.join(first).is_dir());
            if first.is_empty() || matches!(first, "target" | "." | "..") {
                continue;
            }
            if base.is_some_and(|base| !exists(base, word.trim_end_matches('/'))) {
                missing.push(format!("{}: `{word}`", document.path.display()));
            }
        }
        for target in document.links() {
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { root.join(&document.path) } else { folder.join(path) };
            let text = fs::read_to_string(&path).unwrap_or_default();
            let linked = Document { path: path.clone(), text };
            if !path.exists() || !anchor.is_empty() && !linked.anchors().contains(anchor) {
                missing.push(format!("{}: ({target})", document.path.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "documents name these paths, which do not exist:\n{}",
        missing.join("\n")
    );
}

/// A decision has a file in the folder of its topic, and a line in the index with its title and its
/// date.
#[test]
fn the_index_of_the_decisions_is_complete() {
    let (mut index, mut decisions) = (BTreeSet::new(), BTreeSet::new());
    for document in Document::all(&root()) {
        let Ok(path) = document.path.strip_prefix("shared/decisions") else { continue };
        let path = path.to_str().expect("names are text");
        if path == "README.md" {
            let lines = document.text.lines().filter(|line| line.starts_with("| ["));
            index = lines.map(str::to_owned).collect();
        } else if path.contains('/') {
            for part in ["Context", "Decision", "Consequence"] {
                let part = format!("\n\n**{part}.** ");
                assert!(document.text.contains(&part), "{path} has no paragraph {}", part.trim());
            }
            let mut lines = document.text.lines();
            let title = lines.next().and_then(|line| line.strip_prefix("# ")).unwrap_or_default();
            let made = lines.nth(1).unwrap_or_default();
            decisions.insert(format!("| [{title}]({path}) | {made} |"));
        }
    }
    assert!(!decisions.is_empty(), "no decisions were found");
    let differs = |these: &BTreeSet<String>, those: &BTreeSet<String>| -> String {
        these.difference(those).map(|line| format!("\n{line}")).collect()
    };
    let (add, remove) = (differs(&decisions, &index), differs(&index, &decisions));
    assert!(
        index == decisions,
        "shared/decisions/README.md differs from the files. Add:{add}\nRemove:{remove}"
    );
}

/// Checks types and their members, such as `StoreError` or `InvalidAppend::Json`. Other names in
/// code may belong to AWS or a library, or no longer exist.
#[test]
fn every_type_that_a_document_names_exists() {
    let root = root();
    let sources = Document::with_endings(&root, &[".rs", ".py", ".yaml", ".toml"]);
    let is_in_a_name = |c: char| c.is_alphanumeric() || c == '_';
    let known: BTreeSet<&str> =
        sources.iter().flat_map(|source| source.text.split(|c| !is_in_a_name(c))).collect();
    let is_type = |name: &str| {
        let capitals = name.chars().filter(char::is_ascii_uppercase).count();
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && capitals > 1
            && name.contains(|c: char| c.is_ascii_lowercase())
    };
    let mut missing = Vec::new();
    for document in Document::all(&root) {
        for span in document.code_spans() {
            let mut parts = span.split("::");
            let is_path =
                parts.clone().all(|part| !part.is_empty() && part.chars().all(is_in_a_name));
            if is_path
                && (is_type(&span) || span.contains("::"))
                && !parts.all(|part| known.contains(part))
            {
                missing.push(format!("{}: `{span}`", document.path.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "documents name these types, which do not exist:\n{}",
        missing.join("\n")
    );
}

#[test]
fn every_goal_of_make_that_a_document_names_exists() {
    let root = root();
    let makefile = fs::read_to_string(root.join("Makefile")).expect("it exists");
    let goals: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(goal, _)| goal)
        .filter(|goal| goal.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        .collect();
    let mut missing = Vec::new();
    for document in Document::all(&root) {
        let spans = document.code_spans();
        let blocks = document.lines(true).map(|(_, line)| line);
        for command in spans.iter().map(String::as_str).chain(blocks) {
            let goal = command.strip_prefix("make ").and_then(|rest| rest.split(' ').next());
            if goal.is_some_and(|goal| !goal.contains('=') && !goals.contains(goal)) {
                missing.push(format!("{}: `{command}`", document.path.display()));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "documents name these goals, which are not in the Makefile:\n{}",
        missing.join("\n")
    );
}

#[test]
fn prose_wraps() {
    let is_exempt = |line: &str| {
        // Tables, headings and items of one word cannot be wrapped. URLs must not be wrapped.
        let text = line.trim_start().trim_start_matches(['-', '>']).trim_start();
        line.starts_with('|')
            || line.starts_with('#')
            || line.contains("://")
            || !text.contains(' ')
    };
    let mut wide = Vec::new();
    for document in Document::all(&root()) {
        for (number, line) in document.prose() {
            let columns = line.trim_end().chars().count();
            if columns > MAX_COLUMNS && !is_exempt(line) {
                wide.push(format!("{}:{number} has {columns} columns", document.path.display()));
            }
        }
    }
    assert!(wide.is_empty(), "wrap at {MAX_COLUMNS} columns:\n{}", wide.join("\n"));
}
