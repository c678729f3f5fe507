//! The Lambda edge of the kit. Only this crate knows the runtime, the clock, random ids and the
//! environment. It converts errors into what a caller sees: an HTTP problem, or a message returned
//! to its queue.
//!
//! - [`config`]: the environment, read once.
//! - [`start_logging`]: the log, and the kit's [reports](skald::observe) as metrics.
//! - [`clock`]: the time, new ids, and the [`Pause`](skald::handle::Pause) in real time.
//! - [`http`]: calls, replies, and problems according to RFC 9457.
//! - [`steps`]: steps of a saga, and the names of their errors.
//! - [`rules`]: schedules and events of `EventBridge`.
//! - [`queue`]: a queue's batch; each message goes to its handler, or into the dead-letter queue.
//! - [`views`]: the handler that keeps a view up to date.

pub mod clock;
pub mod config;
pub mod http;
mod logging;
mod metrics;
mod problem;
pub mod queue;
pub mod rules;
pub mod steps;
pub mod views;

pub use lambda_runtime::Error;
pub use logging::start_logging;
