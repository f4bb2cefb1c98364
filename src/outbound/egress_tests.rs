use super::*;
use crate::policy::{Callers, Evidence};
use crate::request::{Authorization, Client, Params};

#[tokio::test]
async fn nothing_is_forwarded_for_whom_no_token_proved() {
    let evidence = Evidence::of(Client::Unknown);
    let permit = Callers::Public.permit(evidence, &Params::none()).unwrap();
    let carried = Egress::CallersOwn.token(&permit, UnixTime::now()).await;
    assert!(matches!(carried, Err(AcquireError::NothingToForward)));
}

#[test]
fn what_is_carried_is_never_shown() {
    let headers = http::HeaderMap::from_iter([(
        http::header::AUTHORIZATION,
        HeaderValue::from_static("Bearer a.b.c"),
    )]);
    let own = Authorization::of(&headers).unwrap().unwrap().field();
    assert_eq!(
        format!("{:?}", Carried::CallersOwn(own)),
        "CallersOwn(Sensitive)"
    );
    assert_eq!(format!("{:?}", Carried::Nothing), "Nothing");
}
