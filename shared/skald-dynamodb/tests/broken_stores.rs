//! The contracts find a broken store out. The stores are broken from outside: by what a proxy does to their requests and
//! to the service's answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod support;

use serde_json::{Value, json};
use skald_testkit::{Rule, commit_index, event_store, view_store};

use support::proxy::{Fate, Meddler};
use support::{Events, Views};

/// Lets everything pass.
#[derive(Clone)]
struct Nothing;

impl Meddler for Nothing {}

/// Removes what makes a write conditional.
#[derive(Clone)]
struct NoCondition;

impl Meddler for NoCondition {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        match operation {
            "PutItem" => unconditional(body),
            "TransactWriteItems" => puts(body).into_iter().for_each(unconditional),
            _ => {}
        }
        Fate::Pass
    }
}

fn puts(body: &mut Value) -> Vec<&mut Value> {
    body["TransactItems"].as_array_mut().unwrap().iter_mut().map(|item| &mut item["Put"]).collect()
}

fn unconditional(put: &mut Value) {
    for name in ["ConditionExpression", "ExpressionAttributeValues", "ReturnValuesOnConditionCheckFailure"] {
        put.as_object_mut().unwrap().remove(name);
    }
}

/// Ends every query after its first page.
#[derive(Clone)]
struct OnePage;

impl Meddler for OnePage {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        body.as_object_mut().unwrap().remove("LastEvaluatedKey");
    }
}

/// Writes the first half of what is to be written together.
#[derive(Clone)]
struct HalfTheBatch;

impl Meddler for HalfTheBatch {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "TransactWriteItems" {
            let items = body["TransactItems"].as_array_mut().unwrap();
            items.truncate(items.len().div_ceil(2));
        }
        Fate::Pass
    }
}

/// Tells who was refused that it went well.
#[derive(Clone)]
struct AlwaysWell;

impl Meddler for AlwaysWell {
    fn answer(&self, _: &str, status: &mut u16, body: &mut Value) {
        if *status == 400 {
            (*status, *body) = (200, json!({}));
        }
    }
}

/// Hides what stands at a place that is taken, and that it was there at all when it is read back.
#[derive(Clone)]
struct NoOldItem;

impl Meddler for NoOldItem {
    fn request(&self, operation: &str, _: &mut Value) -> Fate {
        if operation == "GetItem" { Fate::Answer(200, json!({})) } else { Fate::Pass }
    }

    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        hide_items(body);
    }
}

/// Hides what stands at a place that is taken; reading it back works.
#[derive(Clone)]
struct SilentRefusal;

impl Meddler for SilentRefusal {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation != "GetItem" {
            hide_items(body);
        }
    }
}

fn hide_items(body: &mut Value) {
    body.as_object_mut().unwrap().remove("Item");
    for reason in body["CancellationReasons"].as_array_mut().into_iter().flatten() {
        reason.as_object_mut().unwrap().remove("Item");
    }
}

/// Changes the events of each commit on its way.
#[derive(Clone)]
struct OtherEvents;

impl Meddler for OtherEvents {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" && body["Item"]["events"].is_object() {
            body["Item"]["events"]["L"].as_array_mut().unwrap().reverse();
        }
        Fate::Pass
    }
}

/// Takes every snapshot for one of the shape that is wanted.
#[derive(Clone)]
struct EveryShape;

impl Meddler for EveryShape {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation == "Query" {
            for item in body["Items"].as_array_mut().unwrap().iter_mut().filter(|item| item["snapshot"].is_object()) {
                item["snapshot"]["M"]["schema"]["N"] = json!("2");
            }
        }
    }
}

/// Keeps no snapshots.
#[derive(Clone)]
struct NoSnapshots;

impl Meddler for NoSnapshots {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if operation == "PutItem" {
            body["Item"].as_object_mut().unwrap().remove("snapshot");
        }
        Fate::Pass
    }
}

/// Forgets what a batch could not look up.
#[derive(Clone)]
struct ForgottenKeys;

impl Meddler for ForgottenKeys {
    fn answer(&self, _: &str, _: &mut u16, body: &mut Value) {
        body.as_object_mut().unwrap().remove("UnprocessedKeys");
    }
}

/// Pages go on by place only, so that others at the same place are passed over.
#[derive(Clone)]
struct PagesByPlace;

impl Meddler for PagesByPlace {
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

/// Goes on in the index with the next moment, so that others of the same moment are passed over.
#[derive(Clone)]
struct PagesByMoment;

impl Meddler for PagesByMoment {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if let ("Query", Some(from)) = (operation, body["ExpressionAttributeValues"][":from"]["S"].as_str())
            && let Some((moment, _)) = from.split_once('/')
        {
            body["ExpressionAttributeValues"][":from"] = json!({ "S": format!("{moment}0") });
        }
        Fate::Pass
    }
}

