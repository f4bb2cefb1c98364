//! What is Entra's, on both legs: clouds, authorities, its tokens' principals, assertions; and how a token
//! endpoint is spoken to, whose words are Entra's first and other servers' by `dialect` and `elsewhere`.

mod advice;
mod assertion;
mod assertion_claims;
mod authority;
mod certificate;
mod certificate_key;
mod challenge;
mod claims;
mod claims_challenge;
mod cloud;
mod dialect;
mod echo;
mod elsewhere;
mod managed_identity;
mod metadata;
mod principal;
mod region;
mod token_answer;
mod token_endpoint;
mod user_advice;

pub use assertion::{Algorithm, Assertion, UnsignedAssertion};
pub use assertion_claims::{AssertionClaims, AssertionClaimsError};
pub use authority::{Authority, Endpoint, Tenant, TenantError, Versions};
pub use certificate::Certificate;
pub use certificate_key::{CertificateKey, CertificateKeyError};
pub use challenge::challenges;
pub use claims_challenge::{Capability, ClaimsChallenge, claims_request};
pub use cloud::Cloud;
pub use dialect::{Dialect, Terms};
pub use managed_identity::{
    ManagedIdentity, ManagedIdentityError, Platform, PlatformError, Selector,
};
pub use metadata::ServerMetadata;
pub use principal::{token_principal, token_profile};
pub use region::Region;
pub use token_endpoint::{ClientProof, Grant, TokenEndpointError, TokenRequest, TokenResponse};
pub use user_advice::advice_for_user;
