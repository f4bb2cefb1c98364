//! Does any certificate end soon? Entra refuses an identity whose has ended, callers a listener, upstreams
//! the gateway; all say so only when it is too late.

use std::convert::Infallible;
use std::time::Duration;

use crate::certified_key::CertifiedKey;
use crate::clock::UnixTime;
use crate::config::Config;
use crate::outbound::{CredentialDefinition, IdentityDefinition};

/// So long before the end there is still time to roll a certificate.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often it is told.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// When the certificates of a configuration end: those of identities, those that listeners show, and those
/// that upstreams are shown.
#[derive(Clone)]
pub(super) struct CertificateAges(Vec<Age>);

#[derive(Clone)]
struct Age {
    whose: String,
    what: &'static str,
    /// Who will refuse it then.
    judge: &'static str,
    /// Where another comes from, if that is known.
    advice: &'static str,
    begins: UnixTime,
    ends: UnixTime,
}

impl CertificateAges {
    pub(super) fn of(config: &Config) -> Self {
        let identities = config.identities.iter().flat_map(of_identity);
        let listeners = config.listeners.iter();
        let listeners = listeners.map(|it| (format!("listener {}", it.name), it.tls.as_ref()));
        let admin = config.admin.iter();
        let admin = admin.map(|it| ("admin".to_owned(), it.tls.as_ref()));
        let shown = listeners.chain(admin).flat_map(|(whose, tls)| {
            let certificates = tls.map_or(&[][..], |tls| &tls.certificates);
            let several = certificates.len() > 1;
            let age = move |(place, certificate): (usize, &CertifiedKey)| Age {
                whose: match several {
                    true => format!("{whose}, certificate {}", place + 1),
                    false => whose.clone(),
                },
                what: "certificate",
                judge: "callers refuse",
                advice: "",
                begins: certificate.not_before(),
                ends: certificate.not_after(),
            };
            certificates.iter().enumerate().map(age)
        });
        // Several routes to one upstream show one certificate.
        let mut known = Vec::new();
        let upstreams = config.routes.iter().filter_map(|route| {
            let endpoint = route.upstream.endpoints.first()?;
            let certificate = endpoint.client_certificate.as_ref()?;
            if known.contains(&certificate) {
                return None;
            }
            known.push(certificate);
            Some(Age {
                whose: format!("route {}, upstream.client_certificate", route.id),
                what: "certificate",
                judge: "the upstream refuses",
                advice: "",
                begins: certificate.not_before(),
                ends: certificate.not_after(),
            })
        });
        let ages = identities.chain(shown).chain(upstreams);
        Self(ages.collect())
    }

    /// What is to be told of those that have ended or soon will.
    pub(super) fn notices(&self, now: UnixTime) -> impl Iterator<Item = String> {
        self.0.iter().filter_map(move |age| age.notice(now))
    }

    /// How many have ended.
    pub(super) fn ended(&self, now: UnixTime) -> usize {
        self.0.iter().filter(|age| age.ends <= now).count()
    }

    /// Tells it now, and again and again.
    pub(super) async fn remind(&self, every: Duration, tell: impl Fn(&str)) -> Infallible {
        loop {
            self.notices(UnixTime::now())
                .for_each(|notice| tell(&notice));
            tokio::time::sleep(every).await;
        }
    }
}

/// What proves an identity and must be renewed by people: certificates, and secrets whose end was said.
fn of_identity(identity: &IdentityDefinition) -> Vec<Age> {
    let Some(credentials) = identity.client.credentials() else {
        return Vec::new();
    };
    let several = credentials.iter().len() > 1;
    let by_hand = credentials.iter().enumerate();
    let by_hand = by_hand.filter(|(_, it)| it.is_renewed_by_hand());
    let ages = by_hand.filter_map(|(place, credential)| {
        let (what, advice) = match credential {
            CredentialDefinition::Certificate(_) | CredentialDefinition::ClientCertificate(_) => (
                "certificate",
                "; `bearergate certificate new` makes another",
            ),
            _ => (
                "secret",
                "; add another to the app registration, and set `ends`",
            ),
        };
        Some(Age {
            whose: match several {
                true => format!("identity {}, credential {}", identity.name, place + 1),
                false => format!("identity {}", identity.name),
            },
            what,
            judge: "Entra refuses",
            advice,
            begins: UnixTime::from_seconds(0),
            ends: credential.ends_at()?,
        })
    });
    ages.collect()
}

