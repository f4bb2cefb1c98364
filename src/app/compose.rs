//! Which live parts does a configuration mean? Given those of the one before, whatever is defined as
//! before is the same part: its keys, verdicts, tokens, addresses and counters live on.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;

use super::export::Export;
use super::keeping::Keeping;
use crate::admission::{HeaderRules, Plan, PlanLimits};
use crate::config::Config;
use crate::http_client::{FetchDefinition, FetchError, HttpClient};
use crate::inbound::{Gate, Issuer};
use crate::limit::Buckets;
use crate::outbound::{
    AppTokens, Egress, Endpoints, IdentityDefinition, PerCaller, RouteTokens, TokenDefinition,
    TokenSource, Upstream, UpstreamDefinition, UpstreamError, UserTokens, Wanted,
};
use crate::routing::{Route, RouteDefinition, Table};
use crate::telemetry::{Metrics, TracesDefinition};

pub(super) struct Live {
    pub(super) plan: Arc<Plan>,
    http: (FetchDefinition, HttpClient),
    tokens: HashMap<TokenKey, (IdentityDefinition, Arc<AppTokens>)>,
    user_tokens: HashMap<TokenKey, (IdentityDefinition, Arc<UserTokens>)>,
    upstreams: HashMap<UpstreamDefinition, Arc<Upstream>>,
    endpoints: Endpoints,
    keeping: Keeping,
    export: Option<(TracesDefinition, Arc<Export>)>,
}

/// An identity's name and a scope.
type TokenKey = (Arc<str>, String);
type Way = (Egress, Arc<Upstream>);

