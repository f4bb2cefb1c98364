//! What does Entra call its refusals? AADSTS code, OAuth error (RFC 6749 §5.2), and a sentence, which is ours.

/// Code, error, sentence.
#[derive(Clone, Copy, Debug)]
pub(super) struct Aadsts(pub(super) u64, pub(super) &'static str, pub(super) &'static str);

const CLIENT: &str = "invalid_client";
const REQUEST: &str = "invalid_request";
const SCOPE: &str = "invalid_scope";
const UNAUTHORIZED: &str = "unauthorized_client";
const GRANT: &str = "invalid_grant";
const INTERACTION: &str = "interaction_required";
const OUTAGE: &str = "temporarily_unavailable";

pub(super) const NO_TENANT: Aadsts = Aadsts(90_002, REQUEST, "This tenant does not exist.");
pub(super) const NO_TENANT_TO_DISCOVER: Aadsts = Aadsts(90_002, "invalid_tenant", "This tenant does not exist.");
pub(super) const NO_INSTANCE: Aadsts = Aadsts(50_049, "invalid_instance", "Unknown or invalid instance.");
pub(super) const NOT_POST: Aadsts = Aadsts(900_561, REQUEST, "The endpoint only accepts POST requests.");
pub(super) const FROM_A_BROWSER: Aadsts = Aadsts(9_002_326, REQUEST, "Cross-origin token redemption is permitted only for single-page applications.");
pub(super) const DOUBLED: Aadsts = Aadsts(9_000_411, REQUEST, "A parameter is duplicated.");
pub(super) const OTHER_GRANT: Aadsts = Aadsts(70_003, "unsupported_grant_type", "The grant type is not supported.");
pub(super) const MANY_TENANTS: Aadsts = Aadsts(9_001_023, REQUEST, "This grant is not supported over /common or /organizations; name the tenant.");
pub(super) const NO_APP: Aadsts = Aadsts(700_016, UNAUTHORIZED, "The application was not found in the tenant.");
pub(super) const DISABLED: Aadsts = Aadsts(7_000_112, UNAUTHORIZED, "The application is disabled.");
pub(super) const NO_API: Aadsts = Aadsts(500_011, "invalid_resource", "The resource was not found in the tenant.");
pub(super) const RESOURCE_IN_V2: Aadsts = Aadsts(901_002, REQUEST, "The parameter 'resource' is not supported.");
pub(super) const BAD_SCOPE: Aadsts = Aadsts(70_011, SCOPE, "The scope is not valid.");
pub(super) const MANY_RESOURCES: Aadsts = Aadsts(28_000, SCOPE, "The scope is not valid because it contains more than one resource.");
pub(super) const NOT_DEFAULT: Aadsts = Aadsts(1_002_012, SCOPE, "Client credential flows must have a scope of one resource, suffixed with /.default.");
pub(super) const NO_SIGNATURE: Aadsts = Aadsts(90_006, "server_error", "Signing failed.");
pub(super) const THROTTLED: Aadsts = Aadsts(90_055, OUTAGE, "Too many requests.");
pub(super) const TRANSIENT: Aadsts = Aadsts(90_033, OUTAGE, "A transient error has occurred.");

