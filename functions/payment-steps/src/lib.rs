//! What the steps of a payment need beside the sandbox or a provider: a gateway that does not let
//! them wait.

use ordering::ports::{Gateway, GatewayCall, PaymentAtGateway, PortError};
use ordering::saga::ORDER_SAGA;
use tokio::time::timeout;

/// A gateway with the saga's time limit on every call. The call that took longer may have had its
/// effect: the step finds out when it is taken again.
#[derive(Debug, Clone)]
pub struct TimeLimited<G>(pub G);

impl<G: Gateway> Gateway for TimeLimited<G> {
    async fn ask(&self, call: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
        let answer = timeout(ORDER_SAGA.limits.call(), self.0.ask(call)).await;
        answer.unwrap_or_else(|_| Err(PortError::late("the gateway")))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::AttemptKey;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// Takes its time.
    struct Slow(Duration);

    impl Gateway for Slow {
        async fn ask(&self, _: &GatewayCall) -> Result<PaymentAtGateway, PortError> {
            sleep(self.0).await;
            Ok(PaymentAtGateway::Absent)
        }
    }

    /// What is heard of a gateway that takes this long, and how long that takes, in milliseconds.
    async fn heard(takes: Duration) -> (Result<PaymentAtGateway, PortError>, u128) {
        let key = AttemptKey::payment("8c8bb6e7-14ad-5847-9d2c-0d1ecbd64873".parse().unwrap());
        let asked = Instant::now();
        let answer = TimeLimited(Slow(takes)).ask(&GatewayCall::Find { key }).await;
        (answer, asked.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_never_answers_is_not_waited_for() {
        let late = PortError::NoAnswer("the gateway did not answer within 2500 ms".to_owned());
        assert_eq!(heard(Duration::MAX).await, (Err(late), 2500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gateway_that_is_slow_but_in_time_is_heard() {
        assert_eq!(heard(Duration::from_millis(2400)).await, (Ok(PaymentAtGateway::Absent), 2400));
    }
}
