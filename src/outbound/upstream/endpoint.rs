//! An endpoint alive: where one url of an upstream is now, and the connections to it. One serves every
//! upstream that has a url defined the same.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use http::HeaderValue;
use parking_lot::Mutex;

use super::addresses::Addresses;
use super::carriers::{Carriers, Place};
use super::connect::{ConnectError, Connector};
use super::health::Health;
use super::{Carrier, Carries, Condition, EndpointDefinition, Names, UpstreamError, check};
use crate::clock::UnixTime;

/// All endpoints that upstreams go to. Cloning shares them.
#[derive(Clone, Default)]
pub struct Endpoints {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    names: Names,
    connector: Arc<Connector>,
    known: Mutex<HashMap<Arc<EndpointDefinition>, Weak<Endpoint>>>,
}

/// One place that an upstream's requests may go to.
pub struct Endpoint {
    definition: Arc<EndpointDefinition>,
    host_header: HeaderValue,
    origin: Box<str>,
    addresses: Addresses,
    carriers: Carriers,
    health: Health,
    /// What `health` counts its milliseconds from.
    began: Instant,
    /// That are here now; counted where an upstream has several endpoints.
    pub(super) requests: AtomicUsize,
    endpoints: Arc<Shared>,
}

impl Endpoints {
    /// The one that is defined so. A name or a check needs a tokio runtime, a literal address alone
    /// needs none.
    pub fn of(&self, definition: &EndpointDefinition) -> Result<Arc<Endpoint>, UpstreamError> {
        let mut known = self.shared.known.lock();
        if let Some(same) = known.get(definition).and_then(Weak::upgrade) {
            return Ok(same);
        }
        let endpoint = Endpoint::start(definition.clone(), &self.shared)?;
        let endpoint = Arc::new(endpoint);
        known.insert(Arc::clone(&endpoint.definition), Arc::downgrade(&endpoint));
        check::begin(&endpoint);
        Ok(endpoint)
    }
}

impl Endpoint {
    fn start(definition: EndpointDefinition, shared: &Arc<Shared>) -> Result<Self, UpstreamError> {
        let host_header = HeaderValue::from_str(&definition.authority());
        Ok(Self {
            origin: definition.origin().into(),
            host_header: host_header.map_err(|_| UpstreamError::Host)?,
            addresses: Addresses::of(&definition, &shared.names),
            carriers: Carriers::of(&definition, &shared.connector)?,
            health: Health::default(),
            began: Instant::now(),
            requests: AtomicUsize::new(0),
            endpoints: Arc::clone(shared),
            definition: Arc::new(definition),
        })
    }

    pub fn definition(&self) -> &EndpointDefinition {
        &self.definition
    }

    /// When the certificate ends that it is shown, where it is shown one.
    pub fn certificate_ends_at(&self) -> Option<UnixTime> {
        let shown = self.definition.client_certificate.as_ref()?;
        Some(shown.not_after())
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    /// How many addresses it has at the moment.
    pub fn addresses(&self) -> usize {
        self.addresses.count()
    }

    /// How many addresses the name has that connections go to, 0 while it is not resolved; `None`
    /// where it is no name.
    pub fn resolved(&self) -> Option<usize> {
        self.addresses.resolved()
    }

    /// How many requests are here now, of upstreams with several endpoints.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    pub fn condition(&self) -> Condition {
        self.health.condition()
    }

    pub(super) fn takes(&self) -> bool {
        self.health.takes(&self.definition.health, || self.now())
    }

    pub(super) fn succeeded(&self) {
        if self.health.succeeded() {
            tracing::info!(endpoint = %self.origin, "upstream endpoint serves again");
        }
    }

    /// A request that was with it ended without a word on how it is.
    pub(super) fn undecided(&self) {
        self.health.undecided(self.now());
    }

    pub(super) fn failed(&self, why: &dyn fmt::Display) {
        let rest = self.health.failed(&self.definition.health, self.now());
        if let Some(rest) = rest {
            let seconds = rest.as_secs_f64();
            tracing::warn!(endpoint = %self.origin, seconds, %why, "upstream endpoint rests");
        }
    }

    /// What its check says of it, and why where it is unwell.
    pub(super) fn checked(&self, is_well: bool, why: &str) {
        let is_news = self.health.checked(is_well);
        match (is_news, is_well) {
            (false, _) => {}
            (true, true) => {
                tracing::info!(endpoint = %self.origin, "upstream endpoint is well again");
            }
            (true, false) => {
                tracing::warn!(endpoint = %self.origin, why, "upstream endpoint is unwell");
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A connection that has served before and is still good, or a place on one that others use.
    pub fn idle(&self, carries: Carries) -> Option<Carrier> {
        self.carriers.idle(carries, &self.definition)
    }

    /// A new connection. Addresses take turns, so that another attempt gets the next one; whoever
    /// comes before a name was first resolved waits for that.
    pub async fn connect(&self, carries: Carries) -> Result<Carrier, ConnectError> {
        if let Some(path) = &self.definition.socket {
            let place = Place::Unix(path);
            let connected = self
                .carriers
                .connect(place, None, carries, &self.definition);
            return connected.await;
        }
        let most = self.definition.connect_timeout;
        let next = self.addresses.next(most).await;
        let unresolved = || match &self.definition.proxy {
            Some(proxy) => ConnectError::NoProxy(proxy.to_string()),
            None => ConnectError::Unresolved,
        };
        let (address, lead) = next.ok_or_else(unresolved)?;
        let place = Place::Address(address);
        let connected = self
            .carriers
            .connect(place, lead, carries, &self.definition);
        // Whoever was there may have moved.
        connected.await.inspect_err(|_| self.addresses.missed())
    }

    /// Takes back a connection that is free again.
    pub fn keep(&self, carrier: Carrier) {
        self.carriers.keep(carrier);
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let mut known = self.endpoints.known.lock();
        // Another one defined the same may have taken the place already.
        if let Entry::Occupied(place) = known.entry(Arc::clone(&self.definition))
            && place.get().strong_count() == 0
        {
            place.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::definition::tests::definition;
    use super::*;

    #[test]
    fn what_is_defined_the_same_is_one_endpoint_until_nobody_goes_there() {
        let endpoints = Endpoints::default();
        let one = endpoints.of(&definition("10.0.0.1")).unwrap();
        let same = endpoints.clone().of(&definition("10.0.0.1")).unwrap();
        let other = endpoints.of(&definition("10.0.0.2")).unwrap();
        let mut trusting = definition("10.0.0.1");
        trusting.ca_pem = Some(Arc::new(Vec::new()));
        let trusting = endpoints.of(&trusting).unwrap();
        assert!(Arc::ptr_eq(&one, &same));
        assert!(!Arc::ptr_eq(&one, &other) && !Arc::ptr_eq(&one, &trusting));
        assert_eq!(endpoints.shared.known.lock().len(), 3);
        drop((one, other));
        assert_eq!(endpoints.shared.known.lock().len(), 2);
        drop((same, trusting));
        assert!(endpoints.shared.known.lock().is_empty());
    }
}
