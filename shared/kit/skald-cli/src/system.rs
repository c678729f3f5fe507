//! The event store's location, and the client for it.

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

/// An events table, and the client for it.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// The part of the file of `make run` that is needed here.
#[derive(Debug, Deserialize)]
struct Running {
    endpoint: String,
    region: String,
    outputs: BTreeMap<String, String>,
}

impl System {
    /// The system that the arguments name, or the one that `make run` started.
    ///
    /// # Errors
    /// A message that names the missing part and how to provide it.
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
                    "the region is not set: use --region, or set one in your AWS profile".into()
                );
            }
            return Ok(Self { client: Client::new(&aws), table: table.clone() });
        }
        let running = running(place)?;
        let table = running.outputs.get(EVENTS_TABLE).cloned();
        let table = table.ok_or_else(|| {
            format!(
                "{} has no output {EVENTS_TABLE}: start `make run` again",
                place.system.display()
            )
        })?;
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
                "no system is running ({file} does not exist): start one with `make run` in \
                 another shell and leave it running, or name its events table with --table"
            )
        } else {
            format!("cannot read {file}: {error}")
        }
    })?;
    serde_json::from_str(&text).map_err(|error| {
        format!("{file} has an unexpected format ({error}): stop `make run` and start it again")
    })
}