impl Age {
    fn notice(&self, now: UnixTime) -> Option<String> {
        let Self {
            whose,
            what,
            judge,
            advice,
            begins,
            ends,
        } = self;
        if *ends <= now {
            return Some(format!(
                "{whose}: its {what} ended at {ends}, and {judge} it{advice}"
            ));
        }
        if *begins > now {
            return Some(format!(
                "{whose}: its {what} is not valid before {begins}, and {judge} it until then"
            ));
        }
        let left = now.until(*ends);
        let days = left.as_secs() / (24 * 60 * 60);
        (left < SOON).then(|| format!("{whose}: its {what} ends in {days} days, at {ends}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{ClientDefinition, Credentials, SecretCredential};
    use crate::secret::Secret;

    #[test]
    fn what_has_ended_or_ends_soon_is_told() {
        let day = 24 * 60 * 60;
        let now = UnixTime::from_seconds(1000 * day);
        let told = |end: u64| age(0, end * day).notice(now);
        assert!(told(999).unwrap().contains("ended at"));
        assert!(told(1000).unwrap().contains("ended at"));
        assert!(told(1029).unwrap().contains("ends in 29 days"));
        assert_eq!(told(1030), None);
        let unborn = age(1001 * day, 2000 * day).notice(now).unwrap();
        assert!(unborn.contains("not valid before"), "{unborn}");
    }

    #[test]
    fn each_credential_that_people_renew_is_told_of_by_its_number() {
        let day = UnixTime::from_seconds(1_800_000_000);
        let secret = |ends_at| {
            let value = Secret::new("word".to_owned());
            CredentialDefinition::Secret(SecretCredential { value, ends_at })
        };
        let base = std::path::Path::new("tests/fixtures/config");
        let text = "version: 1\nlisteners: { apis: { address: 127.0.0.1:0 } }\nidentities: { mail: { entra: { tenant: \
                    5e0699a2-7e10-4d08-8ebb-4f7d7406ad09, client_id: bcdb5ae8-1ab8-47c3-b0b2-6756048e2ddc }, \
                    credentials: [secret: { file: mail.secret }] } }\nroutes: [{ id: a, listener: apis, match: { path: \
                    /a }, callers: public, upstream: { url: 'https://a.example' } }]\n";
        let mut config = Config::parse(text, "ages.yaml", base).unwrap();
        let notices = |config: &Config| {
            let ages = CertificateAges::of(config);
            ages.notices(day).collect::<Vec<_>>()
        };
        assert_eq!(notices(&config), [""; 0]);
        if let ClientDefinition::Entra(client) = &mut config.identities[0].client {
            client.credentials = Credentials::new(vec![secret(None), secret(Some(day))]);
        }
        assert_eq!(
            notices(&config),
            [
                "identity mail, credential 2: its secret ended at 2027-01-15T08:00:00Z, and Entra refuses it; add \
                 another to the app registration, and set `ends`"
            ]
        );
    }

    #[test]
    fn what_several_routes_show_to_their_upstreams_is_one_certificate() {
        let route = |id: &str| {
            format!(
                "  - {{ id: {id}, listener: apis, match: {{ path: /{id} }}, callers: public, upstream: {{ \
                 url: 'https://a.example', client_certificate: {{ certificate: gateway.pem, key: \
                 gateway.key.pem }} }} }}\n"
            )
        };
        let text = format!(
            "version: 1\nlisteners: {{ apis: {{ address: 127.0.0.1:0 }} }}\nroutes:\n{}{}",
            route("a"),
            route("b")
        );
        let base = std::path::Path::new("tests/fixtures/config");
        let config = Config::parse(&text, "ages.yaml", base).unwrap();
        let ages = CertificateAges::of(&config);
        let whose: Vec<_> = ages.0.iter().map(|age| age.whose.as_str()).collect();
        assert_eq!(whose, ["route a, upstream.client_certificate"]);
    }

    fn age(begins: u64, ends: u64) -> Age {
        Age {
            whose: "identity mail".to_owned(),
            what: "certificate",
            judge: "Entra refuses",
            advice: "",
            begins: UnixTime::from_seconds(begins),
            ends: UnixTime::from_seconds(ends),
        }
    }

    #[tokio::test]
    async fn it_is_told_at_once_and_again_and_again() {
        let ends = CertificateAges(vec![age(0, UnixTime::now().seconds())]);
        assert_eq!(ends.ended(UnixTime::now()), 1);
        let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
        let reminding = ends.remind(Duration::from_millis(1), |notice| {
            sender.send(notice.to_owned()).unwrap();
        });
        tokio::pin!(reminding);
        for _ in 0..3 {
            tokio::select! {
                never = &mut reminding => match never {},
                notice = told.recv() => assert!(notice.unwrap().contains("identity mail")),
            }
        }
    }
}
