//! One measurement: a contender in a fresh process, and the load that it gets.

use super::contender::Contender;
use super::load::{Load, Shape};
use super::options::Options;
use super::world::credentials::{Carries, Credentials};
use super::world::process::Process;
use super::world::wire::Wire;
use super::{NEVER_SEEN, ROTATING};

/// Of tokens that may be seen only once, those that warm up.
const FIRST: usize = 2_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) contender: Contender,
    pub(super) carries: Carries,
    pub(super) shape: Shape,
    pub(super) wire: Wire,
    /// What must be answered.
    pub(super) status: u16,
}

/// Of one request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    /// Microseconds of the proxy's CPU time.
    pub(super) cpu: f64,
    /// The latency that one in a hundred exceeds, from when the request was due, in microseconds.
    pub(super) p99: f64,
}

/// What one round measured.
#[derive(Default)]
pub(super) struct Measurements(Vec<(Run, Measured)>);

impl Measurements {
    pub(super) fn insert(&mut self, run: &Run, measured: Measured) {
        self.0.push((*run, measured));
    }

    pub(super) fn of(&self, run: &Run) -> &Measured {
        let found = self.0.iter().find(|(known, _)| known == run);
        &found.expect("every run of a row is measured").1
    }
}

impl Run {
    /// One token over and over, small answers, as fast as it goes.
    pub(super) const fn of(contender: Contender) -> Self {
        Self {
            contender,
            carries: Carries::OneToken,
            shape: Shape::Small,
            wire: Wire::Http1,
            status: 200,
        }
    }

    pub(super) const fn carrying(self, carries: Carries) -> Self {
        Self { carries, ..self }
    }

    pub(super) const fn shaped(self, shape: Shape) -> Self {
        Self { shape, ..self }
    }

    pub(super) const fn over(self, wire: Wire) -> Self {
        Self { wire, ..self }
    }

    /// The same with the other binary, where it is the gateway that runs.
    pub(super) fn by_other(self) -> Option<Self> {
        let contender = self.contender.by_other()?;
        Some(Self { contender, ..self })
    }

    pub(super) fn sees_no_token_twice(&self) -> bool {
        self.carries == Carries::NeverSeen
    }

    pub(super) fn name(&self) -> String {
        let contender = self.contender.name();
        let what = match self.shape {
            Shape::Small => self.carries.name(),
            shape => shape.name(),
        };
        match self.wire {
            Wire::Http1 => format!("{contender}, {what}"),
            wire => format!("{contender}, {what}, {}", wire.name()),
        }
    }

    pub(super) fn measure(
        &self,
        options: &Options,
        upstream: &str,
        credentials: &Credentials,
    ) -> Measured {
        let (proxy, address) = self
            .contender
            .start(self.wire, options, upstream, credentials);
        let load = |seconds, lines| {
            let load = Load {
                address: address.clone(),
                seconds,
                status: self.status,
                file: credentials.file(self.carries).display().to_string(),
                lines,
                once: self.sees_no_token_twice(),
                shape: self.shape,
                wire: self.wire,
            };
            let told = Process::role("1", &load.arguments()).line();
            let numbers: Vec<f64> = told
                .split(' ')
                .map_while(|word| word.parse().ok())
                .collect();
            match numbers[..] {
                [answers, p99] => (answers, p99),
                _ => panic!("{}: {told}", self.name()),
            }
        };
        let (warm_up, measured) = match self.carries {
            Carries::NeverSeen => (0..FIRST, FIRST..NEVER_SEEN),
            Carries::Rotating => (0..ROTATING, 0..ROTATING),
            _ => (0..1, 0..1),
        };
        // Connections, keys, tokens, branch predictors.
        load(options.seconds.min(1.0), warm_up);
        let before = proxy.cpu();
        let (answers, p99) = load(options.seconds, measured);
        let spent = proxy.cpu() - before;
        assert!(answers >= 10.0, "{}: only {answers} answers", self.name());
        Measured {
            cpu: spent.as_secs_f64() * 1e6 / answers,
            p99,
        }
    }
}
