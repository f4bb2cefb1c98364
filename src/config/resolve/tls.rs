//! TLS of the listeners: their certificates are read and held to their keys, and what is said of
//! clients is said once.

use std::collections::HashMap;

use super::certificate::{Written, certified_key};
use super::context::{Context, rules};
use crate::config::file::{ClientCertificate, ListenerCertificate, Tls};
use crate::edge::{self, ClientCertificates, Protocols, TlsDefinition, server_names};
use crate::located::At;

/// All certificates are read before any is missed, so that every problem is seen.
pub(super) fn tls(context: &mut Context<'_>, at: &At<Tls>) -> Option<TlsDefinition> {
    let Tls(entries) = &at.value;
    let read: Vec<_> = entries
        .iter()
        .map(|entry| {
            let written = Written {
                file: &entry.certificate,
                word: "certificate",
                key: &entry.key,
                passphrase: &entry.passphrase,
                node: entry.node,
            };
            certified_key(context, &written)
        })
        .collect();
    // SECURITY: a caller picks the entry by the name it asks for, and could pick the mildest.
    for entry in entries.iter().skip(1) {
        let said = [
            entry.client_ca.node(),
            entry.client_certificate.node(),
            entry.minimum.node(),
        ];
        for node in said.into_iter().flatten() {
            let key = context.reader.tree().key(node);
            let message =
                format!("`{key}` holds for the whole listener: it is for the first entry to say");
            context
                .problem(node, message)
                .hint("a caller picks the entry by the name it asks for");
        }
    }
    let first = entries.first()?;
    let clients = clients(context, first);
    let certificates = read.into_iter().collect::<Option<Vec<_>>>()?;
    let mut taken = HashMap::new();
    for (place, certificate) in certificates.iter().enumerate() {
        let names = server_names(certificate);
        let fresh = names.iter().filter(|name| !taken.contains_key(*name));
        if place > 0 && fresh.count() == 0 {
            let (node, message) = match names.iter().find_map(|name| taken.get(name)) {
                None => (
                    entries[place].certificate.node(),
                    "it is for no host name, so that nobody could ask for it".to_owned(),
                ),
                Some(number) => (
                    entries[place].certificate.node(),
                    format!("it is never shown: entry {number} has its names already"),
                ),
            };
            context.problem(node.unwrap_or(entries[place].node), message);
        }
        for name in names {
            taken.entry(name).or_insert(place + 1);
        }
    }
    let definition = TlsDefinition {
        certificates,
        clients: clients?,
        minimum: *first.minimum,
    };
    // What OpenSSL would refuse later, such as a key that is too short, it refuses now.
    if let Err(why) = edge::Tls::new(&definition, Protocols::TLS) {
        let place = first.certificate.node().unwrap_or(at.node);
        context.problem(place, format!("the certificate cannot be used: {why}"));
        return None;
    }
    Some(definition)
}

fn clients(
    context: &mut Context<'_>,
    first: &ListenerCertificate,
) -> Option<Option<ClientCertificates>> {
    let authorities = first.client_ca.optional(|at| context.certificates(at));
    let asked = first.client_certificate.value();
    rules! { context,
        asked == Some(&ClientCertificate::None) => first.client_ca.node(),
            "`client_ca` is for client certificates, and `client_certificate` is `none`";
        asked.is_some_and(|asked| *asked != ClientCertificate::None) && !first.client_ca.is_written() =>
            first.client_certificate.node(),
            "a client certificate is judged by `client_ca`, and there is none";
    }
    let clients = authorities?.map(|ca_pem| ClientCertificates {
        ca_pem,
        required: asked != Some(&ClientCertificate::Optional),
    });
    Some(clients.filter(|_| asked != Some(&ClientCertificate::None)))
}
