//! The items in the table of keys, and the result that a caller gets for each answer of the
//! service.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use skald::personal::KeyWrap;
use skald::personal::{KeyEntry, PersonKeys};
use skald::time::Timestamp;
use skald_dynamodb::DynamoDbPersonKeys;

use crate::support;
use crate::support::calls::{ERRORS, store_kind};
use crate::support::keys::{LocalWrap, person};
use crate::support::proxy::{Fate, Interceptor, always, error_body, once};
use crate::support::{Attributes, Engine, KEYS};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap()
}

thread_local! {
    /// The time of the clock, in milliseconds. Each test has a thread of its own.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

fn now() -> Timestamp {
    at(NOW.get())
}

/// Keys through a client whose requests `interceptor` changes, and their wrap.
async fn keys(
    engine: &Engine,
    interceptor: impl Interceptor,
) -> (DynamoDbPersonKeys<LocalWrap>, LocalWrap) {
    let wrap = LocalWrap::default();
    (
        DynamoDbPersonKeys::new(
            engine.intercepted_client(interceptor).await,
            KEYS,
            wrap.clone(),
            now,
        ),
        wrap,
    )
}

async fn pass(engine: &Engine) -> (DynamoDbPersonKeys<LocalWrap>, LocalWrap) {
    keys(engine, |_: &str, _: &mut Value| Fate::Pass).await
}

async fn items(engine: &Engine) -> Vec<Attributes> {
    engine.client().scan().table_name(KEYS).send().await.unwrap().items.unwrap()
}

async fn put(engine: &Engine, attributes: impl IntoIterator<Item = (&str, AttributeValue)>) {
    let item = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    engine.client().put_item().table_name(KEYS).set_item(Some(item)).send().await.unwrap();
}

fn bytes(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

#[tokio::test]
async fn a_key_is_stored_wrapped_and_an_erased_key_is_not_stored() {
    let engine = Engine::start().await;
    let (keys, wrap) = pass(&engine).await;
    keys.to_seal(&person("c-1")).await.unwrap();
    let wrapped = wrap.make(&person("c-1")).await.unwrap().1.bytes.len();

    let item = items(&engine).await.pop().unwrap();
    let key = item["key"].as_b().unwrap().as_ref();
    assert_eq!((item["pk"].as_s().unwrap().as_str(), key.len()), ("default/c-1", wrapped));
    assert_eq!((item["wrapped_by"].as_s().unwrap().as_str(), item.len()), ("local/1", 3));
    assert!(
        !key.windows(8).any(|window| window == &LocalWrap::plain(0)[..8]),
        "the plain key is stored"
    );

    keys.erase(&person("c-1"), at(1_000)).await.unwrap();
    keys.erase(&person("c-1"), at(2_000)).await.unwrap();
    let tombstone = ("erased_at".to_owned(), support::text("1970-01-01T00:00:01.000Z"));
    assert_eq!(
        items(&engine).await,
        [Attributes::from([("pk".to_owned(), support::text("default/c-1")), tombstone])]
    );
}

#[tokio::test]
async fn a_key_is_unwrapped_again_after_five_minutes() {
    const FIVE_MINUTES_MS: i64 = 5 * 60 * 1000;
    let (keys, wrap) = pass(&Engine::start().await).await;
    keys.to_seal(&person("c-1")).await.unwrap();
    for (millis, unwrapped) in [
        (0, 0),
        (FIVE_MINUTES_MS - 1, 0),
        (FIVE_MINUTES_MS, 1),
        (2 * FIVE_MINUTES_MS - 1, 1),
        (2 * FIVE_MINUTES_MS, 2),
    ] {
        NOW.set(millis);
        for _ in 0..2 {
            keys.to_open(&person("c-1")).await.unwrap();
            assert_eq!(wrap.calls(), (1, unwrapped), "after {millis} ms");
        }
    }
}

#[tokio::test]
async fn debug_output_shows_no_key() {
    let (keys, wrap) = pass(&Engine::start().await).await;
    let entry = keys.to_seal(&person("c-1")).await.unwrap();
    assert_eq!(
        format!("{keys:?} {entry:?}"),
        r#"DynamoDbPersonKeys("person-keys") Key(PersonKey(…))"#
    );
    assert_eq!(wrap.calls(), (1, 0));
}

/// Counts the requests, and records whether each read was strongly consistent.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<(String, bool)>>>);

impl Interceptor for Requests {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        self.0.lock().unwrap().push((operation.to_owned(), body["ConsistentRead"] == json!(true)));
        Fate::Pass
    }
}

#[tokio::test]
async fn a_key_is_unwrapped_once_and_the_table_is_read_each_time_strongly_consistently() {
    let engine = Engine::start().await;
    pass(&engine).await.0.to_seal(&person("c-1")).await.unwrap();
    let requests = Requests::default();
    let (keys, wrap) = keys(&engine, requests.clone()).await;
    for _ in 0..3 {
        assert!(matches!(keys.to_open(&person("c-1")).await.unwrap(), Some(KeyEntry::Key(_))));
        assert!(matches!(keys.clone().to_seal(&person("c-1")).await.unwrap(), KeyEntry::Key(_)));
    }
    assert_eq!(wrap.calls(), (0, 1));
    assert_eq!(*requests.0.lock().unwrap(), vec![("GetItem".to_owned(), true); 6]);
}

/// After a backup is restored, the key must be unwrapped again, because memory no longer has it.
#[tokio::test]
async fn an_erased_key_is_wiped_from_memory() {
    let (engine, jane) = (Engine::start().await, person("c-1"));
    let ((eraser, wrap), (other, others_wrap)) = (pass(&engine).await, pass(&engine).await);
    eraser.to_seal(&jane).await.unwrap();
    other.to_open(&jane).await.unwrap();
    let backup = items(&engine).await.pop().unwrap();
    eraser.erase(&jane, at(0)).await.unwrap();
    assert!(matches!(other.to_open(&jane).await.unwrap(), Some(KeyEntry::Erased)));
    assert_eq!((wrap.calls(), others_wrap.calls()), ((1, 0), (0, 1)));

    engine.client().put_item().table_name(KEYS).set_item(Some(backup)).send().await.unwrap();
    eraser.to_open(&jane).await.unwrap();
    other.to_open(&jane).await.unwrap();
    assert_eq!((wrap.calls(), others_wrap.calls()), ((1, 1), (0, 2)));
}

/// For example, an operator has wrapped another key. The cached key belongs to the old item.
#[tokio::test]
async fn a_key_that_was_replaced_is_unwrapped_again() {
    let engine = Engine::start().await;
    let (keys, wrap) = pass(&engine).await;
    keys.to_seal(&person("c-1")).await.unwrap();
    let (_, again) = wrap.make(&person("c-1")).await.unwrap();
    put(
        &engine,
        [
            ("pk", support::text("default/c-1")),
            ("key", bytes(&again.bytes)),
            ("wrapped_by", support::text("new")),
        ],
    )
    .await;
    for _ in 0..2 {
        assert!(matches!(keys.to_open(&person("c-1")).await.unwrap(), Some(KeyEntry::Key(_))));
    }
    assert_eq!(wrap.calls(), (2, 1));
}

#[tokio::test]
async fn a_key_stored_for_another_person_opens_nothing() {
    let engine = Engine::start().await;
    let (keys, wrap) = pass(&engine).await;
    let (_, other) = wrap.make(&person("c-2")).await.unwrap();
    put(
        &engine,
        [
            ("pk", support::text("default/c-1")),
            ("key", bytes(&other.bytes)),
            ("wrapped_by", support::text("x")),
        ],
    )
    .await;
    for error in [
        keys.to_open(&person("c-1")).await.unwrap_err(),
        keys.to_seal(&person("c-1")).await.unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "default/c-1: the person's key does not decrypt the value");
    }
}

