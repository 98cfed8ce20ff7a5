//! What holds for every operation, tried once on one that stands for all.

mod bodies;
mod concurrency;
mod idempotency;
mod lists;
mod protocol;
mod transfer;
