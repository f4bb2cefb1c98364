//! Safes that keys are in, and that sign for whoever may ask.

use crate::config::secret_ref::SecretRef;
use crate::located::{FilePath, HttpUrl, May, Must, Name, Or, Text, object};

object! {
    /// Who signs: one of the keys.
    Sign "a signer such as `key_vault: { key: …, identity: … }`" {
        /// A key of Azure Key Vault, or of a managed HSM.
        key_vault: May<KeyVault>,
        /// A key of HashiCorp Vault's transit engine, or of OpenBao's.
        vault_transit: May<VaultTransit>,
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
