//! Is the tenant where the file says that it is, and do the clocks agree? What Entra answers to a token request
//! tells neither in words that help.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use http::header::DATE;
use serde_json::Value;

use crate::clock::UnixTime;
use crate::entra::{Authority, Cloud};
use crate::http_client::{Answer, HttpClient};

const LARGEST_ANSWER: usize = 256 * 1024;

/// Entra takes assertions and issues tokens whose times are so far off.
const TOLERATED: Duration = Duration::from_secs(300);

/// What nobody's clock is off by that is set from the network.
const NOTEWORTHY: Duration = Duration::from_secs(30);

/// What the tenant's own metadata says of it.
pub(super) async fn tenant(authority: &Authority, http: &HttpClient) -> anyhow::Result<String> {
    let url = authority.metadata_url();
    let answer = http.fetch(&url, LARGEST_ANSWER).await;
    let answer = answer.map_err(|why| anyhow!("{url}: {why}"))?;
    read(&answer, authority, UnixTime::now())
}

fn read(answer: &Answer, authority: &Authority, now: UnixTime) -> anyhow::Result<String> {
    let url = authority.metadata_url();
    let host = url.split('/').nth(2).unwrap_or_default();
    let clock = clock(answer, host, now)?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if answer.status != 200 {
        let is_unknown = body["error"] == "invalid_tenant" || answer.status == 400;
        if is_unknown {
            bail!(
                "{host} knows no tenant {}; check `tenant`, or it is of another cloud: set `cloud`",
                authority.tenant()
            );
        }
        // What stands in for Entra need not have metadata.
        return Ok(format!(
            "{host} answers {} to its metadata; {clock}",
            answer.status
        ));
    }
    let instance = body["cloud_instance_name"].as_str().unwrap_or_default();
    let clouds = [
        (Cloud::Public, "public", "microsoftonline.com"),
        (Cloud::UsGov, "usgov", "microsoftonline.us"),
        (Cloud::China, "china", "partner.microsoftonline.cn"),
    ];
    let found = clouds.iter().find(|(_, _, name)| *name == instance);
    match found {
        Some((cloud, word, _)) if *cloud != authority.cloud() => {
            bail!("the tenant is of the cloud `{word}`; set `cloud: {word}` below `entra`")
        }
        _ => Ok(format!("known to {host}; {clock}")),
    }
}

/// How far this host's clock is from the other side's (RFC 9110 §6.6.1).
fn clock(answer: &Answer, host: &str, now: UnixTime) -> anyhow::Result<String> {
    let date = answer.headers.get(DATE).and_then(|date| date.to_str().ok());
    let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let theirs = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok());
    let Some(theirs) = theirs.map(|since| UnixTime::from_seconds(since.as_secs())) else {
        return Ok("it does not tell its time".to_owned());
    };
    let (behind, ahead) = (now.until(theirs), theirs.until(now));
    let off = behind.max(ahead);
    let side = if behind > ahead { "behind" } else { "ahead of" };
    let told = format!("this host's clock is {} s {side} {host}'s", off.as_secs());
    match off {
        off if off >= TOLERATED => {
            bail!("{told}; set it by NTP: tokens and assertions are judged by it")
        }
        off if off >= NOTEWORTHY => Ok(format!("{told}; set it by NTP")),
        _ => Ok("the clocks agree".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use zeroize::Zeroizing;

    use super::*;

    const NOW: UnixTime = UnixTime::from_seconds(1_790_000_000);

    fn told(cloud: Cloud, status: u16, body: &str, skew: i64) -> Result<String, String> {
        let tenant = "11111111-aaaa-4bbb-8ccc-222222222222".parse().unwrap();
        let authority = Authority::new(cloud, tenant, None);
        let mut headers = HeaderMap::new();
        let theirs = UNIX_EPOCH + Duration::from_secs(NOW.seconds().saturating_add_signed(skew));
        let date = httpdate::fmt_http_date(theirs);
        headers.insert(DATE, HeaderValue::from_str(&date).unwrap());
        let answer = Answer {
            status,
            headers,
            body: Zeroizing::new(body.as_bytes().to_vec()),
        };
        read(&answer, &authority, NOW).map_err(|why| why.to_string())
    }

    #[test]
    fn a_tenant_that_is_elsewhere_or_nowhere_is_told_with_the_fix() {
        let public = r#"{"cloud_instance_name":"microsoftonline.com"}"#;
        let gov = r#"{"cloud_instance_name":"microsoftonline.us"}"#;
        let unknown = r#"{"error":"invalid_tenant","error_description":"AADSTS90002"}"#;
        let host = "login.microsoftonline.com";
        #[rustfmt::skip]
        let cases = [
            (Cloud::Public, 200, public, 2, Ok("known to login.microsoftonline.com; the clocks agree".to_owned())),
            (Cloud::Public, 200, gov, 0, Err("the tenant is of the cloud `usgov`; set `cloud: usgov` below `entra`".to_owned())),
            (Cloud::UsGov, 200, public, 0, Err("the tenant is of the cloud `public`; set `cloud: public` below `entra`".to_owned())),
            (Cloud::Public, 400, unknown, 0, Err(format!(
                "{host} knows no tenant 11111111-aaaa-4bbb-8ccc-222222222222; check `tenant`, or it is of another cloud: set `cloud`"))),
            (Cloud::Public, 404, "", 0, Ok(format!("{host} answers 404 to its metadata; the clocks agree"))),
            (Cloud::Public, 200, public, 45, Ok(format!("known to {host}; this host's clock is 45 s behind {host}'s; set it by NTP"))),
            (Cloud::Public, 200, public, -45, Ok(format!("known to {host}; this host's clock is 45 s ahead of {host}'s; set it by NTP"))),
            (Cloud::Public, 200, public, 412, Err(format!(
                "this host's clock is 412 s behind {host}'s; set it by NTP: tokens and assertions are judged by it"))),
        ];
        for (cloud, status, body, skew, expected) in cases {
            assert_eq!(
                told(cloud, status, body, skew),
                expected,
                "{status} {body} {skew}"
            );
        }
    }
}
