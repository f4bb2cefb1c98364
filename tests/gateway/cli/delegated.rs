//! What an administrator has to do for those who are acted for: the consent that is asked for, and the script that
//! gives it.

use crate::support::{Ran, Setup, run};
use bearergate::fake::{ApiRegistration, Contoso};

const API: &str = Contoso::CALC_API;
const GRAPH: &str = ApiRegistration::GRAPH;

/// The script for this file, without what all of them have.
fn script(setup: &Setup) -> String {
    let Ran { out, .. } = run(&["setup", "entra", &setup.written()]).ends(0);
    let (_, steps) = out.split_once("\n# The API ").unwrap();
    steps.to_owned()
}

#[tokio::test]
async fn consent_is_asked_for_what_routes_do_for_users_and_for_applications() {
    let mut setup = Setup::of("on-behalf-of.yaml");
    setup.set(
        "/routes/0/token/scope",
        "https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/Calendars.Read",
    );
    let config = setup.written();
    let back = ["--redirect-uri", "https://contoso.example/back"];
    let ran = run(&["consent-url", &config, back[0], back[1]]).ends(0);
    let graph = "scope=https%3A%2F%2Fgraph.microsoft.com%2F";
    for scope in [
        format!("{graph}Mail.Read%20https%3A%2F%2Fgraph.microsoft.com%2FCalendars.Read&"),
        format!("{graph}User.Read&"),
        format!("{graph}Mail.Read&"),
        format!("{graph}.default&"),
    ] {
        assert!(ran.out.contains(&scope), "{scope} in {}", ran.out);
    }
    assert_eq!(ran.out.lines().count(), 4, "{}", ran.out);
}

#[tokio::test]
async fn the_script_exposes_what_clients_ask_for_and_consents_to_what_is_done_for_users() {
    let mut setup = Setup::of("on-behalf-of.yaml");
    setup.set(
        "/routes/0/callers",
        "[bearer: { issuer: contoso, azp: [$CALC_CLIENT], scp: [access_as_user], roles: [Clerk] }]",
    );
    let steps = script(&setup);
    let client = Contoso::CALC_CLIENT;
    for line in [
        format!("delegate {client} {API} access_as_user\n"),
        format!("delegate {API} {GRAPH} Mail.Read\n"),
        format!("delegate {API} {GRAPH} User.Read\n"),
        format!("# grant {API} API-CLIENT-ID ROLE\n"),
    ] {
        assert!(steps.contains(&line), "{line} in {steps}");
    }
    let exposed = steps.lines().find(|line| line.starts_with("scope "));
    assert!(exposed.unwrap().ends_with(" access_as_user"), "{steps}");
    // The user's role, which no application can be given.
    assert!(steps.contains("# The role Clerk is of users"), "{steps}");
    assert!(!steps.contains("grant ") || !steps.contains(&format!("{API} Clerk")));
    assert!(
        !steps.lines().any(|line| line.starts_with("role ")),
        "{steps}"
    );
}

#[tokio::test]
async fn what_it_cannot_know_is_a_remark_and_never_a_step() {
    let mut setup = Setup::of("on-behalf-of.yaml");
    for (scope, remark) in [
        (
            "https://graph.microsoft.com/.default",
            format!("# delegate {API} {GRAPH} SCOPE\n"),
        ),
        (
            "https://orders.contoso.example/Orders.Read",
            format!("# delegate {API} API-CLIENT-ID SCOPE\n"),
        ),
    ] {
        setup.set("/routes/1/token/scope", scope);
        let steps = script(&setup);
        assert!(steps.contains(&remark), "{remark} in {steps}");
        assert!(!steps.contains("Orders.Read\ndelegate"), "{steps}");
    }
    setup.set(
        "/routes/0/callers",
        r#"[bearer: { issuer: contoso, scp: ["a'b", "$(id)"] }]"#,
    );
    let steps = script(&setup);
    assert!(
        steps.contains("# scope: Entra knows no role or scope named \"a'b\"."),
        "{steps}"
    );
    assert!(steps.contains(" '$(id)'\n"), "{steps}");
}
