//! Each guide is walked through: its commands are typed in order into one shell, against the dev issuer, and
//! what the page says comes back must come back. `az` and Exchange's PowerShell are stand-ins that keep a
//! directory, and know no command or flag that the originals do not have.

mod azure;
mod cluster;
mod delegated;
mod directory;
mod exchange;
mod given;
mod page;
mod query;
mod shell;
mod walk;

use bearergate::fake::{ApiRegistration, Contoso};

use walk::Walk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn front_an_api() {
    let walk = Walk::through("docs/guides/front-an-api.md").await;
    walk.asked(&["az ad app create", "az ad app permission admin-consent"]);
    let seen = walk.echo().last().unwrap();
    assert!(
        seen.header("authorization").is_none(),
        "no token reaches the API"
    );
    assert_eq!(seen.header("x-roles"), Some("Orders.Read"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn legacy_mail() {
    let walk = Walk::through("docs/guides/legacy-mail.md").await;
    walk.asked(&["az ad app credential reset", "pwsh exchange.ps1"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operating() {
    Walk::through("docs/operating.md").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubernetes() {
    let walk = Walk::through_with("docs/guides/kubernetes.md", |settled| {
        settled.api("orders-api", true);
    });
    let walk = walk.await;
    walk.asked(&["helm upgrade", "helm uninstall"]);
    let seen = walk.echo().last().unwrap();
    assert_eq!(seen.header("x-caller"), Some("key:payroll"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_oauth2_proxy() {
    let walk = Walk::through_with("docs/guides/from-oauth2-proxy.md", |settled| {
        settled.app("orders-proxy", true);
        settled.client("orders-report", None);
    });
    let seen = walk.await.echo().last().unwrap();
    let user = seen.header("x-forwarded-user").unwrap();
    assert!(user.starts_with("app:"), "{user}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_envoy_jwt_authn() {
    Walk::through_with("docs/guides/from-envoy-jwt-authn.md", |settled| {
        let api = settled.api("orders-api", false);
        settled.client("orders-report", Some((api.as_str(), "Orders.Read")));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_msal_in_the_app() {
    let walk = Walk::through_with("docs/guides/from-msal-in-the-app.md", |settled| {
        settled.client("reports", Some((ApiRegistration::GRAPH, "Mail.Read")));
    });
    walk.await.asked(&["az ad app credential delete"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_entra() {
    let walk = Walk::through("docs/guides/setup-entra.md").await;
    walk.asked(&[
        "az ad app update",
        "az ad app credential reset",
        "az rest --method POST",
        "pwsh ",
    ]);
    let made = walk.count("az rest --method POST") + walk.count("az rest --method PATCH");
    let given = walk.count("az ad app credential reset") + walk.count("az ad app permission add");
    // One role, two consents and a scope; a secret, a certificate and two permissions.
    assert_eq!(
        (made, given),
        (4, 4),
        "the second run finds everything there"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn troubleshooting() {
    Walk::through("docs/troubleshooting.md").await;
}

/// Which the chart's own step renders, validates and checks.
#[test]
fn the_values_of_the_guide_are_a_scenario_of_the_chart() {
    let page = include_str!("../../../docs/guides/kubernetes.md");
    let (_, values) = page.split_once("cat > values.yaml <<END\n").unwrap();
    let (values, _) = values.split_once("END\n").unwrap();
    let values = values.replace("$tenant", Contoso::CALC_TENANT);
    let values = values.replace("$api", Contoso::CALC_API);
    let scenario = include_str!("../../../charts/bearergate/ci/guide-values.yaml");
    let (_, scenario) = scenario.split_once('\n').unwrap();
    assert_eq!(scenario, values);
}
