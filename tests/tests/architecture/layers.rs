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
    assert!(uses > 600, "only {uses} uses were found");
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

/// The circles of a crate whose files, by name, have these texts.
fn planted(files: &[(&str, &str)]) -> String {
    let read = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str());
        let found = files.iter().find(|(file, _)| Some(*file) == name);
        found.unwrap_or_else(|| panic!("{}", path.display())).1.to_owned()
    };
    let root = Path::new("src/lib.rs");
    circles(root, &Modules::read(root, &read))
}

#[test]
fn a_planted_circle_is_named() {
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
fn a_module_that_re_exports_what_uses_it_is_in_a_circle_only_if_it_uses_that_itself() {
    let child = ("child.rs", "use super::Parent; pub struct Child(Parent);");
    let lib = ("lib.rs", "mod parent;");
    let facade = ("parent.rs", "mod child; pub use child::Child; pub struct Parent;");
    assert_eq!(planted(&[lib, facade, child]), "");
    let user = ("parent.rs", "mod child; pub use child::Child; pub struct Parent(Option<Child>);");
    let expected = "parent/child.rs → (Parent) parent.rs → (Child) parent/child.rs\n";
    assert_eq!(planted(&[lib, user, child]), expected);
}
