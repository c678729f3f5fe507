//! The contracts detect a broken view store and a broken index. They are broken from outside: a
//! proxy changes their requests and the service's answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skald::time::Timestamp;
use skald_testkit::{commit_index, view_store};

use crate::support::broken::{NoCondition, OnePage, PassThrough, broken_rules, rules_named};
use crate::support::proxy::{Fate, Interceptor};
use crate::support::{Events, Views};

/// Drops the keys that a batch did not return.
#[derive(Clone)]
struct DropsUnprocessedKeys;

impl Interceptor for DropsUnprocessedKeys {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        body.as_object_mut().unwrap().remove("UnprocessedKeys");
    }
}

/// Overwrites a parked row, even if a message has announced a later version since it was read.
#[derive(Clone)]
struct IgnoresAnnouncedVersion;

impl Interceptor for IgnoresAnnouncedVersion {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem"
            && let Some(condition) = body["ConditionExpression"].as_str()
            && condition.contains(":announced")
        {
            body["ConditionExpression"] = json!("version = :expected AND attribute_exists(parked)");
            body["ExpressionAttributeValues"].as_object_mut().unwrap().remove(":announced");
        }
        Fate::Pass
    }
}

/// Continues a list by the sort key alone, so other entries with the same sort key are skipped.
#[derive(Clone)]
struct PagesBySortKey;

impl Interceptor for PagesBySortKey {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "Query" && body["ExclusiveStartKey"].is_object() {
            let place = body["ExclusiveStartKey"]["list_sort"].take();
            body.as_object_mut().unwrap().remove("ExclusiveStartKey");
            body["KeyConditionExpression"] = json!("list_group = :group AND list_sort < :place");
            body["ExpressionAttributeValues"][":place"] = place;
        }
        Fate::Pass
    }
}

/// The same for worklists.
#[derive(Clone)]
struct PagesWorklistBySortKey;

impl Interceptor for PagesWorklistBySortKey {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "Query" && body["ExclusiveStartKey"].is_object() {
            let place = body["ExclusiveStartKey"]["work_sort"].take();
            body.as_object_mut().unwrap().remove("ExclusiveStartKey");
            body["KeyConditionExpression"] = json!("work_group = :group AND work_sort > :place");
            body["ExpressionAttributeValues"][":place"] = place;
        }
        Fate::Pass
    }
}

/// Reads worklists from the last place, as lists are read.
#[derive(Clone)]
struct ReversesWorklists;

impl Interceptor for ReversesWorklists {
    fn request(&self, _: &str, body: &mut Value) -> Fate {
        if body["IndexName"] == "worklist" {
            body["ScanIndexForward"] = json!(false);
        }
        Fate::Pass
    }
}

/// Begins every page of a worklist at its first place.
#[derive(Clone)]
struct RepeatsFirstPage;

impl Interceptor for RepeatsFirstPage {
    fn request(&self, _: &str, body: &mut Value) -> Fate {
        if body["IndexName"] == "worklist" {
            body.as_object_mut().unwrap().remove("ExclusiveStartKey");
        }
        Fate::Pass
    }
}

/// Puts a row without removing it from the worklist that it was in.
#[derive(Clone, Default)]
struct LeavesNoWorklist {
    places: Arc<Mutex<BTreeMap<String, (Value, Value)>>>,
}

impl Interceptor for LeavesNoWorklist {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            let item = &mut body["Item"];
            let key = item["pk"]["S"].as_str().unwrap().to_owned();
            let mut places = self.places.lock().unwrap();
            if item["work_group"].is_object() {
                let place = (item["work_group"].clone(), item["work_sort"].clone());
                places.insert(key, place);
            } else if let Some((group, sort)) = places.get(&key) {
                (item["work_group"], item["work_sort"]) = (group.clone(), sort.clone());
            }
            item.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        }
        Fate::Pass
    }
}

/// Continues in the index with the next millisecond, so other entries of the same millisecond are
/// skipped.
#[derive(Clone)]
struct SkipsToNextMillisecond;

