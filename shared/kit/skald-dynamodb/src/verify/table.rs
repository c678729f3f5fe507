//! The scan of the table, and the reading of single streams.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue as Value;
use skald::check::StreamCheck;
use skald::concurrency::try_concurrently;
use skald::index::IndexEntry;
use skald::store::StoreError;
use skald::stream::StreamId;
use skald_aws::sdk_error;

use super::fault::{Defect, Fault, Finding, Verified};
use super::index::Checked;
use super::sums::Sums;
use super::verifier::Verifier;
use super::walk::Walk;
use crate::commit_item::{SLICES, read_key, slice};
use crate::index::describe_key;

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
}
