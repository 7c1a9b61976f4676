//! Subscriptions that are blocked and let through again, and when all workers decide by that.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::task::JoinHandle;

use super::gateway::{Gateway, until};
use crate::client::{Call, Connection};

/// How many applications take turns.
const APPLICATIONS: usize = 50;

pub(super) struct Changes<'a> {
    gateway: &'a Gateway<'a>,
    made: usize,
    under_way: Vec<JoinHandle<Result<f64>>>,
    next_at: Option<Instant>,
}

impl<'a> Changes<'a> {
    /// Has every worker decide about the clients once, so that it holds them.
    pub(super) fn prepare(gateway: &'a Gateway<'a>) -> Result<Self> {
        for number in 0..APPLICATIONS {
            // What an earlier gateway has seen blocked is let through again.
            gateway.key_manager.block(&gateway.stage.runtime, number, false)?;
        }
        for number in 0..APPLICATIONS {
            until_all(gateway, number, 200)?;
        }
        Ok(Self { gateway, made: 0, under_way: Vec::new(), next_at: None })
    }

    /// Makes changes one after the other, each when the one before has arrived; what each took, in milliseconds.
    pub(super) fn one_by_one(&mut self, count: usize) -> Result<Vec<f64>> {
        let mut took = Vec::new();
        for _ in 0..count {
            self.make()?;
            took.extend(self.arrived()?);
        }
        Ok(took)
    }

    /// Makes a change if it is time for one, when so many are to be made well within so many seconds; the time until the
    /// next.
    pub(super) fn next_of(&mut self, count: usize, seconds: f64) -> Result<Duration> {
        let pause = Duration::from_secs_f64(0.7 * seconds / count as f64);
        let now = Instant::now();
        match self.next_at {
            Some(at) if now < at => return Ok(at - now),
            _ if self.under_way.len() >= count => return Ok(Duration::MAX),
            // The snapshot shall have begun.
            None => self.next_at = Some(now + pause.min(Duration::from_millis(50))),
            Some(_) => {
                self.make()?;
                self.next_at = Some(Instant::now() + pause);
            }
        }
        Ok(pause)
    }

    /// Waits until all changes have arrived; what each took, in milliseconds.
    pub(super) fn arrived(&mut self) -> Result<Vec<f64>> {
        self.next_at = None;
        let wait = |change: JoinHandle<Result<f64>>| self.gateway.stage.runtime.block_on(change)?;
        self.under_way.drain(..).map(wait).collect()
    }

    fn make(&mut self) -> Result<()> {
        let (number, is_blocked) = (self.made % APPLICATIONS, (self.made / APPLICATIONS).is_multiple_of(2));
        self.made += 1;
        let Gateway { key_manager, stage, .. } = self.gateway;
        key_manager.block(&stage.runtime, number, is_blocked)?;
        let answered_at = Instant::now();
        let call = self.gateway.call(number);
        let status = if is_blocked { 403 } else { 200 };
        let workers = self.gateway.connections().to_vec();
        self.under_way.push(stage.runtime.spawn(until_everywhere(workers, call, status, answered_at)));
        Ok(())
    }
}

fn until_all(gateway: &Gateway<'_>, number: usize, status: u16) -> Result<()> {
    let waiting = until_everywhere(gateway.connections().to_vec(), gateway.call(number), status, Instant::now());
    gateway.stage.runtime.block_on(waiting).map(drop)
}

/// Asks every worker until all of them answer so; how long that took, in milliseconds.
async fn until_everywhere(workers: Vec<Connection>, call: Call, status: u16, begun: Instant) -> Result<f64> {
    let ask = |worker| tokio::spawn(until(worker, call.clone(), status, begun));
    let asked: Vec<_> = workers.into_iter().map(ask).collect();
    let mut longest = Duration::ZERO;
    for worker in asked {
        longest = longest.max(worker.await??);
    }
    Ok(longest.as_secs_f64() * 1e3)
}
