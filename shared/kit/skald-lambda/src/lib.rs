//! The Lambda edge of the kit: the one place that knows the runtime, the clock, random ids and the
//! environment, and that turns errors into what a caller sees: an HTTP problem, or a message
//! returned to its queue.
//!
//! - [`config`]: the environment, read once.
//! - [`clock`]: now, new ids, and the [`Pause`](skald::handle::Pause) of real time, which also counts
//!   snapshots that are left out.
//! - [`http`]: calls, replies, and problems as RFC 9457 has them.
//! - [`steps`]: steps of a saga, and the names of their errors.
//! - [`queue`]: a queue's batch, each message to its reader, poison into the dead-letter queue.
//! - [`views`]: the reader that keeps a view.

pub mod clock;
pub mod config;
pub mod http;
mod logging;
mod metrics;
mod problem;
pub mod queue;
pub mod steps;
pub mod views;

pub use lambda_runtime::Error;
pub use logging::start_logging;