impl Interceptor for SkipsToNextMillisecond {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        let start = Timestamp::FIRST.to_string();
        if let ("Query", Some(from)) =
            (operation, body["ExpressionAttributeValues"][":from"]["S"].as_str())
            && from != start
        {
            body["ExpressionAttributeValues"][":from"] = json!({ "S": format!("{from}~") });
        }
        Fate::Pass
    }
}

/// Returns the entries of a millisecond in reverse order, across all pages: the service promises no
/// order among them. The pages must be requested one after the other.
#[derive(Clone, Default)]
struct ReversedOrder {
    /// The limit of the current page, and the entry after which it begins.
    page: Arc<Mutex<Option<(usize, Value)>>>,
}

impl Interceptor for ReversedOrder {
    fn request(&self, _: &str, body: &mut Value) -> Fate {
        if body["IndexName"].is_string() {
            let limit = body["Limit"].take().as_u64().unwrap();
            let after = body["ExclusiveStartKey"].take();
            body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            *self.page.lock().unwrap() = Some((usize::try_from(limit).unwrap(), after));
        }
        Fate::Pass
    }

    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        let Some((limit, after)) = self.page.lock().unwrap().take() else { return };
        let items = body["Items"].as_array_mut().unwrap();
        items.reverse();
        items.sort_by_key(|item| item["at"]["S"].as_str().map(str::to_owned));
        let is_last_read = |item: &Value| item["pk"] == after["pk"] && item["sk"] == after["sk"];
        let from = items.iter().position(is_last_read).map_or(0, |last| last + 1);
        let page: Vec<Value> = items.iter().skip(from).take(limit).cloned().collect();
        if page.len() == limit {
            let mut last = page[limit - 1].clone();
            last.as_object_mut().unwrap().remove("types");
            body["LastEvaluatedKey"] = last;
        }
        body["Items"] = page.into();
    }
}

/// Omits the last millisecond of a query of the index.
#[derive(Clone)]
struct OmitsLastMillisecond;

impl Interceptor for OmitsLastMillisecond {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if let ("Query", Some(until)) =
            (operation, body["ExpressionAttributeValues"][":until"]["S"].as_str())
        {
            let from = body["ExpressionAttributeValues"][":from"]["S"].as_str().unwrap();
            let until = until.trim_end_matches('Z').max(from).to_owned();
            body["ExpressionAttributeValues"][":until"] = json!({ "S": until });
        }
        Fate::Pass
    }
}

/// The names of the rules among `wanted` that a view store behind this interceptor breaks.
async fn broken_views(interceptor: impl Interceptor + Clone, wanted: &[&str]) -> Vec<&'static str> {
    let rules = rules_named(view_store::every_store::<Views>(), wanted);
    broken_rules(rules, || Views::intercepted(interceptor.clone())).await
}

/// The names of the rules among `wanted` that an index behind this interceptor breaks.
async fn broken_index(interceptor: impl Interceptor + Clone, wanted: &[&str]) -> Vec<&'static str> {
    let rules = rules_named(commit_index::every_index::<Events>(), wanted);
    broken_rules(rules, || Events::intercepted(interceptor.clone())).await
}

const VIEW_CONDITION_RULES: &[&str] = &[
    "a_stale_row_is_not_stored",
    "a_first_row_is_stored_once",
    "of_eight_concurrent_rows_one_is_stored",
    "a_parked_row_is_not_overwritten",
    "concurrent_deliveries_apply_each_event_once",
];
const ANNOUNCED_VERSION_RULES: &[&str] = &[
    "a_parked_row_is_overwritten_only_as_it_was_read",
    "nothing_is_lost_between_a_redrive_and_live_delivery",
];
const LARGE_BATCH_RULES: &[&str] = &["many_large_rows_are_all_returned"];
const SHARED_SORT_KEY_RULES: &[&str] = &["pages_have_every_entry_once"];
const WORKLIST_PAGING_RULES: &[&str] = &["pages_of_a_worklist_have_every_entry_once"];
const WORKLIST_ORDER_RULES: &[&str] =
    &["worklists_start_with_the_first_place", "pages_of_a_worklist_have_every_entry_once"];
