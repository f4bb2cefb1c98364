//! The leg away from us: whose token a request carries on, and how the gateway gets its own.

mod app_tokens;
mod client;
mod credential;
mod egress;
mod grants;
mod identity;
mod on_behalf_of;
mod orders;
mod remembered;
mod replacement;
mod route_tokens;
#[cfg(test)]
mod samples;
mod token_error;
mod token_source;
mod upstream;
mod wanted;

pub use app_tokens::{AcquireError, AppTokens, TokenStatus};
pub use client::{
    ClientDefinition, EntraClient, InstanceDiscovery, ManagedIdentityClient, OAuth2Client,
    TokenUrl, UsedCredential,
};
pub use credential::{
    AssertionFile, CertificateCredential, ClientCertificateCredential, CredentialDefinition,
    CredentialStatus, Credentials, ExecCredential, KeyVaultKey, KeyWanted,
    ManagedIdentityCredential, Pkcs11Key, Prints, PrivateKeyCredential, PrivateKeyError, Refused,
    SIGNING_COMMAND, SecretCredential, SigningAlgorithm, SigningKey, TokenProxy, TokenWanted,
    Trusted, VaultLogin, VaultTransitKey, serve_pkcs11,
};
pub use egress::{Applications, Carried, Egress, TokenDefinition};
pub use grants::Grants;
pub use identity::{IdentityDefinition, TokenTimes};
pub use on_behalf_of::{PerCaller, UserDemand, UserTokenError, UserTokens, UserTokensStatus};
pub use orders::{Ordered, TokenOrder};
pub use replacement::{Demand, Replacement};
pub use route_tokens::RouteTokens;
pub use token_error::TokenRequestError;
pub use token_source::{AccessToken, TokenSource};
pub use upstream::{
    AnswerStream, Balance, Broken, Carrier, Carries, CheckDefinition, Condition, ConnectError,
    Crowded, Endpoint, EndpointDefinition, Endpoints, ExchangeError, HealthDefinition,
    ProxyDefinition, RequestBody, RetriesDefinition, Upstream, UpstreamDefinition, UpstreamError,
    UpstreamProtocol, UpstreamSocket, Visit,
};
pub use wanted::Wanted;
