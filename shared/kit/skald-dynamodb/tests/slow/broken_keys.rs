//! The contract detects broken keys. The store is broken from outside: a proxy changes its requests
//! and the service's answers, or the key wrap is faulty.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skald::personal::{KeyWrap, WrappedKey};
use skald::personal::{Person, PersonKey};
use skald::store::StoreError;
use skald_testkit::person_keys;

use crate::support::broken::{
    AlwaysSucceeds, ConflictWithoutItem, NoCondition, PassThrough, broken_rules,
};
use crate::support::keys::{Keys, LocalWrap};
use crate::support::proxy::{Fate, Interceptor};

/// Writes no tombstone, and reports success.
#[derive(Clone)]
struct NoTombstone;

impl Interceptor for NoTombstone {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        let tombstone = operation == "PutItem" && body["Item"]["erased_at"].is_object();
        if tombstone { Fate::Answer(200, json!({})) } else { Fate::Pass }
    }
}

/// Omits tombstones from answers, as if an erasure had removed the item.
#[derive(Clone)]
struct HiddenTombstone;

impl Interceptor for HiddenTombstone {
    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation == "GetItem" && body["Item"]["erased_at"].is_object() {
            body.as_object_mut().unwrap().remove("Item");
        }
    }
}

/// Always returns the first state of each item, as a cache of whole entries would.
#[derive(Clone, Default)]
struct RemembersEntries(Arc<Mutex<HashMap<String, Value>>>);

impl Interceptor for RemembersEntries {
    fn request(&self, operation: &str, body: &mut Value) -> Fate {
        let known = self.0.lock().unwrap().get(&body["Key"].to_string()).cloned();
        match known.filter(|_| operation == "GetItem") {
            Some(item) => Fate::Answer(200, json!({ "Item": item })),
            None => Fate::Pass,
        }
    }

    fn answer(&self, operation: &str, _: &mut u16, body: &mut Value) {
        if operation == "GetItem" && body["Item"].is_object() {
            let place = json!({ "pk": body["Item"]["pk"] }).to_string();
            self.0.lock().unwrap().insert(place, body["Item"].clone());
        }
    }
}

/// Treats names that differ only in case as equal.
#[derive(Clone)]
struct IgnoresCase;

impl Interceptor for IgnoresCase {
    fn request(&self, _: &str, body: &mut Value) -> Fate {
        for place in ["Key", "Item"] {
            if let Some(key) = body[place]["pk"]["S"].as_str().map(str::to_lowercase) {
                body[place]["pk"]["S"] = json!(key);
            }
        }
        Fate::Pass
    }
}

/// Has one key for all persons, and does not check whose key it unwraps.
#[derive(Clone)]
struct SameKeyForAll;

impl KeyWrap for SameKeyForAll {
    async fn make(&self, _: &Person) -> Result<(PersonKey, WrappedKey), StoreError> {
        Ok((PersonKey::new([7; 32]), WrappedKey { by: "shared".to_owned(), bytes: vec![7] }))
    }

    async fn unwrap_key(&self, _: &Person, _: &WrappedKey) -> Result<PersonKey, StoreError> {
        Ok(PersonKey::new([7; 32]))
    }
}

/// Unwraps to a different key than the one it wrapped.
#[derive(Clone, Default)]
struct UnwrapsToAnotherKey(LocalWrap);

impl KeyWrap for UnwrapsToAnotherKey {
    async fn make(&self, person: &Person) -> Result<(PersonKey, WrappedKey), StoreError> {
        self.0.make(person).await
    }

    async fn unwrap_key(&self, _: &Person, _: &WrappedKey) -> Result<PersonKey, StoreError> {
        Ok(PersonKey::new([7; 32]))
    }
}

/// The names of the rules that keys behind this interceptor break.
async fn broken(interceptor: impl Interceptor + Clone) -> Vec<&'static str> {
    broken_rules(person_keys::every_store(), || Keys::intercepted(interceptor.clone())).await
}

/// The names of the rules that keys with this wrap break.
async fn broken_by(wrap: impl KeyWrap + Clone + Send) -> Vec<&'static str> {
    broken_rules(person_keys::every_store(), || Keys::wrapped_by(wrap.clone())).await
}

/// The rules about erasure.
const ERASURE_RULES: &[&str] = &[
    "an_erased_person_has_no_key",
    "a_person_erased_before_their_first_key_never_gets_one",
    "erasing_again_changes_nothing",
    "a_cached_key_is_gone_as_soon_as_it_is_erased",
    "erasing_while_the_first_key_is_made_is_permanent",
    "an_erased_key_never_comes_back",
    "sealed_values_of_an_erased_person_open_as_erased",
];

#[tokio::test]
async fn a_proxy_alone_breaks_nothing() {
    assert_eq!(broken(PassThrough).await, [""; 0]);
}

/// This is not a fault: the service need not return the item that prevented a write.
#[tokio::test]
async fn an_item_that_a_failed_condition_does_not_return_is_read() {
    assert_eq!(broken(ConflictWithoutItem).await, [""; 0]);
}

#[tokio::test]
async fn keys_without_their_condition_are_detected() {
    let expected = [
        "eight_concurrent_callers_get_the_same_first_key",
        "erasing_while_the_first_key_is_made_is_permanent",
    ];
    assert_eq!(broken(NoCondition).await, expected);
}

#[tokio::test]
async fn keys_that_treat_a_failed_condition_as_success_are_detected() {
    let expected = [
        "eight_concurrent_callers_get_the_same_first_key",
        "erasing_while_the_first_key_is_made_is_permanent",
    ];
    assert_eq!(broken(AlwaysSucceeds).await, expected);
}

#[tokio::test]
async fn keys_that_leave_no_tombstone_are_detected() {
    assert_eq!(broken(NoTombstone).await, ERASURE_RULES);
}

#[tokio::test]
async fn keys_whose_tombstones_are_not_read_are_detected() {
    assert_eq!(broken(HiddenTombstone).await, ERASURE_RULES);
}

#[tokio::test]
async fn keys_that_are_cached_without_reading_the_table_are_detected() {
    let found = broken(RemembersEntries::default()).await;
    assert!(found.contains(&"a_cached_key_is_gone_as_soon_as_it_is_erased"), "{found:?}");
}

#[tokio::test]
async fn keys_that_ignore_the_case_of_names_are_detected() {
    let expected =
        ["every_person_has_a_key_of_their_own", "erasing_one_person_keeps_the_keys_of_others"];
    assert_eq!(broken(IgnoresCase).await, expected);
}

#[tokio::test]
async fn one_key_for_all_persons_is_detected() {
    assert_eq!(broken_by(SameKeyForAll).await, ["every_person_has_a_key_of_their_own"]);
}

#[tokio::test]
async fn unwrapping_to_another_key_is_detected() {
    let found = broken_by(UnwrapsToAnotherKey::default()).await;
    assert!(found.contains(&"a_key_stays_the_same"), "{found:?}");
    assert!(found.contains(&"a_value_sealed_by_one_process_opens_in_another"), "{found:?}");
}
