use std::time::Duration;

use super::*;
use crate::fake::mint::Mint;
use crate::inbound::test_tenant::{TENANT, Tenant, payload};
use crate::policy::PrincipalKind;
use crate::reason::Reason;

fn published() -> &'static Mint {
    Mint::published()
}

impl Issuer {
    /// As the gate does it: cached verdict, else signature and claims.
    async fn prove(&self, token: &str, now: UnixTime) -> Result<Arc<TokenPrincipal>, AuthError> {
        let digest = TokenDigest::of(token)?;
        if let Some(principal) = self.cached(&digest, now) {
            return Ok(principal);
        }
        let token = UnverifiedToken::parse(token)?;
        if !self.signs(&token.issuer) {
            return Err(TokenError::Issuer.into());
        }
        self.verify(token, digest, now).await
    }
}

async fn prove(issuer: &Issuer, token: &str, now: UnixTime) -> Result<(), Reason> {
    match issuer.prove(token, now).await {
        Ok(principal) => {
            assert_eq!(&*principal.issuer, "contoso");
            Ok(())
        }
        Err(why) => Err(why.reason()),
    }
}

#[tokio::test]
async fn a_genuine_token_is_proven_once_and_remembered() {
    let tenant = Tenant::publishing(&[published()]).await;
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let token = published().token(&payload(now));
    let first = issuer.prove(&token, now).await.unwrap();
    assert_eq!(first.kind, PrincipalKind::App);
    let second = issuer.prove(&token, now).await.unwrap();
    assert!(Arc::ptr_eq(&first, &second), "the second is the cached one");
    assert!(issuer.ready());
    let status = issuer.status();
    assert_eq!(
        (status.keys, status.fetch.fetches, status.fetch.failures),
        (1, 1, 0)
    );
    assert_eq!(tenant.fetches(), 1);
}

#[tokio::test]
async fn v1_tokens_are_proven_by_the_same_keys() {
    let tenant = Tenant::publishing(&[published()]).await;
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let mut claims = payload(now);
    claims["iss"] = format!("https://sts.windows.net/{TENANT}/").into();
    claims["ver"] = "1.0".into();
    let azp = claims.as_object_mut().unwrap().remove("azp");
    claims["appid"] = azp.unwrap();
    let token = published().token(&claims);
    assert_eq!(prove(&issuer, &token, now).await, Ok(()));
}

#[tokio::test]
async fn nothing_of_a_refused_token_is_remembered() {
    let tenant = Tenant::publishing(&[published()]).await;
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let good = published().token(&payload(now));
    assert_eq!(prove(&issuer, &good, now).await, Ok(()));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = published()
        .sign(&published().header(), "{}")
        .rsplit_once('.')
        .map(|(signed, signature)| (signed.to_owned(), signature.to_owned()))
        .unwrap();
    let mut foreign = payload(now);
    foreign["iss"] = "https://login.microsoftonline.com/other/v2.0".into();
    let mut late = payload(now);
    late["exp"] = (now.seconds() - 60).into();
    let cases = [
        (format!("{signed}.{signature}"), Reason::BadSignature),
        (published().token(&foreign), Reason::UnknownIssuer),
        (Mint::foreign().token(&foreign), Reason::UnknownIssuer),
        (published().token(&late), Reason::TokenExpired),
        (String::from("a.b.c"), Reason::MalformedToken),
        ("x".repeat(20_000), Reason::TokenTooLarge),
    ];
    for (token, reason) in cases {
        for _ in 0..2 {
            assert_eq!(prove(&issuer, &token, now).await, Err(reason));
        }
    }
    assert_eq!(
        tenant.fetches(),
        1,
        "keys are not sought for others' tokens"
    );
}

#[tokio::test]
async fn a_verdict_ends_with_its_token() {
    // More leeway than anyone may have: a remembered token must not profit from it either.
    for (leeway, allowed) in [(60, 60), (7200, 300)] {
        let tenant = Tenant::publishing(&[published()]).await;
        let issuer = tenant.issuer(|definition| definition.leeway = Duration::from_secs(leeway));
        let now = UnixTime::now();
        let token = published().token(&payload(now));
        let end = now.plus(Duration::from_secs(3600 + allowed));
        assert_eq!(prove(&issuer, &token, now).await, Ok(()));
        let last = end.minus(Duration::from_secs(1));
        assert_eq!(prove(&issuer, &token, last).await, Ok(()));
        let outcome = prove(&issuer, &token, end).await;
        assert_eq!(outcome, Err(Reason::TokenExpired), "{leeway}");
    }
}

#[tokio::test]
async fn a_key_that_left_takes_its_verdicts_along() {
    let tenant = Tenant::publishing(&[published()]).await;
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let old = published().token(&payload(now));
    assert_eq!(prove(&issuer, &old, now).await, Ok(()));
    tenant.publish(&[Mint::foreign()]);
    assert_eq!(prove(&issuer, &old, now).await, Ok(()), "nobody knows yet");
    let new = Mint::foreign().token(&payload(now));
    assert_eq!(prove(&issuer, &new, now).await, Ok(()));
    assert_eq!(prove(&issuer, &old, now).await, Err(Reason::UnknownKey));
    assert_eq!(tenant.fetches(), 2);
}

#[tokio::test]
async fn an_outage_is_never_a_bad_token() {
    let tenant = Tenant::publishing(&[published()]).await;
    tenant.fail();
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let token = published().token(&payload(now));
    for _ in 0..3 {
        let outcome = prove(&issuer, &token, now).await;
        assert_eq!(outcome, Err(Reason::KeysUnavailable));
    }
    assert!(!issuer.ready());
    let status = issuer.status();
    assert_eq!((status.keys, status.fetch.failures), (0, 1));
    assert!(status.fetch.last_error.unwrap().contains("503"));
    assert_eq!(tenant.fetches(), 1);
}

#[tokio::test]
async fn known_keys_live_through_an_outage() {
    let tenant = Tenant::publishing(&[published()]).await;
    let issuer = tenant.issuer(|_| {});
    let now = UnixTime::now();
    let mut claims = payload(now);
    assert_eq!(
        prove(&issuer, &published().token(&claims), now).await,
        Ok(())
    );
    tenant.fail();
    let new = Mint::foreign().token(&claims);
    let outcome = prove(&issuer, &new, now).await;
    assert_eq!(outcome, Err(Reason::KeysUnavailable));
    claims["uti"] = "never seen before".into();
    let unseen = published().token(&claims);
    assert_eq!(prove(&issuer, &unseen, now).await, Ok(()));
    let stale = now.plus(Duration::from_secs(24 * 3600 + 60));
    let outcome = prove(&issuer, &unseen, stale).await;
    assert_eq!(outcome, Err(Reason::KeysUnavailable));
}
