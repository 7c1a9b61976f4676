//! A thousand requests at the same time with one token that nobody has asked about.

use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::client::{Connection, Statuses};
use crate::envoy::{Envoy, Setup};
use crate::filters;
use crate::stage::Stage;

const REQUESTS: usize = 1000;
const CONNECTIONS: usize = 50;
const TOKENS: usize = 20;
/// Long enough for all requests to come before the first answer.
const ANSWER_TIME: Duration = Duration::from_millis(50);

/// What happened with so many workers.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stampede {
    /// Envoy's workers.
    pub workers: usize,
    /// How many tokens had how many calls to the identity provider: `[calls, tokens]`.
    pub calls: Vec<(u32, usize)>,
    /// Responses by status, all tokens together.
    pub statuses: Statuses,
}

impl Stampede {
    /// The most calls about one token.
    pub fn most_calls(&self) -> u32 {
        self.calls.iter().map(|(calls, _)| *calls).max().unwrap_or_default()
    }

    /// Whether every request was let through.
    pub fn all_answered(&self) -> bool {
        self.statuses == Statuses::from([(200, REQUESTS * TOKENS)])
    }
}

/// Stampedes at 1, 2 and 8 workers.
pub fn measure(stage: &Stage) -> Result<Vec<Stampede>> {
    stage.identity_provider.delay(ANSWER_TIME);
    let stampedes = [1, 2, 8].into_iter().map(|workers| stampede(stage, workers)).collect();
    stage.identity_provider.delay(Duration::ZERO);
    stampedes
}

fn stampede(stage: &Stage, workers: usize) -> Result<Stampede> {
    let configuration = filters::gatehouse_configuration(&stage.keys.p256)?;
    let envoy = Setup::new(&format!("stampede-{workers}"), &stage.envoy)
        .cluster("idp", stage.identity_provider_address)
        .listener("gatehouse", vec![filters::gatehouse("gatehouse", &configuration)])
        .workers(workers, "0,1")
        .start(&stage.runtime)?;
    stage.identity_provider.take_calls_about("stampede-");
    let statuses = stage.runtime.block_on(all_tokens(&envoy, workers))?;
    let mut calls = std::collections::BTreeMap::<u32, usize>::new();
    for count in stage.identity_provider.take_calls_about("stampede-").into_values() {
        *calls.entry(count).or_default() += 1;
    }
    Ok(Stampede { workers, calls: calls.into_iter().collect(), statuses })
}

async fn all_tokens(envoy: &Envoy, workers: usize) -> Result<Statuses> {
    let address = envoy.address("gatehouse")?;
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(Connection::open(address).await?);
    }
    let mut statuses = Statuses::new();
    for token in 0..TOKENS {
        let token = format!("stampede-{workers}-{token}");
        let calls: Vec<_> = (0..REQUESTS)
            .map(|request| {
                let (mut connection, token) = (connections[request % CONNECTIONS].clone(), token.clone());
                tokio::spawn(async move { connection.call(&token).await.map_or(0, |status| status.as_u16()) })
            })
            .collect();
        for call in calls {
            *statuses.entry(call.await?).or_default() += 1;
        }
    }
    Ok(statuses)
}
