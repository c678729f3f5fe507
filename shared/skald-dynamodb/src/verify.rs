//! Verifying an events table: every stream is whole and can be read, and the index shows what the table has.
//!
//! All streams are verified by one parallel scan of the table and one walk through the index; both are read once if all is
//! well. A scan promises no order, so it only finds streams that may have a fault: those are then read for themselves, by
//! strongly consistent queries, and what that finds is told. Whether index and table have the same is seen from a sum per
//! slice; only slices whose sums differ are compared entry by entry. So commits that are appended meanwhile are no faults.

mod fault;
mod walk;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::AsyncSleep;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use sha2::{Digest, Sha256};
use skald::{
    CommitIndex, IndexEntry, IndexKey, SlicePosition, StoreError, StreamCheck, StreamId, Timestamp, try_at_once,
};

use crate::attribute::{AnyItem, Attribute, Attributes};
use crate::commit_item::{SLICES, read_key, slice, types};
use crate::error::sdk_error;
use crate::index::{AT, COMMITS, DynamoDbCommitIndex, read_entry, told_key};

pub use fault::{Defect, Fault, Finding, Verified};
use walk::Walk;

/// How long before now a commit must be recorded to be compared with the index, in milliseconds. A later one may not show
/// in it yet, or may still be under way.
pub const SETTLED_MS: i64 = 10_000;

/// Entries of the index asked for at once.
const PAGE: u32 = 1_000;
/// How often an entry is looked for that the index does not show yet, and the first pause between; each further is twice as long.
const LOOKS: u32 = 5;
const PAUSE_MS: u64 = 50;

/// Verifies an events table. `C` gives the check of a stream, or none for a category that nobody knows; `T` is told each
/// fault, and now and then how far it is.
#[derive(Debug)]
pub struct Verifier<C, T> {
    client: Client,
    table: String,
    index: DynamoDbCommitIndex,
    now: Timestamp,
    until: Timestamp,
    check: C,
    tell: T,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    verified: Verified,
    /// What was told, because a stream may come up twice.
    told: BTreeSet<String>,
}

/// The sum over the entries of each slice, and their number.
type Sums = BTreeMap<u8, (u64, u128)>;

fn add(sums: &mut Sums, slice: u8, entry: &IndexEntry) {
    let digest = Sha256::digest(format!("{} {}", entry.key, entry.types.join(" ")));
    let mut number = [0; 16];
    number.copy_from_slice(&digest[..16]);
    let (count, sum) = sums.entry(slice).or_default();
    *count += 1;
    *sum = sum.wrapping_add(u128::from_be_bytes(number));
}

/// What a stream turned out to have.
#[derive(Default)]
struct Walked {
    items: u64,
    events: u64,
    /// What the index should show of it, and in which slice.
    indexed: Vec<(u8, IndexEntry)>,
}

