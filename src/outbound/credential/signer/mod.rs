//! Where is the key that signs for us? Here, or in a safe elsewhere that signs for whoever may ask. What comes
//! back is verified before it is used.

mod key_vault;
mod pkcs11;
mod signing_key;
mod vault_transit;

pub use key_vault::KeyVaultKey;
pub use pkcs11::{KeyWanted, Pkcs11Key, SIGNING_COMMAND, TokenWanted, serve_pkcs11};
pub use signing_key::SigningKey;
pub use vault_transit::{VaultLogin, VaultTransitKey};

use signing_key::{LARGEST, SignatureWanted, answered};