#[tokio::test]
async fn an_item_that_is_neither_key_nor_tombstone_is_reported_and_can_be_erased() {
    let (key, by, erased) = (
        ("key", bytes(b"k")),
        ("wrapped_by", support::text("w")),
        ("erased_at", support::text("t")),
    );
    for (fault, attributes) in [
        ("the item has neither `key` nor `erased_at`", vec![]),
        ("the item has both `key` and `erased_at`", vec![key.clone(), by.clone(), erased.clone()]),
        ("`key` or `wrapped_by` is missing or invalid", vec![key.clone()]),
        ("`key` or `wrapped_by` is missing or invalid", vec![by.clone()]),
        (
            "`key` or `wrapped_by` is missing or invalid",
            vec![("key", support::text("k")), by.clone()],
        ),
        (
            "`key` or `wrapped_by` is missing or invalid",
            vec![key.clone(), ("wrapped_by", bytes(b"w"))],
        ),
        ("`erased_at` is invalid, or is not the only attribute", vec![by.clone(), erased.clone()]),
        (
            "`erased_at` is invalid, or is not the only attribute",
            vec![("erased_at", support::number(1))],
        ),
    ] {
        let engine = Engine::start().await;
        let keys = pass(&engine).await.0;
        put(&engine, attributes.iter().cloned().chain([("pk", support::text("default/c-1"))]))
            .await;
        for error in [
            keys.to_open(&person("c-1")).await.unwrap_err(),
            keys.to_seal(&person("c-1")).await.unwrap_err(),
        ] {
            assert_eq!(
                error.to_string(),
                format!("default/c-1: the item at 0 is malformed: {fault}")
            );
            assert!(!error.is_transient());
        }
        keys.erase(&person("c-1"), at(0)).await.unwrap();
        let item = items(&engine).await.pop().unwrap();
        assert!(!item.contains_key("key"), "{fault}: the key survived");
        assert!(
            matches!(keys.to_open(&person("c-1")).await.unwrap(), Some(KeyEntry::Erased)),
            "{fault}: {item:?}"
        );
    }
}