#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("fetch: {0}")]
    Fetch(#[from] FetchError),
    #[error("traces: {0}")]
    Traces(FetchError),
    #[error("state: {0}")]
    State(#[from] openssl::error::ErrorStack),
    #[error("route {route}: {cause}")]
    Upstream {
        route: Arc<str>,
        cause: UpstreamError,
    },
    /// A route names what the file does not define; ruled out at load.
    #[error("route {0} names an identity that is not defined")]
    UnknownIdentity(Arc<str>),
}

impl Live {
    /// Makes a configuration alive. Needs a tokio runtime; nothing that is in use is disturbed.
    pub(super) fn compose(
        config: &Config,
        metrics: &Metrics,
        previous: Option<&Self>,
    ) -> Result<Self, ComposeError> {
        let kept = previous.filter(|live| live.http.0 == config.fetch);
        let http = match kept {
            Some(live) => live.http.1.clone(),
            None => HttpClient::new(&config.fetch)?,
        };
        let endpoints = previous.map(|live| live.endpoints.clone());
        let endpoints = endpoints.unwrap_or_default();
        let buckets = previous.map(|live| Arc::clone(&live.plan.limits.buckets));
        let buckets = buckets.unwrap_or_else(|| Buckets::new(Instant::now()));
        let keeping = Keeping::beside(config.state.as_ref(), previous.map(|live| &live.keeping))?;
        let mut parts = Parts {
            previous,
            // What was made with another client would go on fetching by it.
            fetching_alike: kept,
            identities: config.identities.iter().map(|it| (&*it.name, it)).collect(),
            issuers: HashMap::new(),
            tokens: HashMap::new(),
            user_tokens: HashMap::new(),
            upstreams: HashMap::new(),
            http: &http,
            keeping: &keeping,
            endpoints: &endpoints,
            metrics,
        };
        // What can fail comes first: for what is not taken over, nothing is fetched and no series begun.
        let ways = config.routes.iter().map(|route| parts.way(route));
        let ways = ways.collect::<Result<Vec<_>, _>>()?;
        let export = export(config.traces.as_ref(), metrics, previous)?;
        for definition in &config.issuers {
            let known = kept.and_then(|live| live.plan.issuers.get(&definition.name));
            let issuer = match known.filter(|issuer| issuer.definition() == definition) {
                Some(same) => Arc::clone(same),
                None => Issuer::start(definition.clone(), http.clone()),
            };
            parts.issuers.insert(Arc::clone(&definition.name), issuer);
        }
        let earlier = previous
            .map(|live| live.plan.routes.routes())
            .unwrap_or_default();
        let earlier: HashMap<&str, &Arc<Route>> = earlier
            .iter()
            .map(|route| (&*route.definition.id, route))
            .collect();
        let routes = config.routes.iter().zip(ways).map(|(definition, way)| {
            let known = earlier.get(&*definition.id).copied();
            parts.route(definition, way, known)
        });
        let routes = routes.collect();
        let Parts {
            issuers,
            tokens,
            user_tokens,
            upstreams,
            ..
        } = parts;
        let observers = config
            .admin
            .as_ref()
            .and_then(|admin| admin.callers.as_ref());
        let observers = observers.map(|callers| Gate::new(Arc::clone(callers), &issuers));
        let mut upstreams_now = config.routes.iter().map(|route| &route.upstream);
        let mut listeners: Vec<_> = config.listeners.iter().collect();
        listeners.sort_unstable_by_key(|it| &it.name);
        let earlier = previous.map(|live| &live.plan.listeners[..]);
        let listeners = listeners.into_iter().map(|definition| {
            let mut earlier = earlier.unwrap_or_default().iter();
            let same = earlier.find(|it| ***it == *definition);
            same.cloned()
                .unwrap_or_else(|| Arc::new(definition.clone()))
        });
        let plan = Plan {
            listeners: listeners.collect(),
            preserves_header_case: upstreams_now.any(|it| it.preserves_header_case()),
            routes: Table::new(routes),
            headers: HeaderRules::new(config.routes.iter()),
            limits: PlanLimits {
                buckets,
                doors: config.doors.clone(),
            },
            observers,
            issuers,
            tokens: tokens.values().map(|(_, it)| Arc::clone(it)).collect(),
            user_tokens: user_tokens.values().map(|(_, it)| Arc::clone(it)).collect(),
            store: keeping.store().cloned(),
            tracer: export.as_ref().map(|(_, it)| Arc::clone(&it.tracer)),
            next: ArcSwapOption::empty(),
        };
        Ok(Self {
            plan: Arc::new(plan),
            http: (config.fetch.clone(), http),
            tokens,
            user_tokens,
            upstreams,
            endpoints,
            keeping,
            export,
        })
    }

    /// What sends spans, where the file wants any.
    pub(super) fn export(&self) -> Option<Arc<Export>> {
        self.export.as_ref().map(|(_, it)| Arc::clone(it))
    }

    pub(super) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    pub(super) fn upstreams(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.upstreams.values()
    }
}

struct Parts<'a> {
    previous: Option<&'a Live>,
    fetching_alike: Option<&'a Live>,
    identities: HashMap<&'a str, &'a IdentityDefinition>,
    issuers: HashMap<Arc<str>, Arc<Issuer>>,
    tokens: HashMap<TokenKey, (IdentityDefinition, Arc<AppTokens>)>,
    user_tokens: HashMap<TokenKey, (IdentityDefinition, Arc<UserTokens>)>,
    upstreams: HashMap<UpstreamDefinition, Arc<Upstream>>,
    http: &'a HttpClient,
    keeping: &'a Keeping,
    endpoints: &'a Endpoints,
    metrics: &'a Metrics,
}

