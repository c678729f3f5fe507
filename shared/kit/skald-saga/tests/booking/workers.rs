//! The workers of the saga: what each step does.

mod code;
mod deposit;
mod points;
mod room;

pub(crate) use code::CodeWorker;
pub(crate) use deposit::DepositWorker;
pub(crate) use points::PointsWorker;
pub(crate) use room::RoomWorker;
