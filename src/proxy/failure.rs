//! What does an error of Pingora's mean: a word for the caller, a sentence for the log.

use pingora::{Error, ErrorSource, ErrorType};

use crate::reason::Reason;

pub(super) fn reason_of(error: &Error) -> Reason {
    use ErrorType as Type;
    match (error.esource(), error.etype()) {
        (
            ErrorSource::Upstream,
            Type::ConnectTimedout
            | Type::TLSHandshakeTimedout
            | Type::ReadTimedout
            | Type::WriteTimedout,
        ) => Reason::UpstreamTimeout,
        (
            ErrorSource::Upstream,
            Type::ConnectError
            | Type::ConnectRefused
            | Type::ConnectNoRoute
            | Type::ConnectProxyFailure
            | Type::TLSHandshakeFailure
            | Type::TLSWantX509Lookup
            | Type::InvalidCert
            | Type::HandshakeError
            | Type::SocketError
            | Type::BindError,
        ) => Reason::UpstreamUnreachable,
        (ErrorSource::Upstream, _) => Reason::UpstreamFailed,
        (ErrorSource::Downstream, Type::ReadTimedout) => Reason::BodyTimeout,
        (ErrorSource::Downstream, Type::InvalidHTTPHeader) => Reason::BadFraming,
        (ErrorSource::Downstream, _) => Reason::ClientClosed,
        _ => Reason::InternalError,
    }
}

/// The chain of an error, without the session's summary.
pub(super) fn describe(error: &Error) -> String {
    let mut text = error.etype().as_str().to_owned();
    // SECURITY: Pingora quotes what it could not parse: heads with their cookies and tokens, and
    // what of a body came along.
    let quotes = [error.etype(), error.root_etype()]
        .into_iter()
        .any(|kind| matches!(kind, ErrorType::InvalidHTTPHeader | ErrorType::Custom(_)));
    if quotes {
        text.push_str(": what was sent is not HTTP as it should be");
        return text;
    }
    if let Some(context) = &error.context {
        text.push_str(": ");
        text.push_str(context.as_str());
    }
    if let Some(cause) = &error.cause {
        text.push_str(": ");
        text.push_str(&cause.to_string());
    }
    // OpenSSL's own text stops at "certificate verify failed".
    if *error.etype() == ErrorType::InvalidCert {
        text.push_str(
            " (the certificate has expired, is for another host, or is not by an authority of \
             `upstream.ca_file`, without it the system's)",
        );
    }
    text
}
