//! Each denial in HTTP, and nowhere else: status, header fields, problem details (RFC 9457). How it
//! is sent is the listener's business.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::Denial;
use crate::reason::Reason;
use crate::request::RequestId;
use crate::request::header_names::X_REQUEST_ID;

/// RFC 9457, with two members of our own.
#[derive(serde::Serialize)]
struct Problem<'a> {
    status: u16,
    title: &'a str,
    reason: &'a str,
    request_id: &'a str,
}

impl Denial {
    pub fn answer(&self, request_id: &RequestId) -> Response<Bytes> {
        let problem = Problem {
            status: self.status().as_u16(),
            title: self.reason().sentence(),
            reason: self.reason().word(),
            request_id: request_id.as_str(),
        };
        // A struct of texts and a number always has a JSON form.
        let body = Bytes::from(serde_json::to_vec(&problem).unwrap_or_default());
        let length = HeaderValue::from(body.len());
        let mut answer = Response::new(body);
        *answer.status_mut() = self.status();
        let fields = answer.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        fields.insert(header::CONTENT_TYPE, problem);
        fields.insert(header::CONTENT_LENGTH, length);
        fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(X_REQUEST_ID, request_id.header().clone());
        for (name, value) in self.headers() {
            // What cannot be a header is left out: the status says enough.
            if let Ok(value) = HeaderValue::try_from(value) {
                fields.append(name, value);
            }
        }
        answer
    }

    pub fn status(&self) -> StatusCode {
        status_of(self.reason())
    }
}

const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::NoRoute => StatusCode::NOT_FOUND,
        Reason::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Reason::BadPath | Reason::BadHost | Reason::BadFraming | Reason::RepeatedCredential => {
            StatusCode::BAD_REQUEST
        }
        Reason::HeaderTimeout | Reason::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
        Reason::UriTooLong => StatusCode::URI_TOO_LONG,
        Reason::HeaderTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        Reason::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::NoCredential
        | Reason::MalformedToken
        | Reason::TokenTooLarge
        | Reason::AlgorithmNotAllowed
        | Reason::CriticalHeader
        | Reason::TokenNotForUs
        | Reason::WrongType
        | Reason::SenderConstrained
        | Reason::UnknownIssuer
        | Reason::UnknownKey
        | Reason::BadSignature
        | Reason::TokenExpired
        | Reason::TokenNotYetValid
        | Reason::WrongTenant
        | Reason::WrongAudience
        | Reason::MissingClaim
        | Reason::MalformedClaim
        | Reason::BadKey => StatusCode::UNAUTHORIZED,
        Reason::PrincipalNotAllowed
        | Reason::ClientNotAllowed
        | Reason::ObjectNotAllowed
        | Reason::RoleMissing
        | Reason::ScopeMissing
        | Reason::ParameterNotAllowed
        | Reason::NetworkNotAllowed
        | Reason::BrowserNotAllowed
        | Reason::BatchNotAllowed
        | Reason::ExpandNotAllowed => StatusCode::FORBIDDEN,
        Reason::KeysUnavailable | Reason::TokenUnavailable | Reason::TokenThrottled => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Reason::TokenRefused
        | Reason::UpstreamUnreachable
        | Reason::UpstreamFailed
        | Reason::UpstreamRefusedToken => StatusCode::BAD_GATEWAY,
        Reason::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        // The status is for the log alone: nobody is left to read an answer.
        Reason::ClientClosed => StatusCode::BAD_REQUEST,
        Reason::InternalError => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
