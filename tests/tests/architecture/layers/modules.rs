//! The modules of a crate, and the items that the paths in them name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, Item, ItemMod, ItemUse, UseTree, Visibility};

use super::cycles::Graph;
use super::paths::{Segments, paths};

/// The largest number of imports that are followed to resolve a name.
const MAX_IMPORTS: u32 = 8;

/// The module of superseded shapes. Its uses do not count: each shape names the next one, which it
/// is converted to, and the catalogue lists both.
const OLD: &str = "old";

/// A module, without its tests. A module in braces is part of the file that contains it.
#[derive(Default)]
struct Module {
    file: PathBuf,
    parent: Option<usize>,
    children: BTreeMap<String, usize>,
    items: BTreeSet<String>,
    /// The path of each imported name.
    imports: BTreeMap<String, Segments>,
    /// The modules whose names are all imported.
    globs: Vec<Segments>,
    /// The paths in the code and in imports, without names that are only re-exported.
    paths: Vec<Segments>,
}

/// The part of a module that shows, after all of it is read, which of its re-exports it uses
/// itself.
#[derive(Default)]
struct Reading {
    /// The paths that are re-exported, each with its new name.
    exported: Vec<(String, Segments)>,
    /// Every identifier in the code.
    words: BTreeSet<String>,
}

/// The modules of a library, a program or a test. The first is the root.
pub(super) struct Modules(Vec<Module>);

/// An item: its module and name.
type Found = (usize, String);

/// The module or item that a path names.
enum Meaning {
    Module(usize),
    Item(Found),
}

impl Modules {
    /// Reads the module in this file and all modules below it. `text` reads a file.
    pub(super) fn read(root: &Path, text: &dyn Fn(&Path) -> String) -> Self {
        let mut modules = Self(vec![Module { file: root.to_owned(), ..Module::default() }]);
        let folder = root.parent().expect("a file is in a folder").to_owned();
        modules.read_file(0, &folder, text);
        modules
    }

    fn read_file(&mut self, module: usize, folder: &Path, text: &dyn Fn(&Path) -> String) {
        let file = self.0[module].file.clone();
        let parsed = syn::parse_file(&text(&file));
        let parsed = parsed.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.read_items(module, folder, parsed.items, text);
    }

    fn read_items(
        &mut self,
        module: usize,
        folder: &Path,
        items: Vec<Item>,
        text: &dyn Fn(&Path) -> String,
    ) {
        let mut reading = Reading::default();
        for item in items {
            let tokens = item.to_token_stream();
            if is_test(&tokens) {
                continue;
            }
            if let Item::Mod(child) = item {
                self.read_module(module, folder, child, text);
            } else if let Item::Use(import) = item {
                if import.leading_colon.is_none() {
                    self.read_import(module, import, tokens, &mut reading);
                }
            } else {
                words(tokens.clone(), &mut reading.words);
                self.0[module].paths.extend(paths(tokens.clone()));
                self.0[module].items.extend(name(tokens));
            }
        }
        let used = reading.exported.into_iter().filter(|(name, _)| reading.words.contains(name));
        self.0[module].paths.extend(used.map(|(_, path)| path));
    }

    fn read_import(
        &mut self,
        module: usize,
        import: ItemUse,
        tokens: TokenStream,
        reading: &mut Reading,
    ) {
        let (mut named, mut globs) = (Vec::new(), Vec::new());
        imported(import.tree, Vec::new(), &mut named, &mut globs);
        let own = &mut self.0[module];
        own.imports.extend(named.iter().cloned());
        own.globs.extend(globs);
        if matches!(import.vis, Visibility::Inherited) {
            own.paths.extend(paths(tokens));
        } else {
            reading.exported.extend(named);
        }
    }

