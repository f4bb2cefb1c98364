//! How does Graph say no? One shape for every error; a challenge with those about the token.

use http::StatusCode;
use serde_json::json;

use crate::fake::http::Response;

const CHALLENGE: &str = "Bearer realm=\"\", \
    authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", \
    client_id=\"00000003-0000-0000-c000-000000000000\"";

/// Status, code, message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str, pub(super) &'static str);

const TOKEN: &str = "InvalidAuthenticationToken";
const BODY: &str = "RequestBodyRead";

pub(super) const BAD_HOST: Refusal = bad_request("Invalid Hostname.");
pub(super) const BAD_VERSION: Refusal = bad_request("Invalid version.");
pub(super) const NO_SUCH_SEGMENT: Refusal = bad_request("Resource not found for the segment.");
pub(super) const NO_USER: Refusal = bad_request("/me request is only valid with delegated authentication flow.");
pub(super) const DOUBLED_OPTION: Refusal = bad_request("Query option was specified more than once.");
pub(super) const BAD_OPTION: Refusal = bad_request("Invalid value for a query option.");
pub(super) const OTHER_OPTION: Refusal = bad_request("The query option is not supported here.");
pub(super) const NO_JSON: Refusal = bad_request("Unable to read JSON request payload.");
pub(super) const OTHER_METHOD: Refusal = Refusal(405, "Request_BadRequest", "The OData request is not supported.");
pub(super) const INVALID_USER: Refusal = Refusal(404, "ErrorInvalidUser", "The requested user is invalid.");
pub(super) const NO_MESSAGE: Refusal = Refusal(404, "ErrorItemNotFound", "The specified object was not found in the store.");
pub(super) const NO_PROPERTY: Refusal = Refusal(400, "RequestBroker--ParseUri", "Could not find a selected property on type 'microsoft.graph.message'.");
pub(super) const DENIED: Refusal = Refusal(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.");

pub(super) const TWO_TOKENS: Refusal = Refusal(401, TOKEN, "More than one Authorization header was sent.");
pub(super) const NO_TOKEN: Refusal = Refusal(401, TOKEN, "Access token is empty.");
pub(super) const MALFORMED: Refusal = Refusal(401, TOKEN, "IDX14100: JWT is not well formed.");
pub(super) const BAD_SIGNATURE: Refusal = Refusal(401, TOKEN, "Access token validation failure. Invalid signature.");
pub(super) const OTHER_ISSUER: Refusal = Refusal(401, TOKEN, "Access token validation failure. Invalid issuer.");
pub(super) const OUT_OF_TIME: Refusal = Refusal(401, TOKEN, "Lifetime validation failed, the token is expired.");
pub(super) const OTHER_AUDIENCE: Refusal = Refusal(401, TOKEN, "Access token validation failure. Invalid audience.");

pub(super) const OTHER_MEDIA: Refusal = Refusal(415, "UnsupportedMediaType", "The Content-Type of the request is not supported.");
pub(super) const BAD_RECIPIENTS: Refusal = Refusal(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.");
pub(super) const MANY_RECIPIENTS: Refusal = Refusal(400, "ErrorExceededMessageLimit", "The message has too many recipients.");
pub(super) const OTHER_PARAMETER: Refusal = Refusal(400, BODY, "The request holds a parameter that sendMail does not have.");
pub(super) const NO_MAIL: Refusal = Refusal(400, BODY, "The request holds no message.");
pub(super) const OTHER_PROPERTY: Refusal = Refusal(400, BODY, "A property does not exist on type 'microsoft.graph.message'.");
pub(super) const NO_ITEM_BODY: Refusal = Refusal(400, BODY, "The body is no 'microsoft.graph.itemBody'.");
pub(super) const NO_ARRAY: Refusal = Refusal(400, BODY, "Recipients are an array.");
pub(super) const NO_SUBJECT: Refusal = Refusal(400, BODY, "The subject is text.");
pub(super) const NO_BASE64: Refusal = Refusal(400, "ErrorMimeContentInvalidBase64String", "The MIME content is no base64.");
pub(super) const BAD_MIME: Refusal = Refusal(400, "ErrorMimeContentInvalid", "The MIME content is invalid.");
pub(super) const OTHER_SENDER: Refusal = Refusal(403, "ErrorSendAsDenied", "The user account which was used to submit this request does not have the right to send mail on behalf of the specified sending account.");

const fn bad_request(message: &'static str) -> Refusal {
    Refusal(400, "BadRequest", message)
}

pub(super) fn ensure(holds: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(otherwise) }
}

impl Refusal {
    /// `ids`: the request's, and the client's own for it.
    pub(super) fn response(self, date: &str, ids: [&str; 2]) -> Response {
        let Self(status, code, message) = self;
        let body = json!({ "error": {
            "code": code,
            "message": message,
            "innerError": { "date": date, "request-id": ids[0], "client-request-id": ids[1] },
        }});
        let response = Response::json(StatusCode::from_u16(status).unwrap_or_default(), &body);
        match status {
            401 => response.with("www-authenticate", CHALLENGE),
            _ => response,
        }
    }
}