impl<C, K, T> Verifier<C, T>
where
    C: Fn(&StreamId) -> Option<K>,
    K: StreamCheck,
    T: Fn(Finding<'_>),
{
    /// Of this table, as of `now`. The client needs to scan the table, and to query it and its index. Index and table are
    /// compared up to [`SETTLED_MS`] before now.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>, now: Timestamp, check: C, tell: T) -> Self {
        let table = table.into();
        let index = DynamoDbCommitIndex::new(client.clone(), table.clone());
        let until = now.plus_millis(-SETTLED_MS);
        Self { client, table, index, now, until, check, tell, state: Mutex::default() }
    }

    /// Verifies all streams, with this many parts of the table read at the same time.
    ///
    /// # Errors
    /// [`StoreError`] if the service does not answer. Faults are no errors: they are told.
    pub async fn all(&self, parallel: u16) -> Result<Verified, StoreError> {
        let parallel = i32::from(parallel.max(1));
        let parts = try_at_once((0..parallel).map(|part| self.scan(part, parallel))).await?;
        let (mut table, mut suspects) = (Sums::new(), BTreeSet::new());
        for (sums, found) in parts {
            for (slice, (count, sum)) in sums {
                let (all, total) = table.entry(slice).or_default();
                *all += count;
                *total = total.wrapping_add(sum);
            }
            suspects.extend(found);
        }
        for stream in suspects {
            self.walk(&stream).await?;
        }
        let index: Sums = try_at_once((0..SLICES).map(|slice| self.sum(slice))).await?.into_iter().flatten().collect();
        for slice in (0..SLICES).filter(|slice| table.get(slice) != index.get(slice)) {
            self.check_index(slice, None).await?;
            self.check_table(slice).await?;
        }
        Ok(self.state().verified)
    }

    /// Verifies one stream.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn stream(&self, stream: &StreamId) -> Result<Verified, StoreError> {
        let Walked { items, events, indexed } = self.walk(stream).await?;
        let shown = self.check_index(slice(&stream.key()), Some(stream)).await?;
        self.count(|verified| *verified = Verified { items, events, entries: shown, faults: verified.faults });
        for (slice, entry) in indexed {
            self.look_for(slice, &entry).await?;
        }
        Ok(self.state().verified)
    }

    /// Goes over a part of the table. Gives the sums of what should be in the index, and the streams to be read for themselves.
    async fn scan(&self, part: i32, parts: i32) -> Result<(Sums, BTreeSet<StreamId>), StoreError> {
        let scan = self.client.scan().table_name(&self.table).segment(part).total_segments(parts);
        let mut pages = scan.consistent_read(true).into_paginator().send();
        let (mut sums, mut suspects) = (Sums::new(), BTreeSet::new());
        let mut walk: Option<Walk<K>> = None;
        while let Some(page) = pages.next().await {
            let items = page.map_err(|error| sdk_error("Scan", error))?.items.unwrap_or_default();
            let (count, mut events) = (items.len() as u64, 0);
            for item in items {
                let (stream, first) = match read_key(&item) {
                    Ok(key) => key,
                    Err(fault) => {
                        self.tell(&Fault { key: told_key(&item), version: None, defect: Defect::Foreign(fault) });
                        continue;
                    }
                };
                if let Some((slice, entry)) = self.indexed(&item) {
                    add(&mut sums, slice, &entry);
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
            });
        }
        self.close(walk, &mut suspects);
        Ok((sums, suspects))
    }

    fn begin(&self, stream: StreamId) -> Walk<K> {
        let check = (self.check)(&stream);
        Walk::new(stream, check, self.now)
    }

    /// Tells the faults of a stream that came in one piece. Of another they may be the scan's, or another part's.
    fn close(&self, walk: Option<Walk<K>>, suspects: &mut BTreeSet<StreamId>) {
        match walk {
            Some(walk) if walk.is_broken => drop(suspects.insert(walk.stream)),
            Some(walk) => walk.faults.iter().for_each(|fault| self.tell(fault)),
            None => {}
        }
    }

    /// Goes over a stream as of now, and tells its faults.
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
                Err(fault) => self.tell(&Fault { key: told_key(&item), version: None, defect: Defect::Foreign(fault) }),
            }
        }
        walk.faults.iter().for_each(|fault| self.tell(fault));
        Ok(walked)
    }

    /// The sum over what the index shows of a slice; tells what is no commit's entry.
    async fn sum(&self, number: u8) -> Result<Sums, StoreError> {
        let mut sums = Sums::new();
        let mut after = SlicePosition::START;
        while let Some(entries) = self.page(number, &mut after).await? {
            entries.iter().for_each(|entry| add(&mut sums, number, entry));
            self.count(|verified| verified.entries += entries.len() as u64);
        }
        Ok(sums)
    }

    /// The next entries of a slice; none after the last.
    async fn page(&self, number: u8, after: &mut SlicePosition) -> Result<Option<Vec<IndexEntry>>, StoreError> {
        let page = self.index.read(number, after, self.until, PAGE).await?;
        for odd in page.odd {
            self.tell(&Fault { key: odd.key, version: None, defect: Defect::Odd(odd.fault) });
        }
        let Some(last) = page.entries.last() else { return Ok(None) };
        *after = SlicePosition::After(last.key.clone());
        Ok(Some(page.entries))
    }

    /// Checks what the index shows of a slice, or of one stream in it, entry by entry; gives how many there are.
    async fn check_index(&self, number: u8, only: Option<&StreamId>) -> Result<u64, StoreError> {
        let (mut after, mut count) = (SlicePosition::START, 0);
        while let Some(entries) = self.page(number, &mut after).await? {
            let entries = entries.iter().filter(|entry| only.is_none_or(|stream| stream == entry.key.stream()));
            count += try_at_once(entries.map(|entry| self.check_entry(number, entry))).await?.len() as u64;
        }
        Ok(count)
    }

    /// Checks that the index shows what the table has of a slice, entry by entry.
    async fn check_table(&self, number: u8) -> Result<(), StoreError> {
        let scan = self.client.scan().table_name(&self.table).consistent_read(true);
        let scan = scan.filter_expression("slice = :slice");
        let scan = scan.expression_attribute_values(":slice", Value::N(number.to_string()));
        let mut items = scan.into_paginator().items().send();
        while let Some(item) = items.next().await {
            let item = item.map_err(|error| sdk_error("Scan", error))?;
            if let Some((slice, entry)) = self.indexed(&item) {
                self.look_for(slice, &entry).await?;
            }
        }
        Ok(())
    }

    /// Checks that the table has the commit of an entry.
    async fn check_entry(&self, number: u8, entry: &IndexEntry) -> Result<(), StoreError> {
        let key = &entry.key;
        let defect = match self.index.commit(key).await {
            Ok(None) => Defect::NoCommit,
            Ok(Some(commit)) if IndexKey::of(&commit) != *key => Defect::Differs,
            Ok(Some(commit)) if entry.types.join(" ") != types(&commit.events) => Defect::Differs,
            Ok(Some(_)) if slice(&key.stream().key()) != number => Defect::Differs,
            // What cannot be read is there: what is wrong with it is told of the table.
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.tell(&Fault { key: key.stream().key(), version: Some(key.first()), defect });
        Ok(())
    }

    /// Checks that the index has an entry, which may take a moment.
    async fn look_for(&self, number: u8, entry: &IndexEntry) -> Result<(), StoreError> {
        for look in 0..LOOKS {
            let query = self.client.query().table_name(&self.table).index_name(COMMITS);
            let mut of_that_time = query
                .key_condition_expression("slice = :slice AND #at = :at")
                .expression_attribute_names("#at", AT)
                .expression_attribute_values(":slice", Value::N(number.to_string()))
                .expression_attribute_values(":at", Value::S(entry.key.at().to_string()))
                .into_paginator()
                .items()
                .send();
            while let Some(item) = of_that_time.next().await {
                let item = item.map_err(|error| sdk_error("Query", error))?;
                if read_entry(&item).is_ok_and(|found| found.key == entry.key) {
                    return Ok(());
                }
            }
            if let Some(timer) = self.client.config().sleep_impl() {
                timer.sleep(Duration::from_millis(PAUSE_MS << look)).await;
            }
        }
        let (key, version) = (entry.key.stream().key(), Some(entry.key.first()));
        self.tell(&Fault { key, version, defect: Defect::NotInIndex });
        Ok(())
    }

    /// The entry that the index makes of an item, and its slice; none if the attributes for it are not what they must be.
    fn indexed(&self, item: &Attributes) -> Option<(u8, IndexEntry)> {
        let Some(Attribute::Number(number)) = item.attribute("slice") else { return None };
        let entry = read_entry(item).ok().filter(|entry| entry.key.at() <= self.until)?;
        Some((number.parse().ok()?, entry))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, fault: &Fault) {
        let is_new = {
            let mut state = self.state();
            let is_new = state.told.insert(fault.to_string());
            state.verified.faults += u64::from(is_new);
            is_new
        };
        if is_new {
            (self.tell)(Finding::Fault(fault));
        }
    }

    fn count(&self, change: impl FnOnce(&mut Verified)) {
        let verified = {
            let mut state = self.state();
            change(&mut state.verified);
            state.verified
        };
        (self.tell)(Finding::Progress(verified));
    }
}
