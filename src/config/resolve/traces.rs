//! What is told to a collector, and how it is reached.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::context::{Context, rules};
use crate::config::file::Traces;
use crate::config::secret_ref::SecretRef;
use crate::located::At;
use crate::telemetry::TracesDefinition;

/// What the message itself says.
const FRAMING: [HeaderName; 4] = [CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING];

pub(super) fn traces(context: &mut Context<'_>, written: &Traces) -> Option<TracesDefinition> {
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let headers = headers(context, written);
    let endpoint = written.endpoint.get()?;
    let url = &endpoint.0;
    rules! { context,
        url.path() == "/" => endpoint.node, "this names no path",
            format!("a collector takes traces at `{}v1/traces`", url.as_str());
        // SECURITY: what authenticates us to the collector is a secret.
        endpoint.is_exposed() && !written.headers.entries.is_empty() => endpoint.node,
            "`headers` would go in clear to another machine", endpoint.less_exposed();
        url.scheme() != "https" => written.ca_file.node(), "`ca_file` is for https, and the endpoint is http";
    }
    let attributes = written.attributes.iter();
    let attributes = attributes.map(|(name, value)| (name.value.clone(), value.0.clone()));
    Some(TracesDefinition {
        endpoint: url.clone(),
        sample: written.sample.0,
        service: written.service.0.clone(),
        attributes: attributes.collect(),
        headers: headers?,
        ca_pem: ca_pem?,
        timeout: *written.timeout,
    })
}

fn headers(context: &mut Context<'_>, written: &Traces) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut complete = true;
    for (name, value) in &written.headers.entries {
        let field = value.as_ref().and_then(|value| field(context, name, value));
        match field {
            Some((name, value)) => drop(headers.insert(name, value)),
            None => complete = false,
        }
    }
    complete.then_some(headers)
}

fn field(
    context: &mut Context<'_>,
    name: &At<String>,
    value: &SecretRef,
) -> Option<(HeaderName, HeaderValue)> {
    let parsed = HeaderName::from_bytes(name.value.as_bytes()).ok();
    let Some(known) = parsed.filter(|name| !FRAMING.contains(name)) else {
        context.problem(name.node, "this cannot be the name of a header here");
        return None;
    };
    let at = At {
        value: value.clone(),
        node: name.node,
    };
    let secret = context.secret(&at)?;
    match HeaderValue::from_str(secret.expose()) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Some((known, value))
        }
        Err(_) => {
            context.problem(name.node, "this has characters that no header can carry");
            None
        }
    }
}
