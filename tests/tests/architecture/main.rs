//! The rules of ARCHITECTURE.md that a machine can check: which crate may know which, and what the
//! pure ones never know.

mod documents;
mod layers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The crates that know no runtime, no AWS, no clock and no random source.
const PURE: [&str; 3] = ["skald", "events", "ordering"];

/// What each crate of the workspace may use of the others in what it ships.
const MAY_USE: [(&str, &[&str]); 14] = [
    ("skald", &[]),
    ("events", &["skald"]),
    ("hello-function", &[]),
    ("ordering", &["skald", "events"]),
    ("skald-aws", &["skald"]),
    ("skald-cli", &["skald", "skald-dynamodb"]),
    ("skald-dynamodb", &["skald", "skald-aws"]),
    ("skald-guide", &["skald", "skald-cli", "skald-lambda", "skald-lambda-dynamodb"]),
    ("skald-kms", &["skald", "skald-aws"]),
    ("skald-lambda", &["skald"]),
    ("skald-lambda-dynamodb", &["skald", "skald-dynamodb", "skald-kms", "skald-lambda"]),
    ("skald-operator", &["ordering", "skald-cli"]),
    ("skald-testkit", &["skald"]),
    ("system-tests", &["skald", "events", "ordering", "skald-dynamodb"]),
];

/// What a function may use: everything that is shipped, and no other function.
const FUNCTION_MAY_USE: &[&str] =
    &["skald", "events", "ordering", "skald-dynamodb", "skald-lambda", "skald-lambda-dynamodb"];

/// Beginnings of the names of crates that bring a runtime, AWS, a clock or randomness.
const IMPURE: &[&str] = &[
    "async-std",
    "aws-",
    "aws_",
    "chrono",
    "fastrand",
    "getrandom",
    "hyper",
    "lambda_",
    "mio",
    "oorandom",
    "quanta",
    "rand",
    "reqwest",
    "smol",
    "socket2",
    "time",
    "tokio",
    "ureq",
    "web-time",
];

/// Crates behind features that only tests turn on.
const FOR_TESTS: [&str; 3] = ["jsonschema", "schemars", "skald-testkit"];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("`cargo metadata` runs in the workspace")
}

fn is_function(package: &Package) -> bool {
    package.manifest_path.components().any(|part| part.as_str() == "functions")
}

#[test]
fn dependencies_run_one_way() {
    let metadata = metadata();
    let ours: BTreeSet<&str> =
        metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let rules: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    for package in &metadata.packages {
        let allowed = if is_function(package) {
            FUNCTION_MAY_USE
        } else {
            rules
                .get(package.name.as_str())
                .unwrap_or_else(|| panic!("{} has no rule: add one to MAY_USE", package.name))
        };
        let shipped = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        for dependency in shipped.filter(|dependency| ours.contains(dependency.name.as_str())) {
            assert!(
                allowed.contains(&dependency.name.as_str()),
                "{} must not use {}: dependencies run skald <- events <- ordering <- functions",
                package.name,
                dependency.name,
            );
        }
    }
}

#[test]
fn pure_crates_know_no_runtime_no_aws_no_clock_and_no_randomness() {
    for pure in PURE {
        let tree = shipped_with(pure, &["--all-features"]);
        let found: Vec<_> = tree
            .iter()
            .filter(|name| IMPURE.iter().any(|impure| name.starts_with(impure)))
            .collect();
        assert!(
            found.is_empty(),
            "{pure} brings {found:?}: waiting, time and ids come in as arguments or through a port"
        );
    }
}

#[test]
fn no_function_carries_what_only_tests_need() {
    for function in metadata().packages.iter().filter(|package| is_function(package)) {
        let tree = shipped_with(&function.name, &[]);
        let found: Vec<_> = FOR_TESTS.iter().filter(|name| tree.contains(**name)).collect();
        assert!(found.is_empty(), "{} ships {found:?}", function.name);
    }
}

/// What a crate asks of a library's features, all get that are built with it: so the functions are
/// built without the command line, by which people sign in as they do in a browser.
#[test]
fn no_function_links_how_operators_sign_in() {
    const FOR_OPERATORS: [&str; 2] = ["aws-sdk-sso", "aws-sdk-ssooidc"];
    for function in metadata().packages.iter().filter(|package| is_function(package)) {
        let tree = shipped_with(&function.name, &[]);
        let found: Vec<_> = FOR_OPERATORS.iter().filter(|name| tree.contains(**name)).collect();
        assert!(found.is_empty(), "{} ships {found:?}", function.name);
    }
    assert!(
        FOR_OPERATORS.iter().all(|name| shipped_with("skald-operator", &[]).contains(*name)),
        "operators cannot sign in"
    );
    let make = Command::new("make")
        .args(["--dry-run", "build", "deploy"])
        .current_dir(metadata().workspace_root)
        .output()
        .expect("make runs");
    let goals = String::from_utf8(make.stdout).expect("its goals are text");
    let builds: Vec<_> =
        goals.lines().filter(|line| line.contains("cargo") && line.contains(" build ")).collect();
    let with = |package: &str| {
        builds.iter().filter(|line| line.contains(package)).copied().collect::<BTreeSet<_>>()
    };
    let (functions, operators) = (with("order-commands"), with("skald-operator"));
    assert!(!functions.is_empty() && !operators.is_empty(), "{builds:#?}");
    assert!(
        functions.is_disjoint(&operators),
        "built together, so with each other's features: {builds:#?}"
    );
}

/// The crates that are built into this one, itself among them.
fn shipped_with(package: &str, options: &[&str]) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--package",
            package,
        ])
        .args(options)
        .output()
        .expect("cargo runs");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("crate names are text");
    assert!(tree.starts_with(package), "the tree of {package} starts with it");
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn main_is_wiring_only() {
    let functions: Vec<_> = metadata().packages.into_iter().filter(is_function).collect();
    assert!(!functions.is_empty(), "there are functions");
    for package in functions {
        let main = package.manifest_path.with_file_name("src").join("main.rs");
        let lines =
            std::fs::read_to_string(&main).expect("every function has a main.rs").lines().count();
        assert!(lines <= 40, "{main} has {lines} lines: at most 40, the rest belongs into lib.rs");
    }
}

#[test]
fn the_top_level_holds_what_the_plan_says() {
    let root = metadata().workspace_root;
    let allowed = [
        "ARCHITECTURE.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "Makefile",
        "README.md",
        "RUNBOOK.md",
        "SECURITY.md",
        "events",
        "functions",
        "infra",
        "rust-toolchain.toml",
        "rustfmt.toml",
        "shared",
        "target",
        "tests",
    ];
    for name in top_level(Path::new(root.as_str())) {
        assert!(
            name.starts_with('.') || allowed.contains(&name.as_str()),
            "{name} does not belong at the top level"
        );
    }
}

/// What git keeps at the top level; what lies there, if this is no checkout.
fn top_level(root: &Path) -> BTreeSet<String> {
    let kept = Command::new("git").args(["ls-files"]).current_dir(root).output();
    if let Some(kept) = kept.ok().filter(|kept| kept.status.success()) {
        let kept = String::from_utf8(kept.stdout).expect("names are text");
        return kept.lines().filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
    }
    let entries = std::fs::read_dir(root).expect("the workspace can be read");
    entries
        .map(|entry| {
            entry.expect("the entry can be read").file_name().into_string().expect("names are text")
        })
        .collect()
}
