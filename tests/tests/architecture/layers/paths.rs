//! Finds the paths in code, such as `crate::store::EventStore`. It reads tokens, because a parser
//! does not read the paths in macros and attributes.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The segments of a path. The last is `*` if the path names all items.
pub(super) type Segments = Vec<String>;

/// The paths of at least two segments in this code. Each path in braces is a path of its own.
pub(super) fn paths(code: TokenStream) -> Vec<Segments> {
    let mut found = Vec::new();
    find(code, &mut found);
    found.retain(|path| path.len() > 1);
    found
}

fn find(code: TokenStream, found: &mut Vec<Segments>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Group(group) => {
                find(group.stream(), found);
                at += 1;
            }
            TokenTree::Ident(_) if !continues(&tokens, at) => {
                at = path(&tokens, at, &mut Vec::new(), found);
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

/// Whether the token at `at` continues a path, or is a field, a method or a lifetime. (A macro
/// names its own crate as `$crate`, which begins a path.)
fn continues(tokens: &[TokenTree], at: usize) -> bool {
    let is = |back: usize, mark: char| at >= back && is_mark(&tokens[at - back], mark);
    is(1, '.') && !is(2, '.') || is(1, '\'') || is(1, ':') && is_joint(tokens, at - 1)
}

/// Whether the token before `at` is the first colon of a `::`.
fn is_joint(tokens: &[TokenTree], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| tokens.get(before));
    let Some(TokenTree::Punct(mark)) = before else { return false };
    mark.as_char() == ':' && mark.spacing() == Spacing::Joint
}

fn is_mark(token: &TokenTree, wanted: char) -> bool {
    matches!(token, TokenTree::Punct(mark) if mark.as_char() == wanted)
}

/// Finds the paths that begin with `before` and continue with the identifier at `at`. Returns the
/// position after them.
fn path(
    tokens: &[TokenTree],
    at: usize,
    before: &mut Segments,
    found: &mut Vec<Segments>,
) -> usize {
    before.push(tokens[at].to_string());
    let is_followed =
        tokens.get(at + 2).is_some_and(|mark| is_mark(mark, ':')) && is_joint(tokens, at + 2);
    match tokens.get(at + 3).filter(|_| is_followed) {
        Some(TokenTree::Ident(_)) => return path(tokens, at + 3, before, found),
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            several(group.stream(), before, found);
            return at + 4;
        }
        Some(star) if is_mark(star, '*') => before.push("*".to_owned()),
        Some(_) | None => {}
    }
    found.push(before.clone());
    at + 1
}

/// The paths in braces after `before`.
fn several(braces: TokenStream, before: &[String], found: &mut Vec<Segments>) {
    let tokens: Vec<TokenTree> = braces.into_iter().collect();
    for one in tokens.split(|token| is_mark(token, ',')) {
        match one.first() {
            Some(TokenTree::Ident(this)) if this == "self" => found.push(before.to_vec()),
            Some(TokenTree::Ident(_)) => {
                path(one, 0, &mut before.to_vec(), found);
            }
            Some(_) => found.push([before, &["*".to_owned()]].concat()),
            None => {}
        }
    }
}
