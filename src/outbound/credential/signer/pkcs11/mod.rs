//! A key in a smart card or HSM, by the module that its vendor gives for it (PKCS#11, OASIS 3.1). SECURITY: such
//! a module is foreign code that may crash, hang or read what is beside it. So it is loaded by a process of its
//! own, which knows the PIN of its token and none of the gateway's other secrets, and which is killed where it
//! does not answer.

mod key;
mod messages;
mod module;
mod process;
mod serving;

pub use key::{KeyWanted, Pkcs11Key, TokenWanted};
pub use process::SIGNING_COMMAND;
pub use serving::serve as serve_pkcs11;
