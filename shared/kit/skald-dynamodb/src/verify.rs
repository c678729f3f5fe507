//! Verifying an events table: every stream is complete and can be read, and the index shows what
//! the table has.
//!
//! All streams are verified by one parallel scan of the table and one pass through the index; both
//! are read once if there are no faults. A scan promises no order, so it only finds streams that
//! may have a fault. Those streams are then read one by one, by strongly consistent queries, and
//! the faults that are found are reported. Index and table are compared by one sum for each part of
//! each slice. Only parts whose sums differ are compared entry by entry, by one further scan at
//! most. So commits that are appended meanwhile are not faults.

mod fault;
mod index;
mod sums;
mod walk;

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use sha2::{Digest, Sha256};
use skald::check::StreamCheck;
use skald::concurrency::try_concurrently;
use skald::index::IndexEntry;
use skald::store::StoreError;
use skald::stream::StreamId;
use skald::time::Timestamp;

use crate::attribute::{AnyItem, Attribute, Attributes};
use crate::commit_item::{SLICES, read_key, slice};
use crate::index::{DynamoDbCommitIndex, describe_key, read_entry};
use skald_aws::sdk_error;

pub use fault::{Defect, Fault, Finding, Verified};
use index::Checked;
use sums::Sums;
use walk::Walk;

/// How long before now a commit must be recorded to be compared with the index, in milliseconds. A
/// later commit may not be in the index yet, or may still be in progress.
pub const SETTLED_MS: i64 = 10_000;

/// Verifies an events table. `C` returns the check of a stream, or `None` for an unknown category.
/// `T` receives each fault and, from time to time, the progress.
#[derive(Debug)]
pub struct Verifier<C, T> {
    client: Client,
    table: String,
    index: DynamoDbCommitIndex,
    now: Timestamp,
    until: Timestamp,
    check: C,
    report: T,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    verified: Verified,
    /// The hashes of the reported faults, because a stream may be checked twice.
    reported: BTreeSet<[u8; 32]>,
}

/// The result of reading a stream.
#[derive(Default)]
struct Walked {
    items: u64,
    events: u64,
    /// The entries that the index should have for the stream, each with its slice.
    indexed: Vec<(u8, IndexEntry)>,
}

