//! A client of another authorization server: where it asks, what it says there, and whether its credentials
//! are of the kind by which it proves itself.

use super::certificate::pair;
use super::credential::credential;
use super::others::Others;
use crate::config::file::{Certificate, ClientAuth, Credential, Identity, OAuth2Identity};
use crate::config::resolve::context::{Context, rules};
use crate::entra::{Cloud, Terms};
use crate::located::{At, HttpUrl, Named, Scalar, Text};
use crate::outbound::{
    ClientCertificateCredential, CredentialDefinition, Credentials, OAuth2Client, Prints, TokenUrl,
};

/// Parameters that have a key of their own here, or that are another grant's or a proof of whom it names.
#[rustfmt::skip]
const TAKEN: &[&str] = &[
    "actor_token", "assertion", "audience", "client_assertion", "client_assertion_type", "client_id",
    "client_secret", "code", "code_verifier", "grant_type", "password", "refresh_token",
    "requested_token_use", "resource", "scope", "subject_token", "username",
];

pub(super) fn oauth2(
    context: &mut Context<'_>,
    identity: &Identity,
    written: &At<OAuth2Identity>,
    others: &Others<'_>,
) -> Option<OAuth2Client> {
    let auth = written.auth.value().copied();
    let listed = identity.credentials.value().map_or(&[][..], |list| &list.0);
    // All are read before any is missed, so that every problem is seen.
    let credentials: Vec<_> = listed
        .iter()
        .map(|at| proof(context, at, auth?, others))
        .collect();
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let token_url = token_url(context, written, auth == Some(ClientAuth::Mtls));
    check_extra(context, &written.extra);
    let api = [
        ("resource", &written.resource),
        ("audience", &written.audience),
    ];
    let api = api.into_iter().filter_map(|(name, key)| {
        let value = key.value()?;
        Some((name.to_owned(), value.0.clone()))
    });
    let extra = written.extra.iter();
    let extra = extra.map(|(name, value)| (name.value.clone(), value.0.clone()));
    Some(OAuth2Client {
        token_url: token_url?,
        issuer: written.issuer.value().map(|issuer| issuer.0.clone()),
        client_id: written.client_id.value()?.0.clone(),
        terms: Terms {
            basic: auth? == ClientAuth::Basic,
            parameters: api.chain(extra).collect(),
        },
        ca_pem: ca_pem?,
        credentials: Credentials::new(credentials.into_iter().collect::<Option<_>>()?),
    })
}

/// Where tokens are asked for, or who says that.
fn token_url(
    context: &mut Context<'_>,
    written: &At<OAuth2Identity>,
    for_certificates: bool,
) -> Option<TokenUrl> {
    if written.token_url.is_written() {
        let url = written.token_url.get()?;
        check_url(context, url);
        return Some(TokenUrl::Written(url.0.as_str().into()));
    }
    rules! { context,
        !written.issuer.is_written() && written.complete => written.node,
            "expected `token_url`, or the `issuer` whose metadata names it";
    }
    let issuer = written.issuer.get()?;
    let (value, node) = (HttpUrl::parse(&issuer.0).ok()?, issuer.node);
    rules! { context,
        value.0.query().is_some() || value.0.fragment().is_some() => node,
            "an issuer has neither query nor fragment";
    }
    check_url(context, &At { value, node });
    Some(TokenUrl::discovered(issuer.0.clone(), for_certificates))
}

fn check_url(context: &mut Context<'_>, url: &At<HttpUrl>) {
    let host = url.0.host_str().unwrap_or_default();
    let clouds = [Cloud::Public, Cloud::UsGov, Cloud::China];
    let is_entra = clouds.iter().any(|cloud| cloud.login_host() == host);
    rules! { context,
        // SECURITY: who can answer there sees what proves us.
        url.is_exposed() => url.node,
            "a token endpoint must be https, or http to a loopback address", url.less_exposed();
        // What holds for Entra's scopes and errors is not known to be so of a URL.
        is_entra => url.node, "this is Microsoft Entra ID",
            "write `entra: { tenant: …, client_id: … }`";
    }
}

fn check_extra(context: &mut Context<'_>, extra: &Named<Text>) {
    for (name, _) in &extra.entries {
        let taken = TAKEN.contains(&name.value.to_ascii_lowercase().as_str());
        rules! { context,
            taken => name.node, format!("`{}` does not go into `extra`", name.value),
                "what a token is for has keys of its own, and so has what proves the client";
        }
    }
}

/// A credential, of a kind that fits `auth`.
fn proof(
    context: &mut Context<'_>,
    at: &At<Credential>,
    auth: ClientAuth,
    others: &Others<'_>,
) -> Option<CredentialDefinition> {
    if auth == ClientAuth::Mtls && at.certificate.is_written() {
        return shown(context, at.certificate.get()?);
    }
    // Of no cloud: what a platform gives is not for other servers.
    let credential = credential(context, at, Cloud::Public, others)?;
    let prints = match &credential {
        CredentialDefinition::Exec(command) => Some(command.prints),
        _ => None,
    };
    let is_secret = matches!(credential, CredentialDefinition::Secret(_));
    let is_assertion = matches!(
        credential,
        CredentialDefinition::PrivateKey(_)
            | CredentialDefinition::Certificate(_)
            | CredentialDefinition::Assertion(_)
    );
    let (fits, wanted) = match auth {
        ClientAuth::Basic | ClientAuth::Post => {
            (is_secret || prints == Some(Prints::Secret), "a `secret`")
        }
        ClientAuth::PrivateKeyJwt => (
            is_assertion || prints == Some(Prints::Assertion),
            "a `private_key`, a `certificate` or an `assertion`",
        ),
        ClientAuth::Mtls => (false, "a `certificate`"),
    };
    let (word, kind) = (auth.word(), credential.kind());
    rules! { context,
        !fits => at.node, format!("`auth: {word}` is by {wanted}, not by a `{kind}`");
    }
    fits.then_some(credential)
}

/// What is shown in the handshake signs nothing else.
fn shown(context: &mut Context<'_>, at: &At<Certificate>) -> Option<CredentialDefinition> {
    for node in [
        at.assertion.node(),
        at.x5c.node(),
        at.sign.node(),
        at.assertion_claims.node(),
    ]
    .into_iter()
    .flatten()
    {
        context.problem(
            node,
            "`auth: mtls` signs no assertion: the certificate is shown",
        );
    }
    let pair = pair(context, at)?;
    Some(CredentialDefinition::ClientCertificate(
        ClientCertificateCredential(pair),
    ))
}
