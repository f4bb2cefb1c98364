//! Who signs for an identity whose key is elsewhere.

use url::Url;

use super::others::Others;
use super::pkcs11::pkcs11;
use crate::config::file::{KeyVault, Sign, VaultTransit};
use crate::config::resolve::context::{Context, rules};
use crate::entra::Certificate;
use crate::located::{At, HttpUrl, Must};
use crate::outbound::{KeyVaultKey, SigningKey, VaultLogin, VaultTransitKey};
use crate::secret::SecretSource;

/// The domains of vaults, each with what a token for it is for.
const VAULTS: &[&str] = &[
    "vault.azure.net",
    "vault.azure.cn",
    "vault.usgovcloudapi.net",
    "managedhsm.azure.net",
    "managedhsm.azure.cn",
    "managedhsm.usgovcloudapi.net",
];

/// Takes the certificate of the key.
pub(super) type Signer = Box<dyn FnOnce(Certificate) -> SigningKey>;

pub(super) fn signer(
    context: &mut Context<'_>,
    at: &At<Sign>,
    others: &Others<'_>,
) -> Option<Signer> {
    let written = [
        at.key_vault.is_written(),
        at.vault_transit.is_written(),
        at.pkcs11.is_written(),
    ];
    let safes = written.into_iter().filter(|written| *written).count();
    rules! { context,
        safes > 1 => at.node, "a key is in one safe";
        safes == 0 && at.complete => at.node, "expected `key_vault`, `vault_transit` or `pkcs11`";
    }
    if safes > 1 {
        return None;
    }
    if let Some(at) = at.key_vault.get() {
        let key = self::key_vault(context, at, others)?;
        return Some(Box::new(|certificate| {
            SigningKey::KeyVault(certificate, Box::new(key))
        }));
    }
    if let Some(at) = at.pkcs11.get() {
        let key = pkcs11(context, at)?;
        return Some(Box::new(|certificate| {
            SigningKey::Pkcs11(certificate, Box::new(key))
        }));
    }
    let key = vault_transit(context, at.vault_transit.get()?)?;
    Some(Box::new(|certificate| {
        SigningKey::VaultTransit(certificate, Box::new(key))
    }))
}

fn key_vault(
    context: &mut Context<'_>,
    written: &At<KeyVault>,
    others: &Others<'_>,
) -> Option<KeyVaultKey> {
    let identity = written
        .identity
        .get()
        .and_then(|name| others.find(context, name));
    let url = sound(context, &written.key);
    let parts: Vec<_> = url
        .iter()
        .flat_map(|url| url.path().split('/').skip(1))
        .collect();
    let names_a_key = match parts[..] {
        ["keys", name] => !name.is_empty(),
        ["keys", name, version] => !name.is_empty() && !version.is_empty(),
        _ => url.is_none(),
    };
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let domain = VAULTS.iter().find(|domain| {
        host.strip_suffix(**domain)
            .is_some_and(|name| name.ends_with('.'))
    });
    rules! { context,
        !names_a_key => written.key.node(),
            "expected the identifier of a key", "such as https://VAULT.vault.azure.net/keys/NAME";
        names_a_key && url.is_some() && domain.is_none() && !written.scope.is_written() => written.key.node(),
            "what a token for this vault is for cannot be told by its host",
            "say `scope`, such as https://vault.azure.net/.default";
    }
    let scope = match written.scope.value() {
        Some(scope) => scope.0.clone(),
        None => format!("https://{}/.default", domain?),
    };
    let url = url.filter(|_| names_a_key)?;
    Some(KeyVaultKey::new(url, identity?, scope))
}

fn vault_transit(context: &mut Context<'_>, written: &At<VaultTransit>) -> Option<VaultTransitKey> {
    let url = sound(context, &written.url);
    let (token, pod) = (written.token.is_written(), written.kubernetes.is_written());
    rules! { context,
        token && pod => written.node, "Vault is shown a token or logged in to, not both";
        !token && !pod && written.complete => written.node, "expected `token` or `kubernetes`";
    }
    let login = match (written.token.get(), written.kubernetes.get()) {
        (Some(at), None) => match &at.0 {
            // Its keeper writes it anew: that is no change of the configuration.
            SecretSource::File(path) => {
                let path = crate::located::FilePath(path.clone());
                Some(VaultLogin::TokenFile(context.beside(&path)))
            }
            SecretSource::Env(_) => context.secret(at).map(VaultLogin::Token),
        },
        (None, Some(pod)) => Some(VaultLogin::Kubernetes {
            mount: pod.mount.0.clone(),
            role: pod.role.value()?.0.clone(),
            file: context.beside(&pod.token_file),
        }),
        _ => None,
    };
    let ca_pem = written.ca_file.optional(|at| context.certificates(at));
    let (mount, key) = (written.mount.0.clone(), written.key.value()?.0.clone());
    let mut safe = VaultTransitKey::new(url?, mount, key, login?);
    safe.version = written.version.value().copied();
    safe.namespace = written.namespace.value().map(|it| it.0.clone());
    safe.ca_pem = ca_pem?;
    Some(safe)
}

/// A URL that only the safe can answer for. SECURITY: it sees what makes us who we are.
fn sound(context: &mut Context<'_>, written: &Must<HttpUrl>) -> Option<Url> {
    let url = written.get()?;
    let is_exposed = url.is_exposed();
    rules! { context,
        is_exposed => url.node, "a safe must be https, or http to a loopback address", url.less_exposed();
    }
    (!is_exposed).then(|| url.0.clone())
}
