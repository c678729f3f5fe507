//! Collects what the kit [reports](skald::observe), for tests to compare.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use skald::observe::TARGET;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber};

/// A report, as it was received.
///
/// # Examples
///
/// ```
/// use skald::observe::CONFLICT;
/// use skald_testkit::reports::Report;
/// use tracing::Level;
///
/// let report = Report::new(CONFLICT, Level::DEBUG, [("stream", "default/book-moby-dick")]);
/// assert_eq!(report.fields["stream"], "default/book-moby-dick");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name, such as [`CONFLICT`](skald::observe::CONFLICT).
    pub name: &'static str,
    /// Its level.
    pub level: Level,
    /// Its fields as text, without the message.
    pub fields: BTreeMap<&'static str, String>,
}

impl Report {
    /// The report of this name and level with these fields.
    #[must_use]
    pub fn new<const N: usize>(
        name: &'static str,
        level: Level,
        fields: [(&'static str, &str); N],
    ) -> Self {
        let fields = fields.into_iter().map(|(field, value)| (field, value.to_owned())).collect();
        Self { name, level, fields }
    }
}

/// Collects the reports of one thread, from [`receive`](Self::receive) until it is dropped.
///
/// All tests of a binary that compares reports should receive them: `tracing` caches for each call
/// site whether it is enabled, and only the first thread that reaches it decides.
///
/// # Examples
///
/// ```
/// use skald::handle::Handler;
/// use skald::memory::InMemoryEventStore;
/// use skald::observe::CONTENTION;
/// use skald_testkit::NoPause;
/// use skald_testkit::faulty::{Fault, Faulty, Plan};
/// use skald_testkit::reports::{Report, Reports};
/// use skald_testkit::sample::{Account, AccountCommand, account};
/// use tracing::Level;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use skald::prelude::*;
/// # let id = CommitId::of(uuid::Uuid::nil(), "deposit");
/// # let request = Request::new(id, Timestamp::EPOCH, "example", Actor::new("c-1")?);
/// let reports = Reports::receive();
/// let store = InMemoryEventStore::default();
/// let contended = Faulty::new(&store, Plan::script([Some(Fault::Contended)]));
/// let deposit = AccountCommand::Deposit(5);
/// Handler::new(&contended, NoPause).handle::<Account>(&account("1"), &deposit, &request).await?;
///
/// let expected = Report::new(CONTENTION, Level::DEBUG, [("streams", "default/account-1")]);
/// assert_eq!(reports.take_named(CONTENTION), [expected]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reports {
    received: Arc<Mutex<Vec<Report>>>,
    _guard: DefaultGuard,
}

impl Reports {
    /// Starts to collect what this thread reports.
    #[must_use]
    pub fn receive() -> Self {
        let received = Arc::default();
        let receiver = Receiver(Arc::clone(&received));
        Self { received, _guard: tracing::subscriber::set_default(receiver) }
    }

    /// The reports since the last call, in order.
    pub fn take(&self) -> Vec<Report> {
        std::mem::take(&mut self.received.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The reports of this name since the last call of `take` or `take_named`. Drops the others.
    pub fn take_named(&self, name: &str) -> Vec<Report> {
        let mut reports = self.take();
        reports.retain(|report| report.name == name);
        reports
    }
}

struct Receiver(Arc<Mutex<Vec<Report>>>);

impl Subscriber for Receiver {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == TARGET
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(BTreeMap::new());
        event.record(&mut fields);
        let (name, level) = (event.metadata().name(), *event.metadata().level());
        let report = Report { name, level, fields: fields.0 };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(report);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Fields(BTreeMap<&'static str, String>);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() != "message" {
            self.0.insert(field.name(), format!("{value:?}"));
        }
    }
}
