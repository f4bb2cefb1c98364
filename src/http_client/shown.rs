//! What do the gateway's own calls show of themselves? In the library's type.

use zeroize::Zeroizing;

use super::FetchError;
use crate::certified_key::CertifiedKey;

/// A certificate with its chain and its key, for servers that ask for one.
pub(super) fn shown(certificate: &CertifiedKey) -> Result<reqwest::Identity, FetchError> {
    let unusable = |_| FetchError::Failed("the client certificate cannot be shown".to_owned());
    let chain = certificate.chain().iter().map(|one| one.to_pem());
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
    let key = certificate.key().private_key_to_pem_pkcs8();
    let key = Zeroizing::new(key.map_err(unusable)?);
    reqwest::Identity::from_pkcs8_pem(&chain.concat(), &key).map_err(FetchError::of)
}
