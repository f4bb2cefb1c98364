//! Which question goes to which platform?

use http::{Method, StatusCode};

use super::machine::Machine;
use super::{app_service, fabric, metadata};
use crate::fake::http::{Intake, Origin, Request, Response};

impl Origin for Machine {
    fn intake(&self) -> Intake {
        Intake::Whole(16 * 1024)
    }

    fn answer(&self, request: &Request) -> Response {
        self.note(request);
        let (failure, pace) = self.state.door.admit();
        let response = match failure {
            Some(failure) => failure.stamp(Response::empty(failure.status)),
            None => routed(self, request),
        };
        response.paced(pace)
    }
}

fn routed(machine: &Machine, request: &Request) -> Response {
    let is_post = request.method == Method::POST;
    match request.path() {
        "/shell/oauth2/token" if is_post => fabric::cloud_shell(machine, request),
        _ if request.method != Method::GET => {
            Response::empty(StatusCode::METHOD_NOT_ALLOWED).with("allow", "GET")
        }
        "/metadata/identity/oauth2/token" => metadata::imds(machine, request),
        "/arc/metadata/identity/oauth2/token" => metadata::arc(machine, request),
        "/msi/token" => app_service::app_service(machine, request),
        "/ml/token" => app_service::machine_learning(machine, request),
        "/fabric/token" => fabric::service_fabric(machine, request),
        _ => Response::empty(StatusCode::NOT_FOUND),
    }
}

/// The first parameter of the query with that name that is not empty.
pub(super) fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let mut found = parameters
        .iter()
        .filter(|(known, value)| known == name && !value.is_empty());
    found.next().map(|(_, value)| value.as_str())
}

/// The selector among these names, where one is given.
pub(super) fn selected<'a>(
    parameters: &'a [(String, String)],
    names: &[&'a str],
) -> Option<(&'a str, &'a str)> {
    let mut given = names
        .iter()
        .filter_map(|name| Some((*name, parameter(parameters, name)?)));
    given.next()
}
