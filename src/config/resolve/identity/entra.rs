//! An app registration of Entra's.

use std::fmt::Display;
use std::str::FromStr;

use url::Url;

use super::credential::credential;
use super::others::Others;
use crate::config::file::Identity;
use crate::config::resolve::context::{Context, rules};
use crate::config::resolve::issuer::authority;
use crate::entra::{Authority, Cloud};
use crate::located::{May, NodeId, Read};
use crate::outbound::{Credentials, EntraClient, InstanceDiscovery};

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";

pub(super) fn entra(
    context: &mut Context<'_>,
    identity: &Identity,
    others: &Others<'_>,
) -> Option<EntraClient> {
    let written = identity.credentials.value().map_or(&[][..], |list| &list.0);
    for at in written {
        rules! { context,
            true => at.private_key.node(), "Entra knows a key by its certificate",
                "name that as `certificate: { file: …, key: … }`";
        }
    }
    // All are read before any is missed, so that every problem is seen.
    let cloud = identity.entra.value().map(|entra| *entra.cloud);
    let cloud = cloud.unwrap_or_default();
    let credentials: Vec<_> = written
        .iter()
        .map(|at| credential(context, at, cloud, others))
        .collect();
    let entra = identity.entra.get()?;
    let of_pod = written.iter().any(|at| at.federated_token.is_written());
    let missing = Missing {
        of_pod,
        place: entra.node,
        is_complete: entra.complete,
    };
    let tenant = missing.or_variable(context, &entra.tenant, "tenant", TENANT);
    let client_id = missing.or_variable(context, &entra.client_id, "client_id", CLIENT);
    let says_where = entra.authority.is_written() || entra.cloud.node().is_some();
    let host = (of_pod && !says_where)
        .then(|| context.variable(AUTHORITY))
        .flatten();
    let authority = match host {
        Some(host) => {
            let host = of_variable(context, &host, entra.node);
            host.and_then(|(cloud, url)| Some(Authority::new(cloud, tenant?, url.as_ref())))
        }
        None => authority(context, *entra.cloud, tenant, &entra.authority),
    };
    let (region, instance) = (entra.region.get(), entra.instance_discovery.node());
    if let Some(authority) = &authority {
        let is_the_clouds = authority.is_the_clouds();
        rules! { context,
            !is_the_clouds => region.map(|at| at.node), "only the cloud's own host has regions",
                "leave `authority` out, or name the region's host there";
            is_the_clouds && *entra.instance_discovery => instance,
                "there is nothing to ask: the host is the cloud's own", "leave `instance_discovery` out";
        }
    }
    let capabilities = entra.client_capabilities.value();
    Some(EntraClient {
        authority: authority?,
        client_id: client_id?,
        region: region.map(|at| at.value.clone()),
        instance: entra.instance_discovery.then(InstanceDiscovery::default),
        endpoint: *entra.endpoint,
        capabilities: capabilities.map_or_else(Vec::new, |named| named.values().copied().collect()),
        credentials: Credentials::new(credentials.into_iter().collect::<Option<_>>()?),
    })
}

/// What stands for a key that was left out.
struct Missing {
    /// A pod's identity: the webhook of Azure Workload Identity sets its variables.
    of_pod: bool,
    place: NodeId,
    is_complete: bool,
}

impl Missing {
    fn or_variable<T: Read + FromStr<Err: Display> + Copy>(
        &self,
        context: &mut Context<'_>,
        written: &May<T>,
        key: &str,
        variable: &str,
    ) -> Option<T> {
        if written.is_written() {
            return written.value().copied();
        }
        let text = self.of_pod.then(|| context.variable(variable)).flatten();
        let also = match self.of_pod {
            true => format!(", and the variable {variable} is not set"),
            false => String::new(),
        };
        rules! { context,
            text.is_none() && self.is_complete => self.place, format!("`{key}` is missing{also}");
        }
        let wrong = |why: T::Err| {
            context.problem(self.place, format!("the variable {variable}: {why}"));
        };
        text?.parse().map_err(wrong).ok()
    }
}

/// The cloud of a login host, or the base URL that it is.
fn of_variable(
    context: &mut Context<'_>,
    host: &str,
    place: NodeId,
) -> Option<(Cloud, Option<Url>)> {
    let url = Url::parse(host)
        .ok()
        .filter(|url| url.scheme() == "https" && url.path() == "/");
    rules! { context,
        url.is_none() => place, format!("the variable {AUTHORITY} holds no https URL of a host");
    }
    let url = url?;
    let clouds = [Cloud::Public, Cloud::UsGov, Cloud::China];
    let known = clouds
        .into_iter()
        .find(|it| url.host_str() == Some(it.login_host()));
    Some(match known {
        Some(cloud) => (cloud, None),
        None => (Cloud::Public, Some(url)),
    })
}
