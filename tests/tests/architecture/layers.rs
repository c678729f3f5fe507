//! Files build on each other: no circle of imports, neither of files nor of modules, in any crate.
//! So every file can be understood from the files below it.
//!
//! A file may re-export what the modules below it define, and they may use what it defines itself:
//! to re-export is not to use. Tests inside a file may import what they test.

mod circles;
mod modules;
mod paths;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::metadata;
use modules::Modules;

/// Reads a source file.
fn text(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The modules of every library, program, example and test of the workspace, by its root file.
fn targets() -> Vec<(PathBuf, Modules)> {
    let packages = metadata().packages;
    let targets = packages.iter().flat_map(|package| &package.targets);
    let targets: Vec<_> = targets
        .map(|target| target.src_path.clone().into_std_path_buf())
        .map(|root| (root.clone(), Modules::read(&root, &text)))
        .collect();
    assert!(targets.len() > 60, "only {} roots were found", targets.len());
    targets
}

/// Circles, one a line: `a → (Item) b → (Item) a`.
fn shown<N>(circles: &[(N, Vec<(String, N)>)], name: impl Fn(&N) -> String) -> String {
    let mut lines = String::new();
    for (start, steps) in circles {
        lines += &name(start);
        for (item, node) in steps {
            write!(lines, " → ({item}) {}", name(node)).expect("text can be written");
        }
        lines.push('\n');
    }
    lines
}

/// The circles of files in a target, and those of modules.
fn circles(root: &Path, modules: &Modules) -> String {
    let folder = root.parent().expect("a file is in a folder");
    let file = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let files = shown(&modules.files().circles(), file);
    let siblings = shown(&modules.siblings().circles(), |module| module.join("::"));
    files + &siblings
}

#[test]
fn no_imports_form_a_circle() {
    let mut found = String::new();
    let mut uses = 0;
    for (root, modules) in targets() {
        uses += modules.files().len();
        let circles = circles(&root, &modules);
        if !circles.is_empty() {
            write!(found, "\n{}:\n{circles}", root.display()).expect("text can be written");
        }
    }
    assert!(found.is_empty(), "these import each other in a circle:\n{found}");
    assert!(uses > 900, "only {uses} uses were found");
}

/// The aggregates, which know nothing of what uses them.
const AGGREGATES: [&str; 8] =
    ["customer", "order", "payment", "product", "receipt", "reservation", "shipment", "stock"];
/// The rest of the domain, from the top.
const ABOVE: [&str; 6] = ["requests", "placing", "saga", "steps", "views", "sandbox"];

#[test]
fn aggregates_know_nothing_of_requests_views_and_the_saga() {
    let root = metadata().workspace_root.join("shared/ordering/src/lib.rs");
    let uses = Modules::read(root.as_std_path(), &text).siblings();
    for aggregate in AGGREGATES {
        let module = |name: &str| vec![name.to_owned()];
        for above in ABOVE {
            let way = uses.way(&module(aggregate), &module(above));
            assert!(way.is_none(), "{aggregate} must not use {above}: {way:?}");
        }
    }
    // The reading of sources works: this much is used.
    let steps = vec!["steps".to_owned()];
    for aggregate in ["order", "payment", "reservation", "shipment"] {
        assert!(uses.way(&steps, &vec![aggregate.to_owned()]).is_some(), "{aggregate}");
    }
}
