//! The rules of ARCHITECTURE.md that a machine can check: which crate may use which, and what the
//! pure crates must not use.

mod documents;
mod layers;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// The crates that use no runtime, no AWS, no clock and no random source.
const PURE: [&str; 4] = ["skald", "skald-saga", "events", "ordering"];

/// The crates of the workspace that each crate may use outside of its tests.
const MAY_USE: [(&str, &[&str]); 16] = [
    ("skald", &[]),
    ("events", &["skald"]),
    ("hello-function", &[]),
    ("ordering", &["skald", "skald-saga", "events"]),
    ("skald-aws", &["skald"]),
    ("skald-cli", &["skald", "skald-dynamodb"]),
    ("skald-dynamodb", &["skald", "skald-aws"]),
    ("skald-guide", &["skald", "skald-cli", "skald-lambda", "skald-lambda-dynamodb", "skald-saga"]),
    ("skald-kms", &["skald", "skald-aws"]),
    ("skald-lambda", &["skald"]),
    ("skald-lambda-dynamodb", &["skald", "skald-dynamodb", "skald-kms", "skald-lambda"]),
    ("skald-saga", &["skald"]),
    ("skald-stepfunctions", &["skald-saga"]),
    ("skald-operator", &["ordering", "skald", "skald-cli"]),
    ("skald-testkit", &["skald", "skald-saga"]),
    ("system-tests", &["skald", "events", "ordering", "skald-dynamodb"]),
];

/// The crates that a function may use. No function may use another function.
const FUNCTION_MAY_USE: &[&str] = &[
    "skald",
    "skald-saga",
    "events",
    "ordering",
    "skald-dynamodb",
    "skald-lambda",
    "skald-lambda-dynamodb",
    "skald-stepfunctions",
];

/// The prefixes of the names of crates that contain a runtime, AWS, a clock or a random source.
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

/// The crates behind features that only tests enable.
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
fn pure_crates_use_no_runtime_no_aws_no_clock_and_no_randomness() {
    for pure in PURE {
        let tree = dependencies_of(pure, &["--all-features"]);
        let found: Vec<_> = tree
            .iter()
            .filter(|name| IMPURE.iter().any(|impure| name.starts_with(impure)))
            .collect();
        assert!(
            found.is_empty(),
            "{pure} depends on {found:?}: pass times and ids as arguments, and wait through a port"
        );
    }
}

#[test]
fn no_function_depends_on_crates_for_tests() {
    for function in metadata().packages.iter().filter(|package| is_function(package)) {
        let tree = dependencies_of(&function.name, &[]);
        let found: Vec<_> = FOR_TESTS.iter().filter(|name| tree.contains(**name)).collect();
        assert!(found.is_empty(), "{} depends on {found:?}", function.name);
    }
}

/// Crates that are built together share the features of their dependencies. So the functions are
/// built without the operator's command line, which enables the sign-in through a browser.
#[test]
fn no_function_contains_the_sign_in_of_operators() {
    const FOR_OPERATORS: [&str; 2] = ["aws-sdk-sso", "aws-sdk-ssooidc"];
    for function in metadata().packages.iter().filter(|package| is_function(package)) {
        let tree = dependencies_of(&function.name, &[]);
        let found: Vec<_> = FOR_OPERATORS.iter().filter(|name| tree.contains(**name)).collect();
        assert!(found.is_empty(), "{} depends on {found:?}", function.name);
    }
    assert!(
        FOR_OPERATORS.iter().all(|name| dependencies_of("skald-operator", &[]).contains(*name)),
        "skald-operator does not contain the sign-in"
    );
    let make = Command::new("make")
        .args(["--dry-run", "build", "deploy"])
        .current_dir(metadata().workspace_root)
        .output()
        .expect("make runs");
    let goals = String::from_utf8(make.stdout).expect("its goals are text");
    let builds: Vec<_> =
        goals.lines().filter(|line| line.contains("cargo") && line.contains(" build ")).collect();
    let builds_of = |package: &str| {
        builds.iter().filter(|line| line.contains(package)).copied().collect::<BTreeSet<_>>()
    };
    let (functions, operators) = (builds_of("order-commands"), builds_of("skald-operator"));
    assert!(!functions.is_empty() && !operators.is_empty(), "{builds:#?}");
    assert!(
        functions.is_disjoint(&operators),
        "functions and the command line are built together: {builds:#?}"
    );
}

/// The names of this crate and its dependencies, without those of its tests and builds.
fn dependencies_of(package: &str, options: &[&str]) -> BTreeSet<String> {
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
    assert!(!functions.is_empty(), "no functions were found");
    for package in functions {
        let main = package.manifest_path.with_file_name("src").join("main.rs");
        let lines =
            std::fs::read_to_string(&main).expect("every function has a main.rs").lines().count();
        assert!(lines <= 40, "{main} has {lines} lines: move all but 40 of them to lib.rs");
    }
}

#[test]
fn the_top_level_contains_only_listed_names() {
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

/// The names at the top level that git tracks, or all names if this is not a checkout.
fn top_level(root: &Path) -> BTreeSet<String> {
    let tracked = Command::new("git").args(["ls-files"]).current_dir(root).output();
    if let Some(tracked) = tracked.ok().filter(|tracked| tracked.status.success()) {
        let tracked = String::from_utf8(tracked.stdout).expect("names are text");
        return tracked
            .lines()
            .filter_map(|path| path.split('/').next())
            .map(str::to_owned)
            .collect();
    }
    let entries = std::fs::read_dir(root).expect("the workspace can be read");
    entries
        .map(|entry| {
            entry.expect("the entry can be read").file_name().into_string().expect("names are text")
        })
        .collect()
}
