//! A certificate that is shown in the TLS handshake (RFC 8705 §2): the connection itself is the proof, and
//! nothing in the form is secret.

use crate::certified_key::CertifiedKey;
use crate::entra::{ClientProof, TokenEndpointError, TokenRequest, TokenResponse};
use crate::http_client::FetchDefinition;
use crate::outbound::TokenRequestError;

/// `certificate:` of an identity whose `auth` is `mtls`, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificateCredential(pub CertifiedKey);

impl ClientCertificateCredential {
    /// On a connection of its own: tokens are asked for once in a while, and none is worth keeping.
    pub(super) async fn acquire(
        &self,
        request: &TokenRequest<'_>,
    ) -> Result<TokenResponse, TokenRequestError> {
        let showing = |fetch: &mut FetchDefinition| fetch.shown = Some(self.0.clone());
        let http = request.http.changed(showing);
        let http = http.map_err(|why| TokenEndpointError::Unavailable(why.to_string()))?;
        let request = TokenRequest {
            http: &http,
            ..*request
        };
        let answer = request.send(ClientProof::Connection).await;
        Ok(answer.map_err(refused_in_the_handshake)?)
    }
}

/// A server that minds the certificate before it reads anything says so by an alert (RFC 8446 §6.2).
fn refused_in_the_handshake(error: TokenEndpointError) -> TokenEndpointError {
    match error {
        TokenEndpointError::Unavailable(why) if is_about_the_certificate(&why) => {
            TokenEndpointError::Refused {
                error: "invalid_client".to_owned(),
                code: None,
                suberror: None,
                claims: None,
                advice: format!(
                    "the server does not take the certificate: is it registered there, of an authority \
                 that the server trusts, and still valid? It ended the handshake: {why}"
                ),
                correlation_id: None,
            }
        }
        other => other,
    }
}

fn is_about_the_certificate(why: &str) -> bool {
    let alerts = ["certificate", "unknown ca", "access denied"];
    why.split("alert ")
        .skip(1)
        .any(|alert| alerts.iter().any(|words| alert.starts_with(words)))
        || why.contains("alert bad certificate")
        || why.contains("alert unsupported certificate")
}
