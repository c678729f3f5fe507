//! A directed graph and its cycles.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The uses between nodes, each with a used item.
pub(super) struct Graph<N>(BTreeMap<N, BTreeMap<N, String>>);

impl<N> Default for Graph<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<N: Clone + Ord> Graph<N> {
    /// Records that a node uses an item of another. If it uses several, the first is kept.
    pub(super) fn add(&mut self, from: N, to: N, item: String) {
        if from != to {
            self.0.entry(from).or_default().entry(to).or_insert(item);
        }
    }

    /// The number of uses.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The shortest cycle through each node that is in a cycle, without the cycles that share a
    /// node with an earlier one. Every step names the used item and the node that defines it.
    pub(super) fn cycles(&self) -> Vec<(N, Vec<(String, N)>)> {
        let mut found: Vec<(N, Vec<(String, N)>)> = Vec::new();
        let mut is_seen = BTreeSet::new();
        for node in self.0.keys() {
            let cycle = if is_seen.contains(node) { None } else { self.shortest_path(node, node) };
            if let Some(cycle) = cycle {
                is_seen.extend(cycle.iter().map(|(_, node)| node.clone()));
                found.push((node.clone(), cycle));
            }
        }
        found
    }

    /// The shortest path from a node to another, of at least one step. `None` if there is no path.
    pub(super) fn shortest_path(&self, from: &N, to: &N) -> Option<Vec<(String, N)>> {
        let mut reached_from: BTreeMap<&N, (&N, &String)> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(node) = next.pop_front() {
            for (used, item) in self.0.get(node).into_iter().flatten() {
                if !reached_from.contains_key(used) {
                    reached_from.insert(used, (node, item));
                    next.push_back(used);
                }
            }
        }
        let mut path = Vec::new();
        let mut at = to;
        loop {
            let (before, item) = reached_from.get(at)?;
            path.push((item.to_string(), at.clone()));
            at = before;
            if at == from {
                path.reverse();
                return Some(path);
            }
        }
    }
}
