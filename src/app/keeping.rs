//! Where does a running gateway keep its tokens beside memory? What is defined as before goes on; what is
//! defined otherwise is opened beside it, takes its place with the configuration, and gets what is in hand.

use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::ComposeError;
use crate::clock::UnixTime;
use crate::outbound::AppTokens;
use crate::store::{Store, StoreDefinition};

pub(super) struct Keeping {
    definition: Option<StoreDefinition>,
    store: Option<Arc<Store>>,
    /// What all sources of tokens look at: there is one for as long as the process lives.
    current: Arc<ArcSwapOption<Store>>,
}

impl Keeping {
    /// Needs a tokio runtime; what is in use is not disturbed.
    pub(super) fn beside(
        wanted: Option<&StoreDefinition>,
        previous: Option<&Self>,
    ) -> Result<Self, ComposeError> {
        let known = previous.filter(|it| it.definition.as_ref() == wanted);
        let opened = |definition| Store::open(definition, UnixTime::now());
        let store = match known {
            Some(same) => same.store.clone(),
            None => wanted.map(opened).transpose()?,
        };
        let current = match previous {
            Some(previous) => Arc::clone(&previous.current),
            None => Arc::new(ArcSwapOption::new(store.clone())),
        };
        Ok(Self {
            definition: wanted.cloned(),
            store,
            current,
        })
    }

    pub(super) fn current(&self) -> &Arc<ArcSwapOption<Store>> {
        &self.current
    }

    pub(super) fn store(&self) -> Option<&Arc<Store>> {
        self.store.as_ref()
    }

    /// From now on this is where tokens are kept, those in hand too. Needs a tokio runtime.
    pub(super) fn take_over(&self, tokens: &[Arc<AppTokens>]) {
        let earlier = self.current.swap(self.store.clone());
        let is_same = match (&earlier, &self.store) {
            (Some(earlier), Some(now)) => Arc::ptr_eq(earlier, now),
            _ => false,
        };
        if !is_same {
            let now = UnixTime::now();
            tokens.iter().for_each(|tokens| tokens.keep(now));
        }
    }
}
