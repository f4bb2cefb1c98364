use super::super::samples::{CLIENT, platforms};
use super::*;

const GRAPH: &str = "https://graph.microsoft.com";

fn asked(platform: &Platform, selector: &Selector) -> String {
    let question = platform.question(GRAPH, selector).unwrap();
    let mut lines: Vec<_> = question
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.extend(
        question
            .form
            .iter()
            .flatten()
            .map(|(k, v)| format!("{k}={v}")),
    );
    let query = question.url.query().unwrap_or_default();
    format!("{query} {}", lines.join(" "))
}

#[test]
fn each_platform_is_asked_in_its_own_way() {
    let resource = "resource=https%3A%2F%2Fgraph.microsoft.com";
    let secret = "a header that is a secret";
    let expected = [
        format!("api-version=2018-02-01&{resource} metadata: true"),
        format!("api-version=2019-08-01&{resource} x-identity-header: {secret}"),
        format!("api-version=2019-07-01-preview&{resource} secret: {secret}"),
        format!("api-version=2017-09-01&{resource} secret: {secret}"),
        format!(" metadata: true resource={GRAPH}"),
        format!("api-version=2020-06-01&{resource} metadata: true"),
    ];
    for (platform, expected) in platforms("http://127.0.0.1:1").iter().zip(expected) {
        assert_eq!(asked(platform, &Selector::Own), expected);
        let question = platform.question(GRAPH, &Selector::Own).unwrap();
        let pinned = matches!(platform, Platform::ServiceFabric { .. });
        assert_eq!(question.thumbprint.is_some(), pinned);
        let secrets = question
            .headers
            .iter()
            .filter(|(name, _)| *name != "metadata");
        assert!(secrets.into_iter().all(|(_, value)| value.is_sensitive()));
    }
}

#[test]
fn each_platform_has_its_own_words_for_who_is_meant() {
    let id: crate::guid::Guid = CLIENT.parse().unwrap();
    let resource = "/subscriptions/s/resourcegroups/g/providers/x/userAssignedIdentities/n";
    let selectors = [
        Selector::ClientId(id),
        Selector::ObjectId(id),
        Selector::ResourceId(resource.to_owned()),
    ];
    let path =
        "%2Fsubscriptions%2Fs%2Fresourcegroups%2Fg%2Fproviders%2Fx%2FuserAssignedIdentities%2Fn";
    // In the order of the selectors; where there is none, it is refused before anything is asked.
    #[rustfmt::skip]
    let words: [[Option<&str>; 3]; 6] = [
        [Some("client_id"), Some("object_id"), Some("msi_res_id")],
        [Some("client_id"), Some("object_id"), Some("mi_res_id")],
        [None, None, None],
        [Some("clientid"), None, None],
        [None, None, None],
        [Some("client_id"), Some("object_id"), Some("msi_res_id")],
    ];
    for (platform, words) in platforms("http://127.0.0.1:1").iter().zip(words) {
        for (selector, word) in selectors.iter().zip(words) {
            assert_eq!(
                platform.fits(selector).is_ok(),
                word.is_some(),
                "{platform} {selector}"
            );
            let Some(word) = word else { continue };
            let value = match selector {
                Selector::ResourceId(_) => path,
                _ => CLIENT,
            };
            let asked = asked(platform, selector);
            assert!(asked.contains(&format!("&{word}={value} ")), "{asked}");
        }
        platform.fits(&Selector::Own).unwrap();
    }
}

#[test]
fn machine_learning_has_an_identity_of_its_own_to_name() {
    let [.., platform, _, _] = platforms("http://127.0.0.1:1");
    let Platform::MachineLearning {
        endpoint, secret, ..
    } = platform
    else {
        panic!("{platform}");
    };
    let usual = Some(CLIENT.to_owned());
    let platform = Platform::MachineLearning {
        endpoint,
        secret,
        usual,
    };
    let asked = asked(&platform, &Selector::Own);
    assert!(asked.contains(&format!("&clientid={CLIENT} ")), "{asked}");
}