const CONTINUED_WORKLIST_RULES: &[&str] = &["a_worklist_continues_after_an_entry_that_left"];
const MOVED_ROW_RULES: &[&str] = &["a_row_moves_between_worklists"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_view_store() {
    for wanted in [
        VIEW_CONDITION_RULES,
        ANNOUNCED_VERSION_RULES,
        LARGE_BATCH_RULES,
        SHARED_SORT_KEY_RULES,
        WORKLIST_ORDER_RULES,
        CONTINUED_WORKLIST_RULES,
        MOVED_ROW_RULES,
    ] {
        assert_eq!(broken_views(PassThrough, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_view_store_without_its_condition_is_detected() {
    assert_eq!(broken_views(NoCondition, VIEW_CONDITION_RULES).await, VIEW_CONDITION_RULES);
}

#[tokio::test]
async fn a_view_store_that_ignores_the_version_announced_to_a_parked_row_is_detected() {
    assert_eq!(
        broken_views(IgnoresAnnouncedVersion, ANNOUNCED_VERSION_RULES).await,
        ANNOUNCED_VERSION_RULES
    );
}

#[tokio::test]
async fn a_view_store_that_drops_unprocessed_keys_is_detected() {
    assert_eq!(broken_views(DropsUnprocessedKeys, LARGE_BATCH_RULES).await, LARGE_BATCH_RULES);
}

#[tokio::test]
async fn a_view_store_that_pages_by_sort_key_alone_is_detected() {
    assert_eq!(broken_views(PagesBySortKey, SHARED_SORT_KEY_RULES).await, SHARED_SORT_KEY_RULES);
}

#[tokio::test]
async fn a_view_store_whose_worklists_are_out_of_order_or_incomplete_is_detected() {
    let broken = broken_views(PagesWorklistBySortKey, WORKLIST_PAGING_RULES).await;
    assert_eq!(broken, WORKLIST_PAGING_RULES);
    let broken = broken_views(ReversesWorklists, WORKLIST_ORDER_RULES).await;
    assert_eq!(broken, WORKLIST_ORDER_RULES);
    let broken = broken_views(RepeatsFirstPage, CONTINUED_WORKLIST_RULES).await;
    assert_eq!(broken, CONTINUED_WORKLIST_RULES);
    let broken = broken_views(LeavesNoWorklist::default(), MOVED_ROW_RULES).await;
    assert_eq!(broken, MOVED_ROW_RULES);
}

const INDEX_PAGING_RULES: &[&str] = &["a_slice_of_many_pages_is_read_whole"];
const MILLISECOND_RULES: &[&str] = &["entries_of_one_time_are_all_read"];
const RANGE_END_RULES: &[&str] =
    &["a_slice_is_read_from_a_time_until_a_time", "a_follower_delivers_every_commit_once"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_index() {
    for wanted in [INDEX_PAGING_RULES, MILLISECOND_RULES, RANGE_END_RULES] {
        assert_eq!(broken_index(PassThrough, wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_index_whose_query_is_not_paged_is_detected() {
    assert_eq!(broken_index(OnePage, INDEX_PAGING_RULES).await, INDEX_PAGING_RULES);
}

#[tokio::test]
async fn an_index_that_continues_with_the_next_millisecond_is_detected() {
    assert_eq!(broken_index(SkipsToNextMillisecond, MILLISECOND_RULES).await, MILLISECOND_RULES);
}

#[tokio::test]
async fn an_index_that_omits_the_last_millisecond_is_detected() {
    assert_eq!(broken_index(OnePage, MILLISECOND_RULES).await, MILLISECOND_RULES);
}

#[tokio::test]
async fn the_order_of_entries_within_a_millisecond_does_not_matter() {
    for wanted in [MILLISECOND_RULES, &["entries_are_sorted_by_time_stream_and_version"]] {
        assert_eq!(broken_index(ReversedOrder::default(), wanted).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_index_that_ends_too_early_is_detected() {
    assert_eq!(broken_index(OmitsLastMillisecond, RANGE_END_RULES).await, RANGE_END_RULES);
}
