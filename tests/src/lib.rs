//! What the system tests share: a local cloud of their own, a caller's and an operator's view of
//! the system in it, and what they hold against each other.

mod api;
mod charge;
mod cloud;
mod functions;
mod http;
mod ledgers;
mod operator;
mod poll;
mod proxy;
mod raw;
mod saga;
mod tables;
mod throttle;
mod traces;

pub use api::{Answer, Api, order_body};
pub use charge::Charge;
pub use cloud::LocalCloud;
pub use ledgers::{Account, Holdings, Ledgers, Sums};
pub use operator::{Told, skald};
pub use poll::eventually;
pub use proxy::Proxy;
pub use saga::{Execution, Saga};
pub use tables::{Item, change_body, commit_body, number, scan, scan_index, text};
pub use throttle::ThrottlingServer;
pub use traces::Traces;
