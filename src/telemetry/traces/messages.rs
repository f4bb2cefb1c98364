//! How do spans go to a collector, and what does it say to them? OTLP's protobuf messages.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use prost::Message;
use uuid::Uuid;

use super::TracesDefinition;
use super::spans::{Spans, text};

/// Puts spans together into what is posted.
pub struct Batch {
    /// What is said of this process, with each post.
    resource: Resource,
}

impl Batch {
    pub fn new(definition: &TracesDefinition) -> Self {
        let instance = Uuid::new_v4().to_string();
        let own = [
            ("service.name", definition.service.as_str()),
            ("service.version", env!("CARGO_PKG_VERSION")),
            ("service.instance.id", &instance),
        ];
        // Who says otherwise in the file knows better.
        let said = |name: &str| definition.attributes.iter().any(|(it, _)| it == name);
        let own = own.iter().filter(|(name, _)| !said(name));
        let own = own.map(|(name, value)| text(name, value));
        let more = definition.attributes.iter();
        let more = more.map(|(name, value)| text(name, value));
        Self {
            resource: Resource {
                attributes: own.chain(more).collect(),
                ..Resource::default()
            },
        }
    }

    /// `application/x-protobuf`.
    pub fn message(&self, spans: Spans) -> Vec<u8> {
        let scope = InstrumentationScope {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..InstrumentationScope::default()
        };
        let of_scope = ScopeSpans {
            scope: Some(scope),
            spans,
            ..ScopeSpans::default()
        };
        let of_resource = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![of_scope],
            ..ResourceSpans::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![of_resource],
        };
        request.encode_to_vec()
    }
}

/// How many spans a collector did not take of those that it answered 2xx to; 0 where it says nothing
/// that can be read.
pub fn rejected(answer: &[u8]) -> u64 {
    let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
    let told = answer.partial_success.map(|it| it.rejected_spans);
    u64::try_from(told.unwrap_or_default()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTracePartialSuccess;

    use super::*;

    #[test]
    fn what_a_collector_did_not_take_is_read_from_its_answer() {
        let of = |rejected_spans| {
            let partial_success = Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: "too old".to_owned(),
            });
            ExportTraceServiceResponse { partial_success }.encode_to_vec()
        };
        let cases = [(of(3), 3), (of(0), 0), (of(-1), 0), (Vec::new(), 0)];
        for (answer, expected) in cases {
            assert_eq!(rejected(&answer), expected);
        }
        assert_eq!(rejected(b"{\"partialSuccess\":{}}"), 0);
    }
}
