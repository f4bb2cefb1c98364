//! What lives beside a definition: shared by its clones, and no part of what two are compared by. So a
//! configuration that is read again and says the same is the same.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

#[derive(Default)]
pub(in crate::outbound) struct Beside<T>(Arc<T>);

impl<T> Beside<T> {
    pub(in crate::outbound) fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Deref for Beside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for Beside<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> PartialEq for Beside<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> Eq for Beside<T> {}

impl<T> fmt::Debug for Beside<T> {
    // SECURITY: what is remembered may be a token.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("..")
    }
}
