//! Does Microsoft know the host of an authority of one's own as one of Entra's? Asked before anything else is,
//! where the file wants that (`instance_discovery`).

use serde_json::Value;

use super::looked_up::LookedUp;
use crate::clock::UnixTime;
use crate::entra::{Authority, TokenEndpointError};
use crate::http_client::HttpClient;
use crate::outbound::credential::beside::Beside;

const LARGEST: usize = 256 * 1024;

/// `instance_discovery: true`, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceDiscovery(Beside<LookedUp<()>>);

impl InstanceDiscovery {
    pub(super) async fn confirm(
        &self,
        authority: &Authority,
        http: &HttpClient,
        now: UnixTime,
    ) -> Result<(), TokenEndpointError> {
        self.0.get(now, ask(authority, http)).await.map(|_| ())
    }
}

async fn ask(authority: &Authority, http: &HttpClient) -> Result<(), TokenEndpointError> {
    let url = authority.instance_url();
    let (place, _) = url.split_once('?').unwrap_or((&url, ""));
    let answer = http.fetch(&url, LARGEST).await;
    let answer =
        answer.map_err(|why| TokenEndpointError::Unavailable(format!("{place}: {why}")))?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if body["error"] == "invalid_instance" {
        return Err(TokenEndpointError::Refused {
            error: "invalid_instance".to_owned(),
            code: None,
            suberror: None,
            claims: None,
            advice: "Microsoft does not know the host of `authority` as one of its own; check it, or take \
                     `instance_discovery` out if it is your own"
                .to_owned(),
            correlation_id: None,
        });
    }
    if answer.status != 200 {
        let why = format!("{place} answers status {}", answer.status);
        return Err(TokenEndpointError::Unavailable(why));
    }
    match body["tenant_discovery_endpoint"].is_string() {
        true => Ok(()),
        false => Err(TokenEndpointError::Unknown(format!(
            "{place} does not say whether it knows the host of `authority`"
        ))),
    }
}