    fn read_module(
        &mut self,
        parent: usize,
        folder: &Path,
        child: ItemMod,
        text: &dyn Fn(&Path) -> String,
    ) {
        let name = child.ident.to_string();
        let module = self.0.len();
        self.0[parent].children.insert(name.clone(), module);
        let within = self.0[parent].file.clone();
        let inner = folder.join(&name);
        let mut new = Module { parent: Some(parent), file: within.clone(), ..Module::default() };
        if let Some((_, items)) = child.content {
            self.0.push(new);
            return self.read_items(module, &inner, items, text);
        }
        if let Some(elsewhere) = path_of(&child.attrs) {
            new.file = within.parent().expect("a file is in a folder").join(elsewhere);
            let folder = new.file.parent().expect("a file is in a folder").to_owned();
            self.0.push(new);
            return self.read_file(module, &folder, text);
        }
        let nested = inner.join("mod.rs");
        new.file = if nested.exists() { nested } else { folder.join(format!("{name}.rs")) };
        self.0.push(new);
        self.read_file(module, &inner, text);
    }

    /// The uses between files.
    pub(super) fn files(&self) -> Graph<PathBuf> {
        let mut graph = Graph::default();
        for (from, to, item) in self.uses() {
            graph.add(self.0[from].file.clone(), self.0[to].file.clone(), item);
        }
        graph
    }

    /// The uses between modules with the same parent. A module includes all modules below it.
    pub(super) fn siblings(&self) -> Graph<Vec<String>> {
        let names = self.names();
        let mut graph = Graph::default();
        for (from, to, item) in self.uses() {
            let (from, to) = (&names[from], &names[to]);
            let shared = from.iter().zip(to).take_while(|(one, other)| one == other).count();
            if shared < from.len().min(to.len()) {
                let item = format!("{} uses {}::{item}", from.join("::"), to.join("::"));
                graph.add(from[..=shared].to_vec(), to[..=shared].to_vec(), item);
            }
        }
        graph
    }

    /// The path of each module from the root.
    fn names(&self) -> Vec<Vec<String>> {
        let mut names = vec![Vec::new(); self.0.len()];
        // A module comes after its parent.
        for (index, module) in self.0.iter().enumerate() {
            for (name, child) in &module.children {
                names[*child] = [names[index].as_slice(), std::slice::from_ref(name)].concat();
            }
        }
        names
    }

    /// Every use of an item: the module that uses it, the module that defines it, and its name.
    fn uses(&self) -> Vec<(usize, usize, String)> {
        let mut found = Vec::new();
        let names = self.names();
        let is_old = |module: usize| names[module].first().is_some_and(|name| name == OLD);
        for (from, module) in self.0.iter().enumerate().filter(|(module, _)| !is_old(*module)) {
            for path in &module.paths {
                let items = match path.split_last() {
                    Some((all, before)) if all == "*" => self.all_of(from, before),
                    Some(_) | None => self.item(from, path).into_iter().collect(),
                };
                found.extend(items.into_iter().map(|(to, item)| (from, to, item)));
            }
        }
        found
    }

    /// The items that `path::*` names. One item represents all items that the module itself
    /// defines.
    fn all_of(&self, from: usize, path: &[String]) -> Vec<Found> {
        let Some(Meaning::Module(module)) = self.meaning(from, path, MAX_IMPORTS) else {
            return self.item(from, path).into_iter().collect();
        };
        let own = &self.0[module];
        let items = own.items.iter().take(1).map(|item| (module, item.clone()));
        let imported = own.imports.values().filter_map(|path| self.item(module, path));
        items.chain(imported).collect()
    }

    fn item(&self, from: usize, path: &[String]) -> Option<Found> {
        match self.meaning(from, path, MAX_IMPORTS)? {
            Meaning::Item(found) => Some(found),
            Meaning::Module(_) => None,
        }
    }

    /// The meaning of this path in the module `from`. `None` if the path leads to another crate.
    fn meaning(&self, from: usize, path: &[String], imports_left: u32) -> Option<Meaning> {
        let (first, rest) = path.split_first()?;
        let start = match first.as_str() {
            "crate" => Meaning::Module(0),
            "self" => Meaning::Module(from),
            "super" => Meaning::Module(self.0[from].parent?),
            _ => self.named(from, first, rest.is_empty(), imports_left)?,
        };
        let mut rest = rest.iter().peekable();
        let mut at = start;
        while let Meaning::Module(module) = at {
            let Some(segment) = rest.next() else { break };
            at = match segment.as_str() {
                "super" => Meaning::Module(self.0[module].parent?),
                "self" => at,
                _ => {
                    let named = self.named(module, segment, rest.peek().is_none(), imports_left);
                    // An item that the file does not declare is made by a macro.
                    named.unwrap_or_else(|| self.made(module, segment))
                }
            };
        }
        Some(at)
    }

