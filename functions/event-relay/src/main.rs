//! Forwards commits from the events table's stream to the topic.

use event_relay::{Batch, Relay, SnsTopic};
use lambda_runtime::{LambdaEvent, service_fn};
use skald_lambda::{Error, config, start_logging};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logging();
    let topic_arn = config::variable("EVENTS_TOPIC_ARN")?;
    let sns = aws_sdk_sns::Client::new(&config::aws().await);
    let relay = &Relay::new(SnsTopic::new(sns, topic_arn));
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Batch>| async move {
        relay.forward(&event.payload).await
    }))
    .await
}