/// Ends before the last moment of what is asked of the index.
#[derive(Clone)]
struct EndsBefore;

impl Meddler for EndsBefore {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        if let ("Query", Some(to)) = (operation, body["ExpressionAttributeValues"][":to"]["S"].as_str()) {
            let from = body["ExpressionAttributeValues"][":from"]["S"].as_str().unwrap();
            let to = to.trim_end_matches('0').max(from).to_owned();
            body["ExpressionAttributeValues"][":to"] = json!({ "S": to });
        }
        Fate::Pass
    }
}

/// The names of the rules among `asked` that an event store with this meddler before it breaks.
async fn broken_events(meddler: impl Meddler + Clone, asked: &[&str]) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in named(event_store::every_store::<Events>(), asked) {
        let fixture = Events::spoiled(meddler.clone()).await;
        if rule.broken_by(&fixture).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}

/// The same of a view store.
async fn broken_views(meddler: impl Meddler + Clone, asked: &[&str]) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in named(view_store::every_store::<Views>(), asked) {
        let fixture = Views::spoiled(meddler.clone()).await;
        if rule.broken_by(&fixture).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}

/// The same of an index.
async fn broken_index(meddler: impl Meddler + Clone, asked: &[&str]) -> Vec<&'static str> {
    let mut broken = Vec::new();
    for rule in named(commit_index::every_index::<Events>(), asked) {
        let fixture = Events::spoiled(meddler.clone()).await;
        if rule.broken_by(&fixture).await.is_some() {
            broken.push(rule.name);
        }
    }
    broken
}

fn named<F>(rules: Vec<Rule<F>>, asked: &[&str]) -> Vec<Rule<F>> {
    for name in asked {
        assert!(rules.iter().any(|rule| rule.name == *name), "there is no rule {name}");
    }
    rules.into_iter().filter(|rule| asked.contains(&rule.name)).collect()
}