pub(super) const TWO_PROOFS: Aadsts = Aadsts(90_023, REQUEST, "The client authenticates in more than one way.");
pub(super) const TWO_CLIENTS: Aadsts = Aadsts(90_023, REQUEST, "Two different client ids are given.");
pub(super) const NO_PROOF: Aadsts = Aadsts(7_000_216, CLIENT, "'client_assertion' or 'client_secret' is required for this grant type.");
pub(super) const WRONG_SECRET: Aadsts = Aadsts(7_000_215, CLIENT, "Invalid client secret provided.");
pub(super) const EXPIRED_SECRET: Aadsts = Aadsts(7_000_222, CLIENT, "The client secret is expired.");
pub(super) const OTHER_ASSERTION: Aadsts = Aadsts(50_027, REQUEST, "The assertion type is not supported.");
pub(super) const REPLAYED: Aadsts = Aadsts(50_012, CLIENT, "The assertion has no jti, or was used before.");
pub(super) const MALFORMED: Aadsts = Aadsts(50_027, CLIENT, "The assertion is no well-formed JWT.");
pub(super) const OTHER_ALGORITHM: Aadsts = Aadsts(50_027, CLIENT, "The assertion's algorithm is not supported.");
pub(super) const NO_THUMBPRINT: Aadsts = Aadsts(50_027, CLIENT, "The assertion's header names no certificate by x5t or x5t#S256.");
pub(super) const UNKNOWN_THUMBPRINT: Aadsts = Aadsts(700_027, CLIENT, "The key was not found by the thumbprint that the assertion's header gives.");
pub(super) const BAD_SIGNATURE: Aadsts = Aadsts(700_027, CLIENT, "The certificate with the given thumbprint did not sign this assertion.");
pub(super) const EXPIRED_CERTIFICATE: Aadsts = Aadsts(700_027, CLIENT, "The certificate used is expired.");
pub(super) const OTHER_SUBJECT: Aadsts = Aadsts(50_048, CLIENT, "The subject must match the issuer.");
pub(super) const OTHER_APP: Aadsts = Aadsts(700_021, CLIENT, "The assertion's application is not that of the parameter 'client_id'.");
pub(super) const OTHER_AUDIENCE: Aadsts = Aadsts(700_023, CLIENT, "The assertion's audience is not this token endpoint.");
pub(super) const NO_FEDERATION: Aadsts = Aadsts(70_021, CLIENT, "No federated identity record was found for the presented assertion.");
pub(super) const OTHER_FEDERATED_ISSUER: Aadsts = Aadsts(700_211, CLIENT, "No matching federated identity record found for the assertion's issuer.");
pub(super) const OTHER_FEDERATED_AUDIENCE: Aadsts = Aadsts(700_212, CLIENT, "No matching federated identity record found for the assertion's audience.");
pub(super) const OTHER_FEDERATED_SUBJECT: Aadsts = Aadsts(700_213, CLIENT, "No matching federated identity record found for the assertion's subject.");
pub(super) const OTHER_CASE: Aadsts = Aadsts(7_002_138, CLIENT, "A federated identity record matches but for upper and lower case.");
pub(super) const OUT_OF_TIME: Aadsts = Aadsts(700_024, CLIENT, "The assertion is not within its valid time range.");

pub(super) const BAD_USER_ASSERTION: Aadsts = Aadsts(50_013, GRANT, "The assertion failed signature validation.");
pub(super) const LATE_USER_ASSERTION: Aadsts = Aadsts(500_133, GRANT, "The assertion is not within its valid time range.");
pub(super) const FOREIGN_USER_ASSERTION: Aadsts = Aadsts(500_131, GRANT, "The assertion's audience is not the application that presents it.");
pub(super) const ASSERTION_OF_AN_APP: Aadsts = Aadsts(7_000_114, GRANT, "The application is not allowed to make application on-behalf-of calls.");
pub(super) const NO_CONSENT: Aadsts = Aadsts(65_001, GRANT, "The user or administrator has not consented to use the application.");
pub(super) const SECOND_FACTOR: Aadsts = Aadsts(50_076, INTERACTION, "The user must use multi-factor authentication to access this resource.");
pub(super) const BLOCKED: Aadsts = Aadsts(53_003, "access_denied", "Access has been blocked by Conditional Access policies.");
pub(super) const DISABLED_USER: Aadsts = Aadsts(50_057, GRANT, "The user account is disabled.");
pub(super) const REVOKED: Aadsts = Aadsts(50_173, GRANT, "The provided grant has expired due to it being revoked.");
pub(super) const LOOP: Aadsts = Aadsts(50_196, GRANT, "The server terminated an operation because it encountered a client request loop.");
