//! The behaviour of the sandboxes, with each case run against both: the one with its ledger in
//! memory, and the one that is deployed.

use std::sync::Mutex;

use events::{Address, AttemptKey, AuthorizationId, ParcelId};
use futures_util::FutureExt;
use ordering::ports::{
    Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};
use ordering::sandbox::memory::{CarrierLedger, GatewayLedger};
use ordering::sandbox::{CarrierEntry, GatewayEntry, StoredSandbox, ask_carrier, ask_gateway};
use serde::de::DeserializeOwned;
use serde_json::json;
use skald::memory::InMemoryViewStore;
use skald::personal::Personal;
use skald::store::StoreError;
use skald::stream::{StreamId, Tenant, Version};
use skald::view::{ListEntry, ListPage, Put, Rows, ViewRow, ViewStore};

use crate::samples::{eur, order_id, personal, request, with};

/// The gateway's answer as one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GatewayAnswer {
    Absent,
    Declined,
    Authorized,
    Captured,
    Voided,
    Refunded,
    NoAnswer,
    Rejected,
}

use GatewayAnswer::{Absent, Authorized, Captured, Declined, NoAnswer, Refunded, Rejected, Voided};

fn key() -> AttemptKey {
    AttemptKey::payment(order_id())
}

fn authorize(token: &str) -> GatewayCall {
    GatewayCall::Authorize { key: key(), token: personal(token.to_owned()), amount: eur(7997) }
}

fn find() -> GatewayCall {
    GatewayCall::Find { key: key() }
}

fn capture() -> GatewayCall {
    GatewayCall::Capture { key: key() }
}

fn void() -> GatewayCall {
    GatewayCall::Void { key: key() }
}

fn refund() -> GatewayCall {
    GatewayCall::Refund { key: key() }
}

/// The result of a call to something in memory, which never waits.
fn finished<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("a call in memory never waits")
}

/// The entry under the key in the table of a deployed sandbox.
fn stored<E: DeserializeOwned>(table: &InMemoryViewStore) -> Option<E> {
    let place = StreamId::new(&Tenant::default(), "ledger", key().as_str()).unwrap();
    let row = finished(table.get(&place)).unwrap()?;
    row.decode(&place).unwrap()
}

/// The answers to these calls in turn, and the final entry of the ledger. Both sandboxes must
/// agree.
#[track_caller]
fn answers_of(calls: &[GatewayCall]) -> (Vec<GatewayAnswer>, Option<GatewayEntry>) {
    let (ledger, table) = (GatewayLedger::default(), InMemoryViewStore::default());
    let in_memory = calls.iter().map(|call| answered(&ledger, call)).collect();
    let in_memory = (in_memory, ledger.entries().remove(&key()));
    let sandbox = StoredSandbox::new(table.clone(), Tenant::default());
    let deployed = calls.iter().map(|call| answered(&sandbox, call)).collect();
    assert_eq!(
        (deployed, stored(&table)),
        in_memory,
        "the deployed sandbox differs from the one in memory: {calls:?}"
    );
    in_memory
}

fn answered(gateway: &impl Gateway, call: &GatewayCall) -> GatewayAnswer {
    match finished(gateway.ask(call)) {
        Ok(PaymentAtGateway::Absent) => Absent,
        Ok(PaymentAtGateway::Declined { .. }) => Declined,
        Ok(PaymentAtGateway::Authorized { .. }) => Authorized,
        Ok(PaymentAtGateway::Captured) => Captured,
        Ok(PaymentAtGateway::Voided) => Voided,
        Ok(PaymentAtGateway::Refunded) => Refunded,
        Err(PortError::NoAnswer(_)) => NoAnswer,
        Err(PortError::Refused(_) | PortError::PersonErased) => Rejected,
    }
}

#[track_caller]
fn check(calls: &[GatewayCall], expected: &[GatewayAnswer]) {
    assert_eq!(answers_of(calls).0, expected, "{calls:?}");
}

#[test]
fn an_approved_payment_is_authorized_and_captured_and_refunded_once_each() {
    let calls = ["tok_approved"; 2].map(authorize);
    check(&calls, &[Authorized, Authorized]);
    check(&[find(), authorize("tok_approved"), find()], &[Absent, Authorized, Authorized]);
    let (answers, entry) = answers_of(&[authorize("tok_approved"), capture(), capture(), find()]);
    assert_eq!(answers, [Authorized, Captured, Captured, Captured]);
    assert_eq!(
        entry.map(|entry| (entry.captured(), entry.open(), entry.calls)),
        Some((Some(eur(7997)), None, 2))
    );
    check(
        &[authorize("tok_approved"), capture(), refund(), refund()],
        &[Authorized, Captured, Refunded, Refunded],
    );
}