impl<C, K, T> Verifier<C, T>
where
    C: Fn(&StreamId) -> Option<K>,
    K: StreamCheck,
    T: Fn(Finding<'_>),
{
    /// Verifies this table, as of `now`. The client needs permission to scan the table, and to
    /// query it and its index. Index and table are compared up to [`SETTLED_MS`] before now.
    #[must_use]
    pub fn new(
        client: Client,
        table: impl Into<String>,
        now: Timestamp,
        check: C,
        report: T,
    ) -> Self {
        let table = table.into();
        let index = DynamoDbCommitIndex::new(client.clone(), table.clone());
        let until = now.plus_millis(-SETTLED_MS);
        Self { client, table, index, now, until, check, report, state: Mutex::default() }
    }

    /// Verifies all streams, and reads `parallel` parts of the table concurrently.
    ///
    /// # Errors
    /// [`StoreError`] if the service does not answer. Faults are not errors: they are reported.
    pub async fn all(&self, parallel: u16) -> Result<Verified, StoreError> {
        let parallel = i32::from(parallel.max(1));
        let parts = try_concurrently((0..parallel).map(|part| self.scan(part, parallel))).await?;
        let (mut table, mut suspects) = (Sums::default(), BTreeSet::new());
        for (sums, found) in parts {
            table.merge(sums);
            suspects.extend(found);
        }
        try_concurrently(suspects.iter().map(|stream| self.walk(stream))).await?;
        let mut index = Sums::default();
        try_concurrently((0..SLICES).map(|slice| self.sum(slice)))
            .await?
            .into_iter()
            .for_each(|sums| index.merge(sums));
        let differing = table.differing(&index);
        for slice in differing.slices() {
            self.check_index(slice, Checked::Differing(&differing)).await?;
        }
        if !differing.is_empty() {
            self.check_table(parallel, &differing).await?;
        }
        Ok(self.state().verified)
    }

    /// Verifies one stream.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn stream(&self, stream: &StreamId) -> Result<Verified, StoreError> {
        let Walked { items, events, indexed } = self.walk(stream).await?;
        let shown = self.check_index(slice(&stream.key()), Checked::Stream(stream)).await?;
        let recent = indexed.iter().filter(|(_, entry)| self.is_recent(entry)).count() as u64;
        self.count(|verified| {
            *verified = Verified { items, events, entries: shown, recent, faults: verified.faults }
        });
        let settled = indexed.iter().filter(|(_, entry)| !self.is_recent(entry));
        try_concurrently(settled.map(|(slice, entry)| self.look_for(*slice, entry))).await?;
        Ok(self.state().verified)
    }

    /// Scans a part of the table. Returns the sums of the entries that the index should have, and
    /// the streams that must be read one by one.
    async fn scan(&self, part: i32, parts: i32) -> Result<(Sums, BTreeSet<StreamId>), StoreError> {
        let scan = self.client.scan().table_name(&self.table).segment(part).total_segments(parts);
        let mut pages = scan.consistent_read(true).into_paginator().send();
        let (mut sums, mut suspects) = (Sums::default(), BTreeSet::new());
        let mut walk: Option<Walk<K>> = None;
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| sdk_error("Scan", error))?.items.unwrap_or_default();
            let (count, mut events, mut recent) = (items.len() as u64, 0, 0);
            for item in items {
                let (stream, first) = match read_key(&item) {
                    Ok(key) => key,
                    Err(fault) => {
                        self.report(&Fault {
                            key: describe_key(&item),
                            version: None,
                            defect: Defect::Foreign(fault),
                        });
                        continue;
                    }
                };
                match self.indexed(&item) {
                    Some((_, entry)) if self.is_recent(&entry) => recent += 1,
                    Some((slice, entry)) => sums.add(slice, &entry),
                    None => {}
                }
                if walk.as_ref().is_none_or(|walk| walk.stream != stream) {
                    self.close(walk.take(), &mut suspects);
                }
                let walk = walk.get_or_insert_with(|| self.begin(stream));
                events += walk.take(first, &item);
            }
            self.count(|verified| {
                verified.items += count;
                verified.events += events;
                verified.recent += recent;
            });
        }
        self.close(walk, &mut suspects);
        Ok((sums, suspects))
    }

    fn begin(&self, stream: StreamId) -> Walk<K> {
        let check = (self.check)(&stream);
        Walk::new(stream, check, self.now)
    }

    /// Reports the faults of a stream whose items came in order. The faults of any other stream may
    /// be due to the scan, or its items may be in another part, so the stream becomes a suspect.
    fn close(&self, walk: Option<Walk<K>>, suspects: &mut BTreeSet<StreamId>) {
        match walk {
            Some(walk) if walk.is_broken => drop(suspects.insert(walk.stream)),
            Some(walk) => walk.faults.iter().for_each(|fault| self.report(fault)),
            None => {}
        }
    }

    /// Reads a stream as of now, and reports its faults.
    async fn walk(&self, stream: &StreamId) -> Result<Walked, StoreError> {
        let query = self.client.query().table_name(&self.table).consistent_read(true);
        let query = query.key_condition_expression("pk = :stream");
        let query = query.expression_attribute_values(":stream", Value::S(stream.key()));
        let mut found = query.into_paginator().items().send();
        let (mut walk, mut walked) = (self.begin(stream.clone()), Walked::default());
        while let Some(item) = found.next().await {
            let item = item.map_err(|error| sdk_error("Query", error))?;
            walked.items += 1;
            walked.indexed.extend(self.indexed(&item));
            match read_key(&item) {
                Ok((_, first)) => walked.events += walk.take(first, &item),
                Err(fault) => self.report(&Fault {
                    key: describe_key(&item),
                    version: None,
                    defect: Defect::Foreign(fault),
                }),
            }
        }
        walk.faults.iter().for_each(|fault| self.report(fault));
        Ok(walked)
    }

    /// Whether a commit was recorded too recently to be searched for in the index.
    fn is_recent(&self, entry: &IndexEntry) -> bool {
        entry.key.at() > self.until
    }

    /// The entry that the index makes of an item, and its slice. `None` if the attributes of the
    /// entry are invalid.
    fn indexed(&self, item: &Attributes) -> Option<(u8, IndexEntry)> {
        let Some(Attribute::Number(number)) = item.attribute("slice") else { return None };
        Some((number.parse().ok()?, read_entry(item).ok()?))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, fault: &Fault) {
        let is_new = {
            let mut state = self.state();
            let is_new = state.reported.insert(Sha256::digest(format!("{fault:?}")).into());
            state.verified.faults += u64::from(is_new);
            is_new
        };
        if is_new {
            (self.report)(Finding::Fault(fault));
        }
    }

    fn count(&self, change: impl FnOnce(&mut Verified)) {
        let verified = {
            let mut state = self.state();
            change(&mut state.verified);
            state.verified
        };
        (self.report)(Finding::Progress(verified));
    }
}
