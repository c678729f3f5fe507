//! The comparison of index and table.

use std::time::Duration;

use aws_sdk_dynamodb::config::AsyncSleep;
use aws_sdk_dynamodb::types::AttributeValue as Value;
use skald::check::StreamCheck;
use skald::concurrency::{concurrently, try_concurrently};
use skald::index::{CommitIndex, IndexEntry, IndexKey, MalformedEntry, SlicePosition};
use skald::store::StoreError;
use skald::stream::StreamId;

use super::fault::{Defect, Fault, Finding};
use super::sums::{Differing, Sums};
use super::verifier::Verifier;
use crate::attribute::Attributes;
use crate::commit_item::{slice, types};
use crate::index::{AT, COMMITS, describe_key_prefix, read_entry};
use skald_aws::sdk_error;

/// The number of entries in one read of the index.
const PAGE: u32 = 1_000;
/// How often a missing index entry is searched for, and the first pause between the attempts. Each
/// further pause is twice as long.
const LOOKUPS: u32 = 5;
const PAUSE_MS: u64 = 50;

/// The entries of a slice that are checked.
#[derive(Clone, Copy)]
pub(super) enum Checked<'a> {
    Differing(&'a Differing),
    Stream(&'a StreamId),
}

impl<C, K, T> Verifier<C, T>
where
    C: Fn(&StreamId) -> Option<K>,
    K: StreamCheck,
    T: Fn(Finding<'_>),
{
    /// The sums over the index entries of a slice. Reports malformed entries.
    pub(super) async fn sum(&self, number: u8) -> Result<Sums, StoreError> {
        let mut sums = Sums::default();
        let mut after = SlicePosition::START;
        while let Some(entries) = self.page(number, &mut after, None).await? {
            entries.iter().for_each(|entry| sums.add(number, entry));
            self.count(|verified| verified.entries += entries.len() as u64);
        }
        Ok(sums)
    }

    /// The next entries of a slice. `None` after the last. Reports malformed entries: those of this
    /// stream, or all.
    async fn page(
        &self,
        number: u8,
        after: &mut SlicePosition,
        of: Option<&StreamId>,
    ) -> Result<Option<Vec<IndexEntry>>, StoreError> {
        let page = self.index.read(number, after, self.until, PAGE).await?;
        let is_wanted = |malformed: &MalformedEntry| {
            of.is_none_or(|stream| malformed.key.starts_with(&describe_key_prefix(stream)))
        };
        for malformed in page.malformed.into_iter().filter(is_wanted) {
            self.report(&Fault {
                key: malformed.key,
                version: None,
                defect: Defect::Malformed(malformed.fault),
            });
        }
        let Some(last) = page.entries.last() else { return Ok(None) };
        *after = SlicePosition::After(last.key.clone());
        Ok(Some(page.entries))
    }

    /// Checks the index entries of the differing parts of a slice, or of one stream in it. Returns
    /// the number of entries.
    pub(super) async fn check_index(
        &self,
        number: u8,
        checked: Checked<'_>,
    ) -> Result<u64, StoreError> {
        let (mut after, mut count) = (SlicePosition::START, 0);
        let of = match checked {
            Checked::Stream(stream) => Some(stream),
            Checked::Differing(_) => None,
        };
        while let Some(entries) = self.page(number, &mut after, of).await? {
            let wanted = entries.iter().filter(|entry| match checked {
                Checked::Stream(stream) => entry.key.stream() == stream,
                Checked::Differing(differing) => differing.contains(number, entry),
            });
            count += try_concurrently(wanted.map(|entry| self.check_entry(number, entry)))
                .await?
                .len() as u64;
        }
        Ok(count)
    }

    /// Checks that the index has the table's entries in the differing parts, by one scan of the
    /// table in `parallel` parts.
    pub(super) async fn check_table(
        &self,
        parallel: i32,
        differing: &Differing,
    ) -> Result<(), StoreError> {
        let names: Vec<String> = differing.slices().map(|slice| format!(":slice{slice}")).collect();
        let values = names.iter().zip(differing.slices());
        let values: Attributes =
            values.map(|(name, slice)| (name.clone(), Value::N(slice.to_string()))).collect();
        let scan = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .total_segments(parallel);
        let scan = scan.filter_expression(format!("slice IN ({})", names.join(", ")));
        let scan = scan.set_expression_attribute_values(Some(values));
        let part = |part| scan.clone().segment(part).into_paginator().send();
        let mut parts: Vec<_> = (0..parallel).map(part).collect();
        loop {
            let pages = concurrently(parts.iter_mut().map(|part| part.next())).await;
            let pages = pages.into_iter().flatten().collect::<Result<Vec<_>, _>>();
            let pages = pages.map_err(|error| sdk_error("Scan", error))?;
            if pages.is_empty() {
                return Ok(());
            }
            let items = pages.into_iter().filter_map(|page| page.items).flatten();
            let found: Vec<_> = items.filter_map(|item| self.indexed(&item)).collect();
            let wanted = found.iter().filter(|(slice, entry)| {
                !self.is_recent(entry) && differing.contains(*slice, entry)
            });
            try_concurrently(wanted.map(|(slice, entry)| self.look_for(*slice, entry))).await?;
        }
    }

    /// Checks that the table has the commit of an entry.
    async fn check_entry(&self, number: u8, entry: &IndexEntry) -> Result<(), StoreError> {
        let key = &entry.key;
        let defect = match self.index.commit(key).await {
            Ok(None) => Defect::NoCommit,
            Ok(Some(commit)) if IndexKey::of(&commit) != *key => Defect::Differs,
            Ok(Some(commit)) if entry.types.join(" ") != types(&commit.events) => Defect::Differs,
            Ok(Some(_)) if slice(&key.stream().key()) != number => Defect::Differs,
            // An item that cannot be read exists; its fault is reported with the table's.
            Ok(Some(_)) | Err(StoreError::Corrupt { .. }) => return Ok(()),
            Err(error) => return Err(error),
        };
        self.report(&Fault { key: key.stream().key(), version: Some(key.first()), defect });
        Ok(())
    }

    /// Checks that the index has an entry. The entry may take a moment to appear.
    pub(super) async fn look_for(&self, number: u8, entry: &IndexEntry) -> Result<(), StoreError> {
        for attempt in 0..LOOKUPS {
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
                timer.sleep(Duration::from_millis(PAUSE_MS << attempt)).await;
            }
        }
        let (key, version) = (entry.key.stream().key(), Some(entry.key.first()));
        self.report(&Fault { key, version, defect: Defect::NotInIndex });
        Ok(())
    }
}