impl Parts<'_> {
    /// Whose token a route carries, and where it goes.
    fn way(&mut self, definition: &RouteDefinition) -> Result<Way, ComposeError> {
        Ok((self.egress(definition)?, self.upstream(definition)?))
    }

    fn route(
        &self,
        definition: &RouteDefinition,
        (egress, upstream): Way,
        known: Option<&Arc<Route>>,
    ) -> Arc<Route> {
        let gate = Gate::new(definition.callers.clone(), &self.issuers);
        let same = known.filter(|known| {
            let issuers = known.gate.issuers().map(Arc::as_ptr);
            known.definition == *definition
                && Arc::ptr_eq(&known.upstream, &upstream)
                && known.egress.is_same_as(&egress)
                && issuers.eq(gate.issuers().map(Arc::as_ptr))
        });
        if let Some(same) = same {
            return Arc::clone(same);
        }
        Arc::new(Route {
            definition: definition.clone(),
            gate,
            egress,
            upstream,
            metrics: self.metrics.route(&definition.id),
        })
    }

    /// The tokens of each (identity, scope) are shared by all routes that carry them.
    fn egress(&mut self, route: &RouteDefinition) -> Result<Egress, ComposeError> {
        let unknown = || ComposeError::UnknownIdentity(Arc::clone(&route.id));
        match &route.token {
            TokenDefinition::Nothing => Ok(Egress::Nothing),
            TokenDefinition::Forward => Ok(Egress::CallersOwn),
            TokenDefinition::App { identity, scope } => {
                let tokens = self.app_tokens(identity, scope);
                Ok(Egress::App(tokens.ok_or_else(unknown)?))
            }
            TokenDefinition::OnBehalfOf {
                identity,
                scope,
                app_scope,
            } => {
                let users = self.user_tokens(identity, scope).ok_or_else(unknown)?;
                let apps = app_scope.as_ref().map(|scope| {
                    let tokens = self.app_tokens(identity, scope);
                    tokens.ok_or_else(unknown)
                });
                Ok(Egress::OnBehalfOf(PerCaller::new(users, apps.transpose()?)))
            }
        }
    }

    fn user_tokens(&mut self, identity: &Arc<str>, scope: &str) -> Option<Arc<UserTokens>> {
        let definition = *self.identities.get(&**identity)?;
        let key = (Arc::clone(identity), scope.to_owned());
        let known = self.user_tokens.get(&key).or_else(|| {
            let earlier = self.fetching_alike?.user_tokens.get(&key);
            earlier.filter(|(known, _)| known == definition)
        });
        let known = known.cloned().unwrap_or_else(|| {
            let tokens = UserTokens::new(definition.clone(), scope, self.http.clone());
            (definition.clone(), tokens)
        });
        let tokens = Arc::clone(&known.1);
        self.user_tokens.insert(key, known);
        Some(tokens)
    }

    fn app_tokens(&mut self, identity: &Arc<str>, scope: &str) -> Option<RouteTokens> {
        let definition = *self.identities.get(&**identity)?;
        let key = (Arc::clone(identity), scope.to_owned());
        let known = self.tokens.get(&key).or_else(|| {
            let earlier = self.fetching_alike?.tokens.get(&key);
            earlier.filter(|(known, _)| known == definition)
        });
        let known = known.cloned().unwrap_or_else(|| {
            let (identity, http) = (definition.clone(), self.http.clone());
            let source = TokenSource::new(identity.clone(), Wanted::of_app(scope), http);
            let source = source.kept_in(self.keeping.current());
            (identity, AppTokens::new(source))
        });
        let tokens = Arc::clone(&known.1);
        self.tokens.insert(key, known);
        Some(RouteTokens::new(tokens))
    }

    fn upstream(&mut self, route: &RouteDefinition) -> Result<Arc<Upstream>, ComposeError> {
        let definition = &route.upstream;
        // Many routes go to one: what leads there is hashed once for each.
        if let Some(same) = self.upstreams.get(definition) {
            return Ok(Arc::clone(same));
        }
        let earlier = self.previous.and_then(|it| it.upstreams.get(definition));
        let upstream = match earlier {
            Some(same) => Arc::clone(same),
            None => Upstream::start(definition.clone(), self.endpoints)
                .map(Arc::new)
                .map_err(|cause| ComposeError::Upstream {
                    route: Arc::clone(&route.id),
                    cause,
                })?,
        };
        self.upstreams
            .insert(definition.clone(), Arc::clone(&upstream));
        Ok(upstream)
    }
}

type Sent = Option<(TracesDefinition, Arc<Export>)>;

fn export(
    wanted: Option<&TracesDefinition>,
    metrics: &Metrics,
    previous: Option<&Live>,
) -> Result<Sent, ComposeError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let known = previous.and_then(|live| live.export.as_ref());
    if let Some(same) = known.filter(|(known, _)| known == wanted) {
        return Ok(Some(same.clone()));
    }
    let export = Export::start(wanted, metrics).map_err(ComposeError::Traces)?;
    Ok(Some((wanted.clone(), Arc::new(export))))
}
