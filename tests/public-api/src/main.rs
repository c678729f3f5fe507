//! Lists the public API of each crate of the kit in a file, so a change of the API shows in a diff.
//!
//! `make lint` compares the listings with the code (`check`), and `make public-api` writes them
//! (`renew`). Both first run rustdoc through `rustdoc.sh`, which writes the JSON that is read here.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use public_api::Builder;

/// The folder of the kit. Each crate is in a folder with the crate's name.
const KIT: &str = "shared/kit";
/// The prefix of the names of the crates that have a listing. The guide has none, because it is not
/// a library.
const PREFIX: &str = "skald";

fn main() -> ExitCode {
    let outcome = match env::args().nth(1).as_deref() {
        Some("check") => check(),
        Some("renew") => renew(),
        _ => Err("usage: public-api-listing check|renew, in the root of the workspace".into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

/// Writes all listings.
fn renew() -> Result<ExitCode, Box<dyn Error>> {
    for folder in crates()? {
        fs::write(listing(&folder), text(&public_api(&folder)?))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the differences between the code and the listings, and fails if there are any.
fn check() -> Result<ExitCode, Box<dyn Error>> {
    let mut exit_code = ExitCode::SUCCESS;
    for folder in crates()? {
        let (path, now) = (listing(&folder), public_api(&folder)?);
        // A new crate does not have a listing yet.
        let listed = if path.exists() { fs::read_to_string(&path)? } else { String::new() };
        if listed != text(&now) {
            eprintln!("{}", difference(&path, &listed, &now));
            exit_code = ExitCode::FAILURE;
        }
    }
    if exit_code == ExitCode::FAILURE {
        eprintln!("If the change of the public API is intended, run `make public-api` and commit.");
    }
    Ok(exit_code)
}

/// The folders of the kit's crates, sorted.
fn crates() -> Result<BTreeSet<PathBuf>, Box<dyn Error>> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(KIT)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            found.insert(entry.path());
        }
    }
    Ok(found)
}

fn listing(folder: &Path) -> PathBuf {
    folder.join("public-api.txt")
}

fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The public items of the crate in this folder, without duplicates: types with their members, in
/// the order of their paths.
///
/// A derived implementation is listed as its `impl` line only, because its methods are those of the
/// trait. Implementations of auto traits and blanket implementations are left out.
fn public_api(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let name = folder.file_name().ok_or("a crate has no name")?.to_string_lossy().replace('-', "_");
    let json = Path::new("target/doc").join(format!("{name}.json"));
    let items = |without_derived: bool| -> Result<Vec<String>, Box<dyn Error>> {
        let builder = Builder::from_rustdoc_json(&json)
            .omit_blanket_impls(true)
            .omit_auto_trait_impls(true)
            .omit_auto_derived_impls(without_derived);
        let api = builder.build().map_err(|error| {
            let shown = json.display();
            format!("{shown}: {error}. Does tests/public-api/Cargo.toml fit rust-toolchain.toml?")
        })?;
        Ok(api.items().map(ToString::to_string).collect())
    };
    let written = items(true)?.into_iter().collect::<BTreeSet<_>>();
    let mut listed = BTreeSet::new();
    let mut lines = items(false)?;
    lines.retain(|line| {
        let is_derived = !written.contains(line);
        let is_noise = is_derived && !line.starts_with("impl")
            || line.starts_with("impl") && line.contains(" core::marker::StructuralPartialEq for ");
        !is_noise && listed.insert(line.clone())
    });
    Ok(lines)
}

/// The lines that are only in the listing, and those that are only in the code.
fn difference(path: &Path, listed: &str, now: &[String]) -> String {
    let old = listed.lines().collect::<BTreeSet<_>>();
    let new = now.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let gone = listed.lines().filter(|line| !new.contains(line)).map(|line| format!("\n- {line}"));
    let added = now.iter().filter(|line| !old.contains(line.as_str()));
    let changes = gone.chain(added.map(|line| format!("\n+ {line}"))).collect::<String>();
    let changes = if changes.is_empty() { "\n  the lines are in another order" } else { &changes };
    format!("error: the public API differs from {}:{changes}", path.display())
}
