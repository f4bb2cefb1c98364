//! Safes that keys are in, and that sign for whoever may ask.

use std::time::Duration;

use crate::config::secret_ref::SecretRef;
use crate::located::{At, FilePath, HttpUrl, May, Must, Name, Or, Text, object};

object! {
    /// Who signs: one of the keys.
    Sign "a signer such as `key_vault: { key: …, identity: … }`" {
        /// A key of Azure Key Vault, or of a managed HSM.
        key_vault: May<KeyVault>,
        /// A key of HashiCorp Vault's transit engine, or of OpenBao's.
        vault_transit: May<VaultTransit>,
        /// A key in a smart card or HSM.
        pkcs11: May<Pkcs11>,
    }
}

object! {
    /// A key of Azure Key Vault.
    KeyVault "a key such as `{ key: https://VAULT.vault.azure.net/keys/NAME, identity: … }`" {
        /// Its identifier, with the version or without: then the current one signs.
        key: Must<HttpUrl>,
        /// The identity that asks; it needs the right `keys/sign` (*Key Vault Crypto User*).
        identity: Must<Name>,
        /// What its token is for.
        scope: May<Text> = "by the vault's host, such as https://vault.azure.net/.default",
    }
}

object! {
    /// A key of Vault's transit engine.
    VaultTransit "a key such as `{ url: https://vault.example:8200, key: …, token: … }`" {
        /// Where the server is.
        url: Must<HttpUrl>,
        /// Where the engine is mounted.
        mount: Or<Text> = "transit",
        /// The key's name: of the type `rsa-2048` or longer.
        key: Must<Text>,
        /// Which version of it signs.
        version: May<usize> = "the latest",
        /// The namespace, of an enterprise server.
        namespace: May<Text> = "none",
        /// PEM certificates to trust instead of those of `fetch`.
        ca_file: May<FilePath> = "as for `fetch`",
        /// A token for Vault: `{ file: … }`, read again for each use, or `{ env: … }`.
        token: May<SecretRef> = "none",
        /// Logs in by the pod's service account, instead of `token`.
        kubernetes: May<VaultKubernetes> = "none",
    }
}

object! {
    /// Vault's Kubernetes auth method.
    VaultKubernetes "a role such as `{ role: gateway }`" {
        /// The role there.
        role: Must<Text>,
        /// Where the method is mounted.
        mount: Or<Text> = "kubernetes",
        /// The service account's token; read again for each use.
        token_file: Or<FilePath> = "/var/run/secrets/kubernetes.io/serviceaccount/token",
    }
}

object! {
    /// A key that a PKCS#11 module gives access to.
    Pkcs11 "a key such as `{ module: /usr/lib/softhsm/libsofthsm2.so, token: …, label: …, pin: { file: … } }`" {
        /// The vendor's module, by its absolute path. A process of its own loads it.
        module: Must<FilePath>,
        /// The token's label.
        token: May<Text> = "`slot` says which",
        /// The number of the slot that the token is in.
        slot: May<usize> = "`token` says which",
        /// The private key's label.
        label: May<Text> = "`id` says which",
        /// The private key's id, in hexadecimal.
        id: May<Text> = "`label` says which",
        /// The user's PIN: `{ file: … }` or `{ env: … }`. A wrong one is tried once.
        pin: Must<SecretRef>,
        /// How long a signature may take, logging in included; then the process is killed.
        timeout: Or<Duration> = "10s" in "1s" to "60s",
        /// Variables of the gateway's environment that the module gets.
        environment: Or<Vec<At<Text>>> = "[]",
    }
}
