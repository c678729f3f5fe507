//! The log, and the counts of reports.

use std::io;

use lambda_runtime::tracing::subscriber::filter::{EnvFilter, LevelFilter};
use lambda_runtime::tracing::subscriber::layer::{Layer, SubscriberExt};
use lambda_runtime::tracing::subscriber::util::SubscriberInitExt;
use lambda_runtime::tracing::subscriber::{Registry, fmt, registry};
use tracing::Subscriber;

use crate::config;
use crate::metrics::{self, Counting};

/// Starts logging to standard output, and counting the kit's [reports](skald::observe) as metrics.
/// Call this function once, before anything else.
///
/// The log level is `AWS_LAMBDA_LOG_LEVEL`, or else `RUST_LOG`, or else INFO. `RUST_LOG` also
/// accepts directives: `info,skald=debug` also logs each conflict, retry and page, but not the AWS
/// SDK's messages at that level, which contain personal data. The format is that of
/// `AWS_LAMBDA_LOG_FORMAT`. Metrics are counted regardless of the level.
///
/// # Examples
///
/// ```no_run
/// use serde_json::json;
/// use skald_lambda::http::{self, Reply, StatusCode};
///
/// # async fn run() -> Result<(), skald_lambda::Error> {
/// skald_lambda::start_logging();
/// http::serve(async |_| Ok(Reply::json(StatusCode::OK, json!("logged")))).await
/// # }
/// ```
pub fn start_logging() {
    let function =
        config::optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "none".to_owned());
    let level = config::optional("AWS_LAMBDA_LOG_LEVEL");
    let directives = config::optional("RUST_LOG").unwrap_or_default();
    let is_json = config::optional("AWS_LAMBDA_LOG_FORMAT")
        .is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let log = log(level.as_deref(), &directives, is_json, io::stdout);
    subscriber(log, Counting::new(function, metrics::print)).init();
}

/// Writes log lines to `writer`: those of this level or higher, or those that the directives
/// select.
fn log<W>(
    level: Option<&str>,
    directives: &str,
    is_json: bool,
    writer: W,
) -> Box<dyn Layer<Registry> + Send + Sync>
where
    W: for<'a> fmt::MakeWriter<'a> + Send + Sync + 'static,
{
    // An empty level would mean ERROR.
    let level = level.or(Some(directives)).filter(|level| !level.is_empty());
    let level = level.and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let filter = EnvFilter::builder().with_default_directive(level.into()).parse_lossy(directives);
    let lines = fmt::layer().with_target(false).without_time().with_writer(writer);
    if is_json {
        lines.json().with_filter(filter).boxed()
    } else {
        lines.with_filter(filter).boxed()
    }
}

/// The subscriber. Logging and counting are independent of each other.
pub(crate) fn subscriber(
    log: Box<dyn Layer<Registry> + Send + Sync>,
    counting: Counting,
) -> impl Subscriber + Send + Sync {
    registry().with(log).with(counting.with_filter(Counting::filter()))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::subscriber::DefaultGuard;

    use super::*;

    /// The log lines that were written.
    #[derive(Clone, Default)]
    pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        /// Logs and counts the reports of this thread at this level; metrics go to `write`.
        pub(crate) fn at(level: &str, write: fn(&Value)) -> (Self, DefaultGuard) {
            let kept = Self::default();
            let writer = kept.clone();
            let log = log(Some(level), "", true, move || writer.clone());
            let counting = Counting::new("order-view-1".to_owned(), write);
            (kept, tracing::subscriber::set_default(subscriber(log, counting)))
        }

        pub(crate) fn lines(&self) -> Vec<Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    #[test]
    fn the_kit_can_be_logged_in_detail_and_the_rest_not() {
        for (directives, lines) in
            [("info,skald=debug", 2), ("info", 1), ("", 1), ("skald=debug", 2)]
        {
            let kept = Log::default();
            let writer = kept.clone();
            let log = log(None, directives, true, move || writer.clone());
            let counting = Counting::new("none".to_owned(), |_| {});
            let guard = tracing::subscriber::set_default(subscriber(log, counting));
            tracing::debug!(target: "aws_sdk_dynamodb", "a request with everything in it");
            tracing::debug!(target: "skald", "a conflict");
            tracing::info!("answered");
            drop(guard);
            assert_eq!(kept.lines().len(), lines, "{directives}");
        }
    }
}