/// Rules that an event store without conditions breaks.
const OF_CONDITIONS: &[&str] = &[
    "behind_the_head_is_a_conflict",
    "the_start_of_a_stream_with_events_is_a_conflict",
    "two_events_are_appended_at_once_or_not_at_all",
    "two_streams_are_appended_together_or_not_at_all",
    "a_conflict_names_every_stream_that_moved",
    "one_of_several_may_be_the_only_one",
    "a_repeated_commit_gives_the_first_answer",
    "a_repeated_commit_is_recognised_after_others",
    "another_command_at_the_same_head_is_no_repeat",
    "repeated_commits_to_several_streams_give_the_first_answer",
    "repeated_commits_are_recognised_after_others",
    "a_repeat_with_another_stream_writes_nothing",
    "eight_writers_have_one_winner_per_version",
    "writers_of_two_streams_keep_them_in_step",
    "commands_at_once_all_count",
    "the_same_command_at_once_is_written_once",
    "a_conflict_is_decided_again",
    "transfers_at_once_lose_and_make_no_money",
];
const OF_PAGES: &[&str] = &["a_stream_over_one_megabyte_is_read_whole", "reading_after_a_version_gives_the_rest"];
const OF_SEVERAL: &[&str] = &[
    "two_streams_are_appended_at_once",
    "a_hundred_streams_are_appended_at_once",
    "writers_of_two_streams_keep_them_in_step",
];
const OF_REPEATS: &[&str] = &[
    "a_repeated_commit_gives_the_first_answer",
    "a_repeated_commit_is_recognised_after_others",
    "repeated_commits_to_several_streams_give_the_first_answer",
    "repeated_commits_are_recognised_after_others",
];
const OF_SHAPES: &[&str] = &["a_snapshot_of_another_schema_is_passed_over"];
const OF_SNAPSHOTS: &[&str] = &[
    "what_was_written_is_read_exactly",
    "a_load_goes_back_to_the_last_snapshot",
    "a_snapshot_at_the_end_is_loaded_alone_with_its_head",
    "the_state_is_the_same_with_snapshots_and_without",
    "a_long_stream_is_loaded_from_its_last_snapshot",
    "a_snapshot_that_cannot_be_read_is_passed_over",
    "a_snapshot_that_leaves_no_room_is_left_out",
];
const OF_EVENTS: &[&str] = &["what_was_written_is_read_exactly", "a_stream_over_one_megabyte_is_read_whole"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_event_store() {
    for asked in [OF_CONDITIONS, OF_PAGES, OF_SEVERAL, OF_SHAPES, OF_SNAPSHOTS] {
        assert_eq!(broken_events(Nothing, asked).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_event_store_without_its_condition_is_found_out() {
    assert_eq!(broken_events(NoCondition, OF_CONDITIONS).await, OF_CONDITIONS);
}

#[tokio::test]
async fn an_event_store_whose_query_is_not_paged_is_found_out() {
    assert_eq!(broken_events(OnePage, OF_PAGES).await, OF_PAGES);
}

#[tokio::test]
async fn an_event_store_that_writes_half_a_batch_is_found_out() {
    assert_eq!(broken_events(HalfTheBatch, OF_SEVERAL).await, OF_SEVERAL);
}

#[tokio::test]
async fn an_event_store_that_takes_a_conflict_for_success_is_found_out() {
    assert_eq!(broken_events(AlwaysWell, OF_CONDITIONS).await, OF_CONDITIONS);
}

#[tokio::test]
async fn an_event_store_that_cannot_tell_its_own_commits_is_found_out() {
    assert_eq!(broken_events(NoOldItem, OF_REPEATS).await, OF_REPEATS);
}

#[tokio::test]
async fn an_event_store_that_stores_other_events_is_found_out() {
    assert_eq!(broken_events(OtherEvents, OF_EVENTS).await, OF_EVENTS);
}

#[tokio::test]
async fn an_event_store_that_uses_snapshots_of_another_shape_is_found_out() {
    assert_eq!(broken_events(EveryShape, OF_SHAPES).await, OF_SHAPES);
}

#[tokio::test]
async fn an_event_store_that_keeps_no_snapshots_is_found_out() {
    assert_eq!(broken_events(NoSnapshots, OF_SNAPSHOTS).await, OF_SNAPSHOTS);
}

/// Not a fault: the service need not send along what stands in the way.
#[tokio::test]
async fn an_event_store_reads_what_a_refusal_does_not_bring() {
    for asked in [OF_CONDITIONS, OF_REPEATS] {
        assert_eq!(broken_events(SilentRefusal, asked).await, [""; 0]);
    }
}

const OF_VIEW_CONDITIONS: &[&str] = &[
    "a_stale_row_is_not_stored",
    "a_first_row_is_stored_once",
    "of_eight_rows_at_once_one_is_stored",
    "a_parked_row_is_not_written_over",
    "many_at_once_apply_each_event_once",
    "a_stream_parked_before_its_first_event_stays_parked",
];
const OF_LARGE_BATCHES: &[&str] = &["many_large_rows_all_come"];
const OF_SHARED_PLACES: &[&str] = &["pages_have_every_entry_once"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_view_store() {
    for asked in [OF_VIEW_CONDITIONS, OF_LARGE_BATCHES, OF_SHARED_PLACES] {
        assert_eq!(broken_views(Nothing, asked).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_view_store_without_its_condition_is_found_out() {
    assert_eq!(broken_views(NoCondition, OF_VIEW_CONDITIONS).await, OF_VIEW_CONDITIONS);
}

#[tokio::test]
async fn a_view_store_that_forgets_keys_is_found_out() {
    assert_eq!(broken_views(ForgottenKeys, OF_LARGE_BATCHES).await, OF_LARGE_BATCHES);
}

#[tokio::test]
async fn a_view_store_that_pages_by_place_is_found_out() {
    assert_eq!(broken_views(PagesByPlace, OF_SHARED_PLACES).await, OF_SHARED_PLACES);
}

const OF_INDEX_PAGES: &[&str] = &["a_slice_of_many_pages_is_read_whole"];
const OF_MOMENTS: &[&str] = &["entries_of_one_moment_are_read_one_by_one"];
const OF_ENDS: &[&str] = &["a_slice_is_read_from_a_time_until_a_time", "a_follower_hands_on_every_commit_once"];

#[tokio::test]
async fn a_proxy_alone_breaks_no_index() {
    for asked in [OF_INDEX_PAGES, OF_MOMENTS, OF_ENDS] {
        assert_eq!(broken_index(Nothing, asked).await, [""; 0]);
    }
}

#[tokio::test]
async fn an_index_whose_query_is_not_paged_is_found_out() {
    assert_eq!(broken_index(OnePage, OF_INDEX_PAGES).await, OF_INDEX_PAGES);
}

#[tokio::test]
async fn an_index_that_goes_on_by_moment_is_found_out() {
    assert_eq!(broken_index(PagesByMoment, OF_MOMENTS).await, OF_MOMENTS);
}

#[tokio::test]
async fn an_index_that_ends_too_early_is_found_out() {
    assert_eq!(broken_index(EndsBefore, OF_ENDS).await, OF_ENDS);
}