#[test]
fn the_ledger_lists_what_is_held_and_captured() {
    let (_, entry) = answers_of(&[authorize("tok_approved")]);
    assert_eq!(entry.map(|entry| (entry.open(), entry.captured())), Some((Some(eur(7997)), None)));
    let (_, entry) = answers_of(&[authorize("tok_approved"), void()]);
    assert_eq!(entry.map(|entry| (entry.open(), entry.captured())), Some((None, None)));
}

#[test]
fn a_declined_payment_stays_declined_and_an_unknown_token_is_declined() {
    for token in ["tok_declined", "tok_insufficient_funds", "tok_unknown"] {
        let calls = [authorize(token), authorize(token), void(), capture(), find()];
        check(&calls, &[Declined; 5]);
    }
}

/// The saga relies on this: see [`ordering::ports`].
#[test]
fn a_voided_key_stays_closed_for_late_calls() {
    check(&[void(), authorize("tok_approved"), capture(), find()], &[Voided; 4]);
    let calls = [authorize("tok_approved"), void(), void(), authorize("tok_approved"), capture()];
    check(&calls, &[Authorized, Voided, Voided, Voided, Voided]);
    check(
        &[authorize("tok_timeout_once"), void(), authorize("tok_timeout_once")],
        &[NoAnswer, Voided, Voided],
    );
}

/// A table in which another call is faster once: that call is made right before a row is written.
struct OvertakenTable {
    table: InMemoryViewStore,
    by: Mutex<Option<GatewayCall>>,
}

impl ViewStore for OvertakenTable {
    async fn get(&self, stream: &StreamId) -> Result<Option<ViewRow>, StoreError> {
        self.table.get(stream).await
    }

    async fn get_many(&self, streams: &[StreamId]) -> Result<Rows, StoreError> {
        self.table.get_many(streams).await
    }

    async fn put(
        &self,
        stream: &StreamId,
        expected: Version,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        let by = self.by.lock().unwrap().take();
        if let Some(call) = by {
            Gateway::ask(&StoredSandbox::new(self.table.clone(), Tenant::default()), &call)
                .await
                .unwrap();
        }
        self.table.put(stream, expected, row).await
    }

    async fn put_over_parked(
        &self,
        stream: &StreamId,
        parked: &ViewRow,
        row: &ViewRow,
    ) -> Result<Put, StoreError> {
        self.table.put_over_parked(stream, parked, row).await
    }

    async fn list(
        &self,
        group: &str,
        before: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.table.list(group, before, limit).await
    }

    async fn worklist(
        &self,
        group: &str,
        after: Option<&ListEntry>,
        limit: u32,
    ) -> Result<ListPage, StoreError> {
        self.table.worklist(group, after, limit).await
    }
}

#[test]
fn a_call_that_loses_a_race_returns_the_entry_of_the_faster_call() {
    for (faster, overtaken) in [(void(), Voided), (authorize("tok_approved"), Authorized)] {
        let table =
            OvertakenTable { table: InMemoryViewStore::default(), by: Some(faster.clone()).into() };
        let answer =
            answered(&StoredSandbox::new(table, Tenant::default()), &authorize("tok_approved"));
        assert_eq!(answer, overtaken, "authorized after {faster:?}");
    }
}

#[test]
fn captured_money_is_not_voided_and_money_not_captured_is_not_refunded() {
    check(&[authorize("tok_approved"), capture(), void()], &[Authorized, Captured, Captured]);
    check(&[authorize("tok_approved"), refund(), capture()], &[Authorized, Authorized, Captured]);
    check(&[capture(), refund()], &[Absent, Absent]);
}

#[test]
fn a_call_that_times_out_once_had_no_effect() {
    check(
        &[authorize("tok_timeout_once"), find(), authorize("tok_timeout_once"), capture()],
        &[NoAnswer, Absent, Authorized, Captured],
    );
}

#[test]
fn a_call_that_always_times_out_never_has_an_effect() {
    let (answers, entry) = answers_of(&[
        authorize("tok_timeout_always"),
        find(),
        authorize("tok_timeout_always"),
        void(),
        capture(),
    ]);
    assert_eq!(answers, [NoAnswer; 5]);
    assert_eq!(entry.map(|entry| (entry.open(), entry.captured())), Some((None, None)));
}

#[test]
fn the_effect_of_a_call_without_an_answer_can_be_found() {
    check(
        &[
            authorize("tok_timeout_but_authorized"),
            find(),
            authorize("tok_timeout_but_authorized"),
            capture(),
        ],
        &[NoAnswer, Authorized, Authorized, Captured],
    );
    check(
        &[authorize("tok_timeout_but_captured"), capture(), find(), capture()],
        &[Authorized, NoAnswer, Captured, Captured],
    );
}

