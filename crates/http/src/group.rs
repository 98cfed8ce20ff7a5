//! Work that waits for the same thing is done together: while one group is with the database, the next one gathers. So a
//! busy service pays for a commit, or for a question, once for many requests, and an idle one makes nobody wait.

use crate::{
    app::App,
    problem::{ApiError, ApiResult},
};
use actix_web::web::Data;
use futures_util::FutureExt;
use parking_lot::Mutex;
use std::{collections::VecDeque, panic::AssertUnwindSafe, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Something that is done together with others of its kind.
pub trait Work: Sized + Send + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// Where it waits.
    fn queue(app: &App) -> &Group<Self>;

    /// Does what waited together; gives what came of each, in the same order.
    fn run(app: &Data<App>, work: &[Self]) -> impl Future<Output = Vec<Self::Done>>;
}

/// Where work of one kind waits.
pub struct Group<W: Work> {
    waiting: Mutex<VecDeque<Waiting<W>>>,
    turns: Arc<Semaphore>,
    most: usize,
}

struct Waiting<W: Work> {
    work: W,
    answer: oneshot::Sender<W::Done>,
}

impl<W: Work> Group<W> {
    /// A queue from which at most `turns` groups are taken at the same time, each of at most `most` pieces.
    #[must_use]
    pub fn new(turns: usize, most: usize) -> Self {
        Self { waiting: Mutex::default(), turns: Arc::new(Semaphore::new(turns)), most }
    }

    /// Takes what waits, as much as one group may hold. Whoever no longer waits for an answer is left out: nothing of
    /// theirs is done. Groups have few sizes (powers of two), so that the statements over them have few texts and stay
    /// prepared; what is left over is the next group.
    fn take(&self) -> Vec<Waiting<W>> {
        let mut waiting = self.waiting.lock();
        waiting.retain(|one| !one.answer.is_closed());
        let size = waiting.len().min(self.most).checked_ilog2().map_or(0, |power| 1 << power);
        waiting.drain(..size).collect()
    }

    fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }
}

/// Does a piece of work together with whatever else waits; gives what came of it.
///
/// # Errors
/// `internal` when the group broke down.
pub async fn together<W: Work>(app: &Data<App>, work: W) -> ApiResult<W::Done> {
    let (answer, done) = oneshot::channel();
    let queue = W::queue(app);
    queue.waiting.lock().push_back(Waiting { work, answer });
    if let Some(turn) = queue.turn() {
        // On its own: a client that goes away must not take the others' work with it.
        actix_web::rt::spawn(drive::<W>(app.clone(), turn));
    }
    done.await.map_err(|_| ApiError::internal("the work's group broke down"))
}

/// Does group after group until nothing waits.
async fn drive<W: Work>(app: Data<App>, turn: OwnedSemaphorePermit) {
    let mut turn = Some(turn);
    while let Some(held) = turn {
        loop {
            // Whoever is about to ask on this thread comes along, so that under load groups are few and large.
            tokio::task::yield_now().await;
            let group = W::queue(&app).take();
            if group.is_empty() {
                break;
            }
            let (work, answers): (Vec<W>, Vec<_>) = group.into_iter().map(|one| (one.work, one.answer)).unzip();
            // After a panic those who waited are told that it broke down, and the next group has its turn.
            let done = AssertUnwindSafe(W::run(&app, &work)).catch_unwind().await.unwrap_or_default();
            for (answer, done) in answers.into_iter().zip(done) {
                // An error here: nobody waits for it any more.
                let _ = answer.send(done);
            }
        }
        drop(held);
        // What came between the last look and giving the turn back has found no turn to take.
        let anything = !W::queue(&app).waiting.lock().is_empty();
        turn = if anything { W::queue(&app).turn() } else { None };
    }
}
