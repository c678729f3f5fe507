//! A directed graph, and the circles in it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Which node uses which other, and by which item.
pub(super) struct Graph<N>(BTreeMap<N, BTreeMap<N, String>>);

impl<N> Default for Graph<N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<N: Clone + Ord> Graph<N> {
    /// Records that a node uses an item of another. The first item is kept.
    pub(super) fn add(&mut self, from: N, to: N, item: String) {
        if from != to {
            self.0.entry(from).or_default().entry(to).or_insert(item);
        }
    }

    /// The number of uses.
    pub(super) fn len(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }

    /// The shortest circle through each node that is in one, without the circles that share a node
    /// with an earlier one. Every step names the item and the node that has it.
    pub(super) fn circles(&self) -> Vec<(N, Vec<(String, N)>)> {
        let mut found: Vec<(N, Vec<(String, N)>)> = Vec::new();
        let mut is_seen = BTreeSet::new();
        for node in self.0.keys() {
            let circle = if is_seen.contains(node) { None } else { self.way(node, node) };
            if let Some(circle) = circle {
                is_seen.extend(circle.iter().map(|(_, node)| node.clone()));
                found.push((node.clone(), circle));
            }
        }
        found
    }

    /// The shortest way from a node to another, of at least one step.
    pub(super) fn way(&self, from: &N, to: &N) -> Option<Vec<(String, N)>> {
        let mut came: BTreeMap<&N, (&N, &String)> = BTreeMap::new();
        let mut next = VecDeque::from([from]);
        while let Some(node) = next.pop_front() {
            for (used, item) in self.0.get(node).into_iter().flatten() {
                if !came.contains_key(used) {
                    came.insert(used, (node, item));
                    next.push_back(used);
                }
            }
        }
        let mut way = Vec::new();
        let mut at = to;
        loop {
            let (before, item) = came.get(at)?;
            way.push((item.to_string(), at.clone()));
            at = before;
            if at == from {
                way.reverse();
                return Some(way);
            }
        }
    }
}
