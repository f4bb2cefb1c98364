use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};
use serde_json::{Value, json};

use crate::fake::fixtures::{HOST, NOW, PAIR, STRANGER, ask, contoso, decoded, post_form};
use crate::fake::{AppRegistration, Contoso, Issuer, KeyPair};

const TOKEN: &str = "/5e0699a2-7e10-4d08-8ebb-4f7d7406ad09/oauth2/v2.0/token";

/// An assertion in the making: right until changed.
struct Forge {
    header: Value,
    claims: Value,
    padding: Padding,
    salt: RsaPssSaltlen,
    digest: MessageDigest,
}

impl Forge {
    fn new() -> Self {
        let now = NOW.seconds();
        Self {
            header: json!({ "typ": "JWT", "alg": "PS256", "x5t#S256": sha256_of(&PAIR) }),
            claims: json!({
                "aud": format!("http://{HOST}{TOKEN}"),
                "iss": Contoso::MAIL_CLIENT,
                "sub": Contoso::MAIL_CLIENT,
                "jti": "9ef089d9-b116-40d8-bbe2-57a756e32ea9",
                "iat": now, "nbf": now, "exp": now + 600,
            }),
            padding: Padding::PKCS1_PSS,
            salt: RsaPssSaltlen::DIGEST_LENGTH,
            digest: MessageDigest::sha256(),
        }
    }

    fn rs256(mut self) -> Self {
        self.header = json!({ "alg": "RS256", "x5t": sha1_of(&PAIR) });
        self.padding = Padding::PKCS1;
        self
    }

    fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header[name] = value.into();
        self
    }

    fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims[name] = value.into();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.claims.as_object_mut().unwrap().remove(name);
        self
    }

    fn signed_by(self, pair: &KeyPair) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(&self.header), encode(&self.claims));
        let mut signer = Signer::new(self.digest, pair.key()).unwrap();
        signer.set_rsa_padding(self.padding).unwrap();
        if self.padding == Padding::PKCS1_PSS {
            signer.set_rsa_pss_saltlen(self.salt).unwrap();
        }
        let signature = signer.sign_oneshot_to_vec(message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signed(self) -> String {
        self.signed_by(&PAIR)
    }
}

fn thumbprint(pair: &KeyPair, digest: MessageDigest) -> Vec<u8> {
    pair.certificate().digest(digest).unwrap().to_vec()
}

fn sha1_of(pair: &KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(thumbprint(pair, MessageDigest::sha1()))
}

fn sha256_of(pair: &KeyPair) -> String {
    URL_SAFE_NO_PAD.encode(thumbprint(pair, MessageDigest::sha256()))
}

fn issuer() -> Issuer {
    let issuer = contoso().issuer;
    let der = PAIR.certificate().to_der().unwrap();
    issuer.register(|registry| {
        registry.with_app_changed(Contoso::MAIL_CLIENT, |app| app.certificate(&der).unwrap())
    });
    issuer
}

fn post(issuer: &Issuer, assertion: &str) -> (u16, Value) {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", Contoso::MAIL_CLIENT),
        (
            "client_assertion_type",
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        ),
        ("client_assertion", assertion),
        ("scope", "https://graph.microsoft.com/.default"),
    ];
    let (status, body, _) = ask(issuer, &post_form(TOKEN, &form));
    (status, body)
}

#[test]
fn every_form_that_entra_takes_is_taken() {
    let issuer = issuer();
    let now = NOW.seconds();
    let (sha1, sha256) = (
        thumbprint(&PAIR, MessageDigest::sha1()),
        thumbprint(&PAIR, MessageDigest::sha256()),
    );
    let v1_url = format!("http://{HOST}/{}/oauth2/token", Contoso::MAIL_TENANT);
    for (name, assertion) in [
        ("PS256", Forge::new()),
        ("RS256", Forge::new().rs256()),
        (
            "padded S256",
            Forge::new().header("x5t#S256", URL_SAFE.encode(&sha256)),
        ),
        (
            "standard S256",
            Forge::new().header("x5t#S256", STANDARD.encode(&sha256)),
        ),
        (
            "padded x5t",
            Forge::new().rs256().header("x5t", URL_SAFE.encode(&sha1)),
        ),
        (
            "both thumbprints",
            Forge::new().header("x5t", URL_SAFE.encode(&sha1)),
        ),
        (
            "float exp, no nbf",
            Forge::new().claim("exp", now as f64 + 600.5).without("nbf"),
        ),
        (
            "times as strings",
            Forge::new()
                .claim("exp", (now + 600).to_string())
                .claim("nbf", now.to_string()),
        ),
        ("v1 URL as audience", Forge::new().claim("aud", v1_url)),
        (
            "nbf five minutes ago",
            Forge::new().rs256().claim("nbf", now - 300),
        ),
        ("with chain", Forge::new().header("x5c", json!(["MIIC"]))),
        ("without jti", Forge::new().without("jti")),
    ] {
        let (status, body) = post(&issuer, &assertion.signed());
        assert_eq!(status, 200, "{name}: {body}");
        let (_, claims) = decoded(body["access_token"].as_str().unwrap());
        assert_eq!(claims["appidacr"], "2", "{name}");
        assert_eq!(claims["roles"], json!(["Mail.Read", "Mail.Send"]), "{name}");
    }
}