#[test]
fn a_failing_capture_is_always_refused_and_the_money_stays_held() {
    let (answers, entry) =
        answers_of(&[authorize("tok_capture_fails"), capture(), capture(), find()]);
    assert_eq!(answers, [Authorized, Rejected, Rejected, Authorized]);
    assert_eq!(entry.and_then(|entry| entry.open()), Some(eur(7997)));
    check(&[authorize("tok_capture_fails"), void()], &[Authorized, Voided]);
}

#[test]
fn a_key_identifies_one_payment() {
    let other = GatewayCall::Authorize {
        key: key(),
        token: personal("tok_approved".into()),
        amount: eur(1),
    };
    check(&[authorize("tok_approved"), other], &[Authorized, Rejected]);
    check(&[authorize("tok_approved"), authorize("tok_declined")], &[Authorized, Rejected]);
}

#[test]
fn the_longest_key_has_an_authorization_and_a_parcel() {
    let key = AttemptKey::new("k".repeat(255)).unwrap();
    let call = GatewayCall::Authorize {
        key: key.clone(),
        token: personal("tok_approved".into()),
        amount: eur(1),
    };
    let authorization = AuthorizationId::new(format!("auth_{}", "k".repeat(250))).unwrap();
    assert_eq!(ask_gateway(None, &call).1, Ok(PaymentAtGateway::Authorized { authorization }));
    let parcel = ParcelId::new(format!("parcel_{}", "k".repeat(240))).unwrap();
    let call = CarrierCall::Create { key, address: address("10115") };
    assert_eq!(ask_carrier(None, &call).1, Ok(ParcelAtCarrier::Created { parcel }));
}

fn address(postal_code: &str) -> Personal<Address> {
    request(&with("/shipping_address/postal_code", json!(postal_code))).shipping_address().clone()
}

fn create(postal_code: &str) -> CarrierCall {
    CarrierCall::Create { key: key(), address: address(postal_code) }
}

fn find_parcel() -> CarrierCall {
    CarrierCall::Find { key: key() }
}

fn cancel() -> CarrierCall {
    CarrierCall::Cancel { key: key() }
}

/// The carrier's answers to these calls, as one word each, and whether it finally has a parcel.
/// Both sandboxes must agree.
#[track_caller]
fn carrier_answers(calls: &[CarrierCall]) -> (Vec<&'static str>, bool) {
    let (ledger, table) = (CarrierLedger::default(), InMemoryViewStore::default());
    let in_memory: Vec<_> = calls.iter().map(|call| answer(&ledger, call)).collect();
    let entry = ledger.entries().remove(&key());
    let sandbox = StoredSandbox::new(table.clone(), Tenant::default());
    let deployed: Vec<_> = calls.iter().map(|call| answer(&sandbox, call)).collect();
    assert_eq!((&deployed, stored(&table)), (&in_memory, entry.clone()), "{calls:?}");
    (in_memory, entry.as_ref().is_some_and(CarrierEntry::has_parcel))
}

fn answer(carrier: &impl Carrier, call: &CarrierCall) -> &'static str {
    match finished(carrier.ask(call)) {
        Ok(ParcelAtCarrier::Absent) => "absent",
        Ok(ParcelAtCarrier::Refused { .. }) => "refused",
        Ok(ParcelAtCarrier::Created { .. }) => "created",
        Ok(ParcelAtCarrier::Cancelled) => "cancelled",
        Err(PortError::NoAnswer(_)) => "no answer",
        Err(PortError::Refused(_) | PortError::PersonErased) => "rejected",
    }
}

#[test]
fn the_carrier_takes_and_cancels_a_parcel_once() {
    assert_eq!(
        carrier_answers(&[find_parcel(), create("10115"), create("10115")]),
        (vec!["absent", "created", "created"], true)
    );
    assert_eq!(
        carrier_answers(&[create("10115"), cancel(), find_parcel()]),
        (vec!["created", "cancelled", "cancelled"], false)
    );
}

#[test]
fn a_cancelled_parcel_is_not_taken_by_a_late_call() {
    let (answers, parcel) = carrier_answers(&[cancel(), create("10115"), cancel(), find_parcel()]);
    assert_eq!((answers, parcel), (vec!["cancelled"; 4], false));
}

#[test]
fn the_carrier_refuses_one_postal_code_and_does_not_answer_for_another() {
    let (answers, parcel) = carrier_answers(&[create("00000"), create("00000"), cancel()]);
    assert_eq!((answers, parcel), (vec!["refused"; 3], false));
    let (answers, parcel) =
        carrier_answers(&[create("99999"), find_parcel(), create("99999"), cancel()]);
    assert_eq!((answers, parcel), (vec!["no answer"; 4], false));
}
