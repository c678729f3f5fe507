//! The store, the keys, the gateway and the carrier of a world: each call yields before it returns
//! its answer.

use ordering::ports::{
    Carrier, CarrierCall, Disclosing, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway,
    PortError,
};
use ordering::streams;
use skald::commit::Draft;
use skald::implementing::Page;
use skald::memory::InMemoryHead;
use skald::personal::{KeyEntry, Person, PersonKeys};
use skald::reading::ReadFrom;
use skald::snapshot::SnapshotKind;
use skald::store::{AppendError, Appended, EventStore, Loaded, StoreError};
use skald::stream::StreamId;
use skald::time::Timestamp;
use skald_testkit::yield_now;

use super::{World, tenant};

impl EventStore for World {
    type Head = InMemoryHead;

    fn start(&self, stream: StreamId) -> InMemoryHead {
        self.store.start(stream)
    }

    async fn page(
        &self,
        stream: &StreamId,
        from: ReadFrom,
        limit: u32,
    ) -> Result<Page, StoreError> {
        let page = self.store.page(stream, from, limit).await;
        yield_now().await;
        page
    }

    async fn load(
        &self,
        stream: &StreamId,
        snapshots: Option<SnapshotKind>,
    ) -> Result<Loaded<InMemoryHead>, StoreError> {
        if self.staggered {
            for _ in 0..streams::stock_of(stream).map_or(0, |(_, shard)| shard) {
                yield_now().await;
            }
        }
        let loaded = self.store.load(stream, snapshots).await;
        yield_now().await;
        loaded
    }

    async fn load_after(&self, head: &InMemoryHead) -> Result<Loaded<InMemoryHead>, StoreError> {
        self.store.load_after(head).await
    }

    async fn append(
        &self,
        head: &InMemoryHead,
        draft: Draft,
    ) -> Result<Appended<InMemoryHead>, AppendError<InMemoryHead>> {
        let mut appended = self.append_all(vec![(head.clone(), draft)]).await?;
        Ok(appended.remove(0))
    }

    async fn append_guarded(
        &self,
        parts: Vec<(InMemoryHead, Draft)>,
        guards: Vec<InMemoryHead>,
    ) -> Result<Vec<Appended<InMemoryHead>>, AppendError<InMemoryHead>> {
        if self.contended && !guards.is_empty() {
            yield_now().await;
            return Err(AppendError::Contended);
        }
        let appended = self.store.append_guarded(parts.clone(), guards).await;
        let written =
            appended.iter().flatten().zip(&parts).filter(|(appended, _)| !appended.repeated);
        let names = written
            .flat_map(|(_, (_, draft))| draft.events.iter().map(|event| event.event_type.clone()));
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            self.log.lock().unwrap().push(names);
        }
        yield_now().await;
        appended
    }
}

impl Gateway for World {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        Gateway::ask(&Disclosing::new(Outside(self), Keys(self), tenant()), call).await
    }
}

impl Carrier for World {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        Carrier::ask(&Disclosing::new(Outside(self), Keys(self), tenant()), call).await
    }
}

/// The store of keys is remote: between reading a key and using it, anything can happen.
struct Keys<'a>(&'a World);

impl PersonKeys for Keys<'_> {
    async fn to_seal(&self, person: &Person) -> Result<KeyEntry, StoreError> {
        let key = self.0.keys.to_seal(person).await;
        yield_now().await;
        key
    }

    async fn to_open(&self, person: &Person) -> Result<Option<KeyEntry>, StoreError> {
        let key = self.0.keys.to_open(person).await;
        yield_now().await;
        key
    }

    async fn erase(&self, person: &Person, at: Timestamp) -> Result<(), StoreError> {
        self.0.keys.erase(person, at).await
    }
}

/// The gateway and the carrier themselves. They receive the sealed values.
struct Outside<'a>(&'a World);

impl Gateway for Outside<'_> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        let Self(world) = self;
        let unknown = !world.gateway.entries().contains_key(call.key());
        let forgets = world.forgetful && unknown && matches!(call, GatewayCall::Void { .. });
        let answer = if forgets {
            Ok(PaymentAtGateway::Voided)
        } else {
            Gateway::ask(&world.gateway, call).await
        };
        yield_now().await;
        answer
    }
}

impl Carrier for Outside<'_> {
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        let Self(world) = self;
        let unknown = !world.carrier.entries().contains_key(call.key());
        let forgets = world.forgetful && unknown && matches!(call, CarrierCall::Cancel { .. });
        let answer = if forgets {
            Ok(ParcelAtCarrier::Cancelled)
        } else {
            Carrier::ask(&world.carrier, call).await
        };
        yield_now().await;
        answer
    }
}
