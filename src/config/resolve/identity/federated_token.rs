//! Tokens and assertions that others write into files. What the file does not say is in the environment, as the
//! webhook of Azure Workload Identity puts it there.

use std::path::PathBuf;
use std::sync::Arc;

use url::Url;

use crate::config::file::{
    AssertionFile as WrittenAssertion, FederatedToken, TokenProxy as WrittenProxy,
};
use crate::config::resolve::context::{Context, rules};
use crate::located::{At, NodeId};
use crate::outbound::{AssertionFile, TokenProxy, Trusted};
use crate::pem;

const FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const PROXY: &str = "AZURE_KUBERNETES_TOKEN_PROXY";
const SERVER_NAME: &str = "AZURE_KUBERNETES_SNI_NAME";
const CA_FILE: &str = "AZURE_KUBERNETES_CA_FILE";
const CA_DATA: &str = "AZURE_KUBERNETES_CA_DATA";

pub(super) fn federated_token(
    context: &mut Context<'_>,
    written: &At<FederatedToken>,
) -> Option<AssertionFile> {
    let place = written.file.node().unwrap_or(written.node);
    let path = match written.file.get() {
        Some(at) => Some(context.beside(&at.value)),
        None => context.variable(FILE).map(PathBuf::from),
    };
    rules! { context,
        path.is_none() && !written.file.is_written() && written.complete => place,
            format!("`file` is missing, and the variable {FILE} is not set"),
            "on AKS it is where the pod has the label `azure.workload.identity/use: \"true\"`, and its \
             service account a client id";
    }
    let proxy = written.proxy.optional(|at| proxy(context, at));
    read(context, path?, proxy?, place)
}

pub(super) fn assertion(
    context: &mut Context<'_>,
    written: &At<WrittenAssertion>,
) -> Option<AssertionFile> {
    let at = written.file.get()?;
    let path = context.beside(&at.value);
    read(context, path, None, at.node)
}

/// Looks at it once, for what is wrong to be known at start. That it changes is no change of the
/// configuration.
fn read(
    context: &mut Context<'_>,
    path: PathBuf,
    proxy: Option<TokenProxy>,
    place: NodeId,
) -> Option<AssertionFile> {
    let file = AssertionFile::new(path, proxy);
    file.map_err(|why| context.problem(place, why)).ok()
}

fn proxy(context: &mut Context<'_>, written: &At<WrittenProxy>) -> Option<TokenProxy> {
    let node = written.node;
    let url = match written.url.get() {
        Some(at) => Some(at.0.clone()),
        None => context
            .variable(PROXY)
            .and_then(|text| Url::parse(&text).ok()),
    };
    let place = written.url.node().unwrap_or(node);
    rules! { context,
        url.is_none() && !written.url.is_written() && written.complete => node,
            format!("`url` is missing, and the variable {PROXY} holds none");
        url.as_ref().is_some_and(|url| url.scheme() != "https") => place,
            "the token proxy must be https: it sees what proves us";
    }
    let server_name = match written.server_name.get() {
        Some(at) => Some(at.0.clone()),
        None => context.variable(SERVER_NAME),
    };
    let is_name = |name: &String| matches!(url::Host::parse(name), Ok(url::Host::Domain(_)));
    rules! { context,
        server_name.as_ref().is_some_and(|name| !is_name(name)) =>
            written.server_name.node().unwrap_or(node),
            "expected a host name such as `x.ests.aks`";
    }
    let trusted = trusted(context, written)?;
    let url = url.filter(|url| url.scheme() == "https" && url.has_host())?;
    let server_name = match server_name {
        Some(name) if !is_name(&name) => return None,
        name => name,
    };
    Some(TokenProxy::new(url, server_name, trusted))
}

fn trusted(context: &mut Context<'_>, written: &At<WrittenProxy>) -> Option<Trusted> {
    if let Some(at) = written.ca_file.get() {
        context.certificates(at)?;
        return Some(Trusted::File(context.beside(&at.value)));
    }
    let (file, data) = (context.variable(CA_FILE), context.pem_variable(CA_DATA));
    rules! { context,
        file.is_some() && data.is_some() => written.node,
            format!("the variables {CA_FILE} and {CA_DATA} are both set"), "unset one of them";
    }
    match (file, data) {
        (Some(_), Some(_)) => None,
        (Some(file), None) => Some(Trusted::File(file.into())),
        (None, Some(data)) => {
            let pem = pem::authorities(data.as_bytes());
            let wrong = |why| {
                context.problem(written.node, format!("the variable {CA_DATA} {why}"));
            };
            Some(Trusted::Pem(Arc::new(pem.map_err(wrong).ok()?)))
        }
        (None, None) => Some(Trusted::AsEverywhere),
    }
}
