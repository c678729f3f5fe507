//! Where the event store is, and how it is reached.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Credentials;
use serde::Deserialize;

use crate::arguments::Place;

/// The output of the template that names the events table.
const EVENTS_TABLE: &str = "EventsTableName";

/// An events table, and who asks it.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// What `make run` says of what it runs.
#[derive(Debug, Deserialize)]
struct Running {
    endpoint: String,
    region: String,
    outputs: BTreeMap<String, String>,
}

impl System {
    /// The system that the command line names, or the one that `make run` keeps up.
    ///
    /// # Errors
    /// What is missing, and what to do.
    pub(crate) async fn find(place: &Place) -> Result<Self, Box<dyn Error>> {
        let mut aws = aws_config::defaults(BehaviorVersion::latest());
        if let Some(table) = &place.table {
            if let Some(region) = &place.region {
                aws = aws.region(Region::new(region.clone()));
            }
            if let Some(endpoint) = &place.endpoint {
                aws = aws.endpoint_url(endpoint);
            }
            if let Some(profile) = &place.profile {
                aws = aws.profile_name(profile);
            }
            let aws = aws.load().await;
            if aws.region().is_none() {
                return Err(
                    "no region is known: say --region, or set one in your AWS profile".into()
                );
            }
            return Ok(Self { client: Client::new(&aws), table: table.clone() });
        }
        let running = running(place)?;
        let table = running.outputs.get(EVENTS_TABLE).cloned();
        let table =
            table.ok_or_else(|| format!("{} names no {EVENTS_TABLE}", place.system.display()))?;
        let emulators = Credentials::new("test", "test", None, None, "emulator");
        let aws = aws
            .region(Region::new(running.region))
            .endpoint_url(running.endpoint)
            .credentials_provider(emulators);
        Ok(Self { client: Client::new(&aws.load().await), table })
    }
}

fn running(place: &Place) -> Result<Running, String> {
    let file = place.system.display();
    let text = std::fs::read_to_string(&place.system).map_err(|error| {
        if error.kind() == ErrorKind::NotFound {
            format!(
                "no system is up ({file} is not there): start one with `make run` in another shell and leave it running, \
                 or say which: --table NAME"
            )
        } else {
            format!("{file} cannot be read: {error}")
        }
    })?;
    serde_json::from_str(&text).map_err(|error| {
        format!("{file} is not what `make run` writes ({error}): stop it and start it again")
    })
}
