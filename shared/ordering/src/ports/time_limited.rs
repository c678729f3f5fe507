//! A gateway or carrier with a time limit on every call.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::{
    Carrier, CarrierCall, Gateway, GatewayCall, ParcelAtCarrier, PaymentAtGateway, PortError,
};

/// A gateway or carrier that answers within a time limit: a call that takes longer fails with
/// [`PortError::NoAnswer`]. It may have taken effect, which the step finds out when it is retried.
#[derive(Debug, Clone)]
pub struct TimeLimited<P, S> {
    port: P,
    limit: Duration,
    sleep: S,
}

impl<P, S, F> TimeLimited<P, S>
where
    S: Fn(Duration) -> F + Sync,
    F: Future<Output = ()> + Send,
{
    /// Limits each call to `limit`. `sleep` waits that long, such as `tokio::time::sleep`.
    pub const fn new(port: P, limit: Duration, sleep: S) -> Self {
        Self { port, limit, sleep }
    }

    async fn within<A>(
        &self,
        name: &str,
        answer: impl Future<Output = Result<A, PortError>> + Send,
    ) -> Result<A, PortError> {
        match select(pin!(answer), pin!((self.sleep)(self.limit))).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), _)) => Err(PortError::NoAnswer(format!(
                "{name} did not answer within {} ms",
                self.limit.as_millis()
            ))),
        }
    }
}

impl<G, S, F> Gateway for TimeLimited<G, S>
where
    G: Gateway,
    S: Fn(Duration) -> F + Sync,
    F: Future<Output = ()> + Send,
{
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        self.within("the gateway", self.port.ask(call)).await
    }
}

impl<C, S, F> Carrier for TimeLimited<C, S>
where
    C: Carrier,
    S: Fn(Duration) -> F + Sync,
    F: Future<Output = ()> + Send,
{
    async fn ask(&self, call: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
        self.within("the carrier", self.port.ask(call)).await
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Pending, pending, ready};
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use events::AttemptKey;

    use super::*;

    const LIMIT: Duration = Duration::from_millis(2500);

    fn key() -> AttemptKey {
        AttemptKey::payment("8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap())
    }

    /// Never answers.
    struct Silent;

    impl Gateway for Silent {
        async fn ask(&self, _: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
            pending().await
        }
    }

    impl Carrier for Silent {
        async fn ask(&self, _: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
            pending().await
        }
    }

    /// Answers at once.
    struct Prompt;

    impl Gateway for Prompt {
        async fn ask(&self, _: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
            Ok(PaymentAtGateway::Absent)
        }
    }

    impl Carrier for Prompt {
        async fn ask(&self, _: &CarrierCall) -> Result<ParcelAtCarrier, PortError> {
            Ok(ParcelAtCarrier::Absent)
        }
    }

    /// The result of a future that is ready when it is polled once.
    fn now<T>(future: impl Future<Output = T>) -> T {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("the future is still waiting"),
        }
    }

    fn late(name: &str) -> PortError {
        PortError::NoAnswer(format!("{name} did not answer within 2500 ms"))
    }

    #[test]
    fn a_call_without_an_answer_fails_after_the_limit_and_not_before() {
        let slept = Mutex::new(Vec::new());
        let sleep = |limit| {
            slept.lock().unwrap().push(limit);
            ready(())
        };
        let silent = TimeLimited::new(Silent, LIMIT, sleep);
        let gateway = now(Gateway::ask(&silent, &GatewayCall::Find { key: key() }));
        assert_eq!(gateway, Err(late("the gateway")));
        let carrier = now(Carrier::ask(&silent, &CarrierCall::Find { key: key() }));
        assert_eq!(carrier, Err(late("the carrier")));
        assert_eq!(*slept.lock().unwrap(), [LIMIT; 2]);
    }

    #[test]
    fn a_call_that_is_answered_in_time_gives_the_answer() {
        let never = |_| -> Pending<()> { pending() };
        let prompt = TimeLimited::new(Prompt, LIMIT, never);
        let gateway = now(Gateway::ask(&prompt, &GatewayCall::Find { key: key() }));
        assert_eq!(gateway, Ok(PaymentAtGateway::Absent));
        let carrier = now(Carrier::ask(&prompt, &CarrierCall::Find { key: key() }));
        assert_eq!(carrier, Ok(ParcelAtCarrier::Absent));
    }
}