    /// The meaning of a name in a module. A module and a function may have the same name: then the
    /// last segment of a path is the function, and an earlier one is the module.
    fn named(
        &self,
        module: usize,
        name: &str,
        is_last: bool,
        imports_left: u32,
    ) -> Option<Meaning> {
        let own = &self.0[module];
        let child = own.children.get(name).copied().map(Meaning::Module);
        if child.is_some() && !is_last {
            return child;
        }
        if own.items.contains(name) {
            return Some(Meaning::Item((module, name.to_owned())));
        }
        let imports_left = imports_left.checked_sub(1)?;
        if let Some(import) = own.imports.get(name) {
            return self.meaning(module, import, imports_left).or(child);
        }
        let within = |path: &Segments| match self.meaning(module, path, imports_left)? {
            Meaning::Module(other) if other != module => {
                self.named(other, name, is_last, imports_left)
            }
            Meaning::Module(_) | Meaning::Item(_) => None,
        };
        child.or_else(|| own.globs.iter().find_map(within))
    }

    /// An item that a macro makes in this module. At the root it may be an exported macro, which
    /// belongs to the module that defines it.
    fn made(&self, module: usize, name: &str) -> Meaning {
        let exporter = || self.0.iter().position(|module| module.items.contains(name));
        let maker = if module == 0 { exporter().unwrap_or(0) } else { module };
        Meaning::Item((maker, name.to_owned()))
    }
}

/// Collects what this tree of a `use` imports: paths with their new names, and modules whose names
/// are all imported. `before` is the path in front of the tree.
fn imported(
    tree: UseTree,
    mut before: Segments,
    named: &mut Vec<(String, Segments)>,
    globs: &mut Vec<Segments>,
) {
    match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            imported(*path.tree, before, named, globs);
        }
        UseTree::Name(name) if name.ident == "self" => {
            named.push((before.last().cloned().unwrap_or_default(), before));
        }
        UseTree::Name(name) => {
            let name = name.ident.to_string();
            before.push(name.clone());
            named.push((name, before));
        }
        UseTree::Rename(name) => {
            if name.ident != "self" {
                before.push(name.ident.to_string());
            }
            named.push((name.rename.to_string(), before));
        }
        UseTree::Glob(_) => globs.push(before),
        UseTree::Group(group) => {
            for tree in group.items {
                imported(tree, before.clone(), named, globs);
            }
        }
    }
}

/// Every identifier in this code.
fn words(code: TokenStream, found: &mut BTreeSet<String>) {
    for token in code {
        match token {
            TokenTree::Group(group) => words(group.stream(), found),
            TokenTree::Ident(word) => {
                found.insert(word.to_string());
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether an item exists only in tests.
fn is_test(item: &TokenStream) -> bool {
    item.to_string().trim_start().starts_with("# [cfg (test)]")
}

/// The file that `#[path = "…"]` names.
fn path_of(attributes: &[Attribute]) -> Option<String> {
    let path = attributes.iter().find(|attribute| attribute.path().is_ident("path"))?;
    let text = path.meta.require_name_value().ok()?.value.to_token_stream().to_string();
    Some(text.trim_matches('"').to_owned())
}

/// The name that an item declares. `None` for an implementation and a call of a macro.
fn name(item: TokenStream) -> Option<String> {
    const BEFORE: [&str; 6] = ["pub", "const", "static", "async", "unsafe", "mut"];
    const DECLARING: [&str; 7] = ["fn", "struct", "enum", "trait", "type", "union", "macro_rules"];
    let mut is_declared = false;
    for token in item {
        let TokenTree::Ident(word) = token else { continue };
        let word = word.to_string();
        if DECLARING.contains(&word.as_str()) || ["const", "static"].contains(&word.as_str()) {
            is_declared = true;
        } else if !BEFORE.contains(&word.as_str()) {
            return is_declared.then_some(word);
        }
    }
    None
}
