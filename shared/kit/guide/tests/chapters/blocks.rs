//! Each block of code in the guide is part of the compiled file that is linked above it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The languages of blocks that need no file: commands, and their output.
const SHELL: [&str; 2] = ["sh", "text"];

fn kit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A block of code of the guide.
struct Block {
    line: usize,
    language: String,
    /// The file in the last link above it.
    file: Option<String>,
    code: Vec<String>,
}

fn blocks(guide: &str) -> Vec<Block> {
    let (mut blocks, mut block, mut file) = (Vec::new(), None::<Block>, None);
    for (line, text) in (1..).zip(guide.lines()) {
        match (text.strip_prefix("```"), &mut block) {
            (Some(language), None) => {
                let (language, file) = (language.to_owned(), file.take());
                block = Some(Block { line, language, file, code: Vec::new() });
            }
            (Some(_), Some(_)) => blocks.extend(block.take()),
            (None, Some(block)) => block.code.push(text.to_owned()),
            (None, None) => {
                let linked = text.split("](guide/").nth(1).and_then(|rest| rest.split(')').next());
                file = linked.map(str::to_owned).or(file);
            }
        }
    }
    blocks
}

/// Whether the block omits lines here.
fn is_gap(line: &str) -> bool {
    line.trim().starts_with("// …") || line.trim().starts_with("# …")
}

/// The number of shown lines with which `lines` begin, except for a common indentation.
fn matching(shown: &[String], lines: &[&str]) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let more = match (shown.first(), lines.first()) {
        (Some(shown), Some(line)) => indent(line).checked_sub(indent(shown)),
        _ => None,
    };
    let Some(more) = more else { return 0 };
    let is_same = |shown: &String, line: &str| {
        shown.trim() == line.trim() && (shown.is_empty() || indent(line) == indent(shown) + more)
    };
    shown.iter().zip(lines).take_while(|(shown, line)| is_same(shown, line)).count()
}

/// The first line of the block that differs from the file.
fn first_difference(code: &[String], file: &str) -> Option<String> {
    let lines: Vec<&str> = file.lines().collect();
    let mut from = 0;
    for part in code.split(|line| is_gap(line)).filter(|part| !part.is_empty()) {
        match (from..lines.len()).find(|&at| matching(part, &lines[at..]) == part.len()) {
            Some(at) => from = at + part.len(),
            None => {
                let matched = (from..lines.len()).map(|at| matching(part, &lines[at..]));
                return part.get(matched.max().unwrap_or_default()).cloned();
            }
        }
    }
    None
}

#[test]
fn each_block_of_code_stands_in_the_file_that_is_linked_above_it() {
    let guide = fs::read_to_string(kit().join("README.md")).unwrap();
    let mut shown = BTreeMap::<String, usize>::new();
    for Block { line, language, file, code } in blocks(&guide) {
        if SHELL.contains(&language.as_str()) {
            continue;
        }
        let file = file.unwrap_or_else(|| panic!("README.md:{line}: no file is linked above"));
        let path = kit().join("guide").join(&file);
        let text = fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("README.md:{line}: {file}: {error}"));
        if let Some(differs) = first_difference(&code, &text) {
            panic!("README.md:{line} shows a line that {file} does not have there:\n{differs}");
        }
        *shown.entry(file).or_default() += code.len();
    }
    assert!(shown.len() >= 10, "the guide shows {shown:?}");
}

#[test]
fn a_block_that_differs_is_found() {
    let file = "fn one() {\n    1\n}\n\nfn two() {\n    2\n}\n";
    let differs =
        |code: &str| first_difference(&code.lines().map(str::to_owned).collect::<Vec<_>>(), file);
    assert_eq!(differs("fn one() {\n    1\n}"), None);
    assert_eq!(differs("fn one() {\n    // …\n}"), None);
    assert_eq!(differs("fn one() {\n// …\nfn two() {"), None);
    assert_eq!(differs("fn one() {\n    2\n}").as_deref(), Some("    2"));
    assert_eq!(differs("fn one() {\n1\n}").as_deref(), Some("1"), "the indentation differs");
    assert_eq!(differs("fn one() {\n    1\n}\nfn two() {").as_deref(), Some("fn two() {"));
    assert_eq!(differs("fn two() {\n// …\nfn one() {").as_deref(), Some("fn one() {"));
    assert_eq!(differs("fn three() {").as_deref(), Some("fn three() {"));
}
