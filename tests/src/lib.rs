//! The common parts of the system tests: a local cloud with the system deployed in it, clients of
//! the API and of the operator's command line, and the ledgers that are compared with each other.

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
mod resources;
mod saga;
mod shared;
mod stack;
mod tables;
mod throttle;
mod traces;

pub use api::{Answer, Api, order_body};
pub use charge::Charge;
pub use cloud::LocalCloud;
pub use ledgers::{Account, Holdings, Ledgers, Sums};
pub use operator::{CommandOutput, skald, with_closed_output, with_full_output};
pub use poll::eventually;
pub use proxy::Proxy;
pub use saga::{Execution, Saga};
pub use shared::{Borrowed, SharedCloud};
pub use stack::{Named, is_sandbox};
pub use tables::{
    Item, change_body, commit, commit_body, number, put_commit, scan, scan_index, text,
};
pub use throttle::ThrottlingServer;
pub use traces::Traces;
