//! Imports form no cycle in any crate, neither between files nor between modules. So every file can
//! be understood from the files below it.
//!
//! A re-export is not a use: a file may re-export items of the modules below it, and these modules
//! may use the items of the file. Tests inside a file may import what they test.

mod cycles;
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

/// The modules of every library, program, example and test of the workspace, by root file.
fn targets() -> Vec<(PathBuf, Modules)> {
    let packages = metadata().packages;
    let targets = packages.iter().flat_map(|package| &package.targets);
    let targets: Vec<_> = targets
        .map(|target| target.src_path.clone().into_std_path_buf())
        .map(|root| (root.clone(), Modules::read(&root, &text)))
        .collect();
    assert!(targets.len() > 60, "only {} targets were found", targets.len());
    targets
}

/// The cycles as text, each on a line: `a → (Item) b → (Item) a`.
fn shown<N>(cycles: &[(N, Vec<(String, N)>)], name: impl Fn(&N) -> String) -> String {
    let mut lines = String::new();
    for (start, steps) in cycles {
        lines += &name(start);
        for (item, node) in steps {
            write!(lines, " → ({item}) {}", name(node)).expect("text can be written");
        }
        lines.push('\n');
    }
    lines
}

/// The cycles of files and those of modules in a target, as text.
fn cycles(root: &Path, modules: &Modules) -> String {
    let folder = root.parent().expect("a file is in a folder");
    let file = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).display().to_string();
    let files = shown(&modules.files().cycles(), file);
    let siblings = shown(&modules.siblings().cycles(), |module| module.join("::"));
    files + &siblings
}

#[test]
fn no_imports_form_a_cycle() {
    let mut found = String::new();
    let mut uses = 0;
    for (root, modules) in targets() {
        uses += modules.files().len();
        let cycles = cycles(&root, &modules);
        if !cycles.is_empty() {
            write!(found, "\n{}:\n{cycles}", root.display()).expect("text can be written");
        }
    }
    assert!(found.is_empty(), "imports form cycles:\n{found}");
    assert!(uses > 600, "only {uses} uses were found");
}

/// The aggregates. They must not use the rest of the domain.
const AGGREGATES: [&str; 8] =
    ["customer", "order", "payment", "product", "receipt", "reservation", "shipment", "stock"];
/// The rest of the domain.
const ABOVE: [&str; 6] = ["requests", "placing", "saga", "steps", "views", "sandbox"];

#[test]
fn aggregates_do_not_use_requests_views_or_the_saga() {
    let root = metadata().workspace_root.join("shared/ordering/src/lib.rs");
    let uses = Modules::read(root.as_std_path(), &text).siblings();
    for aggregate in AGGREGATES {
        let module = |name: &str| vec![name.to_owned()];
        for above in ABOVE {
            let path = uses.shortest_path(&module(aggregate), &module(above));
            assert!(path.is_none(), "{aggregate} must not use {above}: {path:?}");
        }
    }
    // These uses exist, so a failure here means that the sources are not read correctly.
    let steps = vec!["steps".to_owned()];
    for aggregate in ["order", "payment", "reservation", "shipment"] {
        let path = uses.shortest_path(&steps, &vec![aggregate.to_owned()]);
        assert!(path.is_some(), "no use of {aggregate} was found");
    }
}

/// The cycles of a crate with these files: their names and texts.
fn planted(files: &[(&str, &str)]) -> String {
    let read = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let found = files.iter().find(|(file, _)| Some(*file) == name);
        found.unwrap_or_else(|| panic!("{}", path.display())).1.to_owned()
    };
    let root = Path::new("src/lib.rs");
    cycles(root, &Modules::read(root, &read))
}

#[test]
fn a_planted_cycle_is_named() {
    let found = planted(&[
        ("lib.rs", "mod above; mod below; mod facade;"),
        ("above.rs", "use crate::facade::{self, Low}; pub struct High(Low);"),
        ("facade.rs", "pub use crate::below::*;"),
        (
            "below.rs",
            "pub struct Low; fn low() { assert!(matches!(1, crate::above::High)); }
             #[cfg(test)] mod tests { use crate::facade::Low; }",
        ),
    ]);
    let expected = "above.rs → (Low) below.rs → (High) above.rs\n\
        above → (above uses below::Low) below → (below uses above::High) above\n";
    assert_eq!(found, expected);
}

#[test]
fn a_re_export_is_part_of_a_cycle_only_if_the_module_itself_uses_the_item() {
    let child = ("child.rs", "use super::Parent; pub struct Child(Parent);");
    let lib = ("lib.rs", "mod parent;");
    let facade = ("parent.rs", "mod child; pub use child::Child; pub struct Parent;");
    assert_eq!(planted(&[lib, facade, child]), "");
    let user = ("parent.rs", "mod child; pub use child::Child; pub struct Parent(Option<Child>);");
    let expected = "parent/child.rs → (Parent) parent.rs → (Child) parent/child.rs\n";
    assert_eq!(planted(&[lib, user, child]), expected);
}