#[tokio::test]
async fn each_error_of_the_service_is_classified_in_every_operation() {
    let (engine, jane) = (Engine::start().await, person("c-1"));
    for (code, status, expected) in ERRORS {
        let get = keys(&engine, always("GetItem", *status, error_body(code))).await.0;
        assert_eq!(store_kind(&get.to_open(&jane).await.unwrap_err()), *expected, "{code}");
        assert_eq!(store_kind(&get.to_seal(&jane).await.unwrap_err()), *expected, "{code}");
        let put = keys(&engine, always("PutItem", *status, error_body(code))).await.0;
        assert_eq!(store_kind(&put.to_seal(&jane).await.unwrap_err()), *expected, "{code}");
        assert_eq!(store_kind(&put.erase(&jane, at(0)).await.unwrap_err()), *expected, "{code}");
    }
    assert!(items(&engine).await.is_empty());
}

#[tokio::test]
async fn a_key_whose_answer_is_lost_is_found_by_the_next_attempt() {
    let engine = Engine::start().await;
    let (keys, wrap) = keys(&engine, once("PutItem", || Fate::LoseAnswer)).await;
    assert_eq!(store_kind(&keys.to_seal(&person("c-1")).await.unwrap_err()), "unavailable");
    assert!(matches!(keys.to_seal(&person("c-1")).await.unwrap(), KeyEntry::Key(_)));
    assert_eq!((wrap.calls(), items(&engine).await.len()), ((1, 0), 1));
}

#[tokio::test]
async fn a_client_that_tries_again_by_itself_makes_one_key() {
    let engine = Engine::start().await;
    let (client, wrap) =
        (engine.patient_client(once("PutItem", || Fate::LoseAnswer)).await, LocalWrap::default());
    let keys = DynamoDbPersonKeys::new(client, KEYS, wrap.clone(), now);
    assert!(matches!(keys.to_seal(&person("c-1")).await.unwrap(), KeyEntry::Key(_)));
    assert_eq!(wrap.calls(), (1, 0), "the person has one key");
}

#[tokio::test]
async fn an_erasure_takes_effect_although_its_answer_is_lost() {
    let engine = Engine::start().await;
    let keys = keys(&engine, once("PutItem", || Fate::LoseAnswer)).await.0;
    assert_eq!(store_kind(&keys.erase(&person("c-1"), at(0)).await.unwrap_err()), "unavailable");
    assert!(matches!(keys.to_open(&person("c-1")).await.unwrap(), Some(KeyEntry::Erased)));
    keys.erase(&person("c-1"), at(9)).await.unwrap();
    assert_eq!(items(&engine).await[0]["erased_at"], support::text("1970-01-01T00:00:00.000Z"));
}

/// Only something other than the store can delete the item. The call makes no second key, and the
/// next call succeeds.
#[tokio::test]
async fn an_item_that_is_deleted_after_a_failed_put_makes_the_call_unavailable() {
    let puts = AtomicU32::new(0);
    let gone = move |operation: &str, _: &mut Value| match operation {
        "PutItem" if puts.fetch_add(1, Ordering::Relaxed) == 0 => {
            Fate::Answer(400, error_body("ConditionalCheckFailedException"))
        }
        _ => Fate::Pass,
    };
    let keys = keys(&Engine::start().await, gone).await.0;
    let error = keys.to_seal(&person("c-1")).await.unwrap_err();
    assert_eq!(store_kind(&error), "unavailable");
    assert!(matches!(keys.to_seal(&person("c-1")).await.unwrap(), KeyEntry::Key(_)));
}
