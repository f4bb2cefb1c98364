use serde_json::json;

use super::super::samples::{CLIENT, platforms};
use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

fn read_of(body: &Value) -> Result<TokenResponse, ManagedIdentityError> {
    let [platform, ..] = platforms("http://127.0.0.1:1");
    read(body.to_string().as_bytes(), &platform, &Selector::Own, NOW)
}

/// Seconds until it ends, and until it is renewed.
fn lives(body: &Value) -> (u64, Option<u64>) {
    let response = read_of(body).unwrap_or_else(|why| panic!("{why}: {body}"));
    assert_eq!(response.access_token.expose(), "a.b.c");
    let left = |at: UnixTime| NOW.until(at).as_secs();
    (left(response.expires_at), response.refresh_at.map(left))
}

#[test]
fn times_come_as_numbers_strings_and_dates() {
    let token = "a.b.c";
    #[rustfmt::skip]
    let cases = [
        (json!({ "access_token": token, "expires_in": "3599" }), (3599, None)),
        (json!({ "access_token": token, "expires_in": 3599 }), (3599, None)),
        (json!({ "access_token": token, "expires_on": "1790003600" }), (3600, None)),
        (json!({ "access_token": token, "expires_on": 1_790_003_600 }), (3600, None)),
        (json!({ "access_token": token, "expires_on": "09/21/2026 15:13:20 +00:00" }), (3600, None)),
        (json!({ "access_token": token, "expires_on": "9/21/2026 3:13:20 PM +00:00" }), (3600, None)),
        // A day's token is renewed at noon; what is left of it counts, not what it was issued with.
        (json!({ "access_token": token, "expires_in": "86399", "token_type": "bearer" }), (86_399, Some(43_199))),
        (json!({ "access_token": token, "expires_in": "86399", "expires_on": "1790007200" }), (7200, Some(3600))),
        (json!({ "access_token": token, "expires_in": "60", "expires_on": "1790007200" }), (60, None)),
        (json!({ "access_token": token, "expires_in": "999999999999" }), (86_400, Some(43_200))),
    ];
    for (body, expected) in cases {
        assert_eq!(lives(&body), expected, "{body}");
    }
}

#[test]
fn what_is_no_token_is_refused_and_not_quoted() {
    #[rustfmt::skip]
    let cases = [
        json!(["MARK"]),
        json!({ "access_token": ["MARK"], "expires_in": 60 }),
        json!({ "access_token": "", "expires_in": 60 }),
        json!({ "access_token": "MARK\r\nx: y", "expires_in": 60 }),
        json!({ "access_token": "MARK", "expires_in": 60, "token_type": "mtls_pop" }),
        json!({ "access_token": "MARK", "expires_in": 60, "token_type": 7 }),
        json!({ "access_token": "MARK" }),
        json!({ "access_token": "MARK", "expires_in": "MARK", "expires_on": "MARK +00:00" }),
        json!({ "access_token": "MARK", "expires_on": "13/40/2026 25:00:00 +00:00" }),
        json!({ "access_token": "MARK", "expires_on": "1/1/99999999 1:1:1 +00:00" }),
        json!({ "access_token": "MARK", "expires_in": -60 }),
        json!({ "access_token": "MARK", "expires_in": 1 }),
        json!({ "access_token": "MARK", "expires_on": 1_789_999_999 }),
    ];
    for body in cases {
        let error = read_of(&body).unwrap_err();
        assert!(
            matches!(error, ManagedIdentityError::Malformed(_)),
            "{body}"
        );
        assert!(!error.to_string().contains("MARK"), "{error}");
    }
}

#[test]
fn the_token_of_another_identity_is_refused() {
    let id: crate::guid::Guid = CLIENT.parse().unwrap();
    let other = "00000000-0b1f-4c3d-9e5a-6f7081920a1b";
    let resource = "/subscriptions/S/x/userAssignedIdentities/n";
    let by_id = Selector::ClientId(id);
    let by_object = Selector::ObjectId(id);
    let by_resource = Selector::ResourceId(resource.to_owned());
    let [machine, .., arc] = platforms("http://127.0.0.1:1");
    #[rustfmt::skip]
    let cases = [
        (&machine, &by_id, json!({ "client_id": CLIENT.to_uppercase() }), true),
        (&machine, &by_id, json!({}), true),
        (&machine, &by_id, json!({ "client_id": other }), false),
        (&machine, &by_object, json!({ "client_id": other }), true),
        (&arc, &Selector::Own, json!({}), true),
        (&arc, &by_id, json!({ "client_id": CLIENT }), true),
        (&arc, &by_id, json!({ "client_id": other }), false),
        (&arc, &by_id, json!({}), false),
        (&arc, &by_object, json!({ "client_id": CLIENT }), false),
        (&arc, &by_object, json!({ "object_id": CLIENT }), true),
        (&arc, &by_resource, json!({ "msi_res_id": resource.to_lowercase() }), true),
        (&arc, &by_resource, json!({ "mi_res_id": resource }), true),
        (&arc, &by_resource, json!({ "client_id": CLIENT }), false),
    ];
    for (platform, selector, said, is_taken) in cases {
        let mut body = json!({ "access_token": "a.b.c", "expires_in": 60 });
        body.as_object_mut()
            .unwrap()
            .extend(said.as_object().unwrap().clone());
        let outcome = read(body.to_string().as_bytes(), platform, selector, NOW);
        assert_eq!(outcome.is_ok(), is_taken, "{platform} {selector} {said}");
    }
}