#[test]
fn what_proves_nothing_is_refused() {
    let issuer = issuer();
    let now = NOW.seconds();
    let good = Forge::new().signed();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let mut short_salt = Forge::new();
    short_salt.salt = RsaPssSaltlen::custom(20);
    let mut sha512 = Forge::new().rs256();
    sha512.digest = MessageDigest::sha512();
    let elsewhere =
        "https://login.microsoftonline.com/5e0699a2-7e10-4d08-8ebb-4f7d7406ad09/oauth2/v2.0/token";
    let other_tenant = format!("http://{HOST}/{}/oauth2/v2.0/token", Contoso::CALC_TENANT);
    for (name, assertion, code) in [
        ("no JWT", "abc".to_owned(), 50_027),
        ("two parts", head.to_owned(), 50_027),
        (
            "alg none",
            Forge::new().header("alg", "none").signed(),
            50_027,
        ),
        (
            "alg HS256",
            Forge::new().header("alg", "HS256").signed(),
            50_027,
        ),
        (
            "no thumbprint",
            {
                let mut forge = Forge::new();
                forge.header = json!({ "alg": "PS256", "typ": "JWT" });
                forge.signed()
            },
            50_027,
        ),
        ("no signature", format!("{head}."), 700_027),
        (
            "other head",
            format!(
                "{}.{signature}",
                Forge::new()
                    .claim("exp", now + 601)
                    .signed()
                    .rsplit_once('.')
                    .unwrap()
                    .0
            ),
            700_027,
        ),
        ("stranger's key", Forge::new().signed_by(&STRANGER), 700_027),
        (
            "stranger's certificate",
            Forge::new()
                .header("x5t#S256", sha256_of(&STRANGER))
                .signed_by(&STRANGER),
            700_027,
        ),
        (
            "thumbprints of two",
            Forge::new().header("x5t", sha1_of(&STRANGER)).signed(),
            700_027,
        ),
        (
            "SHA-256 in x5t",
            Forge::new()
                .rs256()
                .header("x5t", sha256_of(&PAIR))
                .signed(),
            700_027,
        ),
        (
            "hex in x5t",
            Forge::new()
                .rs256()
                .header("x5t", "5BE2ADD1BE01ED190ADF871D5D547DD5EFE77FDC")
                .signed(),
            700_027,
        ),
        (
            "PS256 said, RS256 done",
            Forge::new().rs256().header("alg", "PS256").signed(),
            700_027,
        ),
        (
            "RS256 said, PS256 done",
            Forge::new().header("alg", "RS256").signed(),
            700_027,
        ),
        ("short salt", short_salt.signed(), 700_027),
        ("SHA-512", sha512.signed(), 700_027),
        (
            "sub is not iss",
            Forge::new().claim("sub", Contoso::CALC_CLIENT).signed(),
            50_048,
        ),
        (
            "no iss",
            Forge::new().without("iss").without("sub").signed(),
            50_048,
        ),
        (
            "another application",
            Forge::new()
                .claim("iss", Contoso::CALC_CLIENT)
                .claim("sub", Contoso::CALC_CLIENT)
                .signed(),
            700_021,
        ),
        (
            "audience elsewhere",
            Forge::new().claim("aud", elsewhere).signed(),
            700_023,
        ),
        (
            "audience of another tenant",
            Forge::new().claim("aud", other_tenant).signed(),
            700_023,
        ),
        ("no audience", Forge::new().without("aud").signed(), 700_023),
        (
            "expired",
            Forge::new()
                .claim("nbf", now - 1200)
                .claim("exp", now - 300)
                .signed(),
            700_024,
        ),
        (
            "not yet",
            Forge::new().claim("nbf", now + 301).signed(),
            700_024,
        ),
        ("no exp", Forge::new().without("exp").signed(), 700_024),
        (
            "exp is no number",
            Forge::new().claim("exp", json!([1])).signed(),
            700_024,
        ),
        (
            "lives two days",
            Forge::new().claim("exp", now + 172_800).signed(),
            700_024,
        ),
        (
            "ends before it begins",
            Forge::new()
                .claim("nbf", now + 200)
                .claim("exp", now + 100)
                .signed(),
            700_024,
        ),
    ] {
        let (status, body) = post(&issuer, &assertion);
        assert_eq!(
            (status, &body["error_codes"]),
            (401, &json!([code])),
            "{name}: {body}"
        );
        assert_eq!(body["error"], "invalid_client", "{name}");
    }
}

#[test]
fn a_certificate_whose_time_is_over_proves_nothing() {
    let issuer = issuer();
    let old = KeyPair::generate_expired("Old Cert", NOW).unwrap();
    let app = AppRegistration::new(Contoso::MAIL_CLIENT)
        .certificate(&old.certificate().to_der().unwrap())
        .unwrap();
    issuer.register(|registry| registry.with_app(app));
    let assertion = Forge::new()
        .header("x5t#S256", sha256_of(&old))
        .signed_by(&old);
    let (status, body) = post(&issuer, &assertion);
    assert_eq!((status, &body["error_codes"]), (401, &json!([700_027])));
}

#[test]
fn an_assertion_serves_again_unless_told_otherwise() {
    let issuer = issuer();
    let assertion = Forge::new().signed();
    assert_eq!(post(&issuer, &assertion).0, 200);
    assert_eq!(
        post(&issuer, &assertion).0,
        200,
        "MSAL for Python sends one for nine minutes"
    );

    issuer.misbehave(|it| it.refuse_replays = true);
    assert_eq!(post(&issuer, &assertion).0, 200);
    assert_eq!(post(&issuer, &assertion).1["error_codes"], json!([50_012]));
    let fresh = Forge::new().claim("jti", "another").signed();
    assert_eq!(post(&issuer, &fresh).0, 200);
    let nameless = Forge::new().without("jti").signed();
    assert_eq!(post(&issuer, &nameless).1["error_codes"], json!([50_012]));
}
