//! What is compared with what, and how dear it may be: the budgets.

use super::contender::Contender;
use super::load::Shape;
use super::run::{Measured, Measurements, Run};
use super::table::{Bound, Result};
use super::world::credentials::Carries;
use super::world::gateway::Route;
use super::world::wire::Wire;

/// One line of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    ours: Run,
    /// Of the same round.
    against: Run,
    of: Of,
    bound: Bound,
}

/// What is compared.
#[derive(Clone, Copy)]
enum Of {
    /// CPU time of a request.
    Cpu,
    /// The latency that one in a hundred exceeds.
    P99,
    /// The throughput of two workers, by the CPU time of a request: on two cores load and workers are
    /// in each other's way.
    Workers,
}

impl Of {
    fn microseconds(self, measured: &Measured) -> f64 {
        match self {
            Self::Cpu | Self::Workers => measured.cpu,
            Self::P99 => measured.p99,
        }
    }

    fn ratio(self, ours: &Measured, against: &Measured) -> f64 {
        let (ours, against) = (self.microseconds(ours), self.microseconds(against));
        match self {
            Self::Cpu | Self::P99 => ours / against,
            Self::Workers => 2.0 * against / ours,
        }
    }
}

pub(super) const ROWS: &[Row] = &[
    row("public", PUBLIC, BARE, Bound::AtMost(0.75)),
    row("repeated", REPEATED, BARE, Bound::AtMost(0.75)),
    row(
        "rotating",
        BEARER.carrying(Carries::Rotating),
        BARE.carrying(Carries::Rotating),
        Bound::AtMost(0.85),
    ),
    row(
        "injected",
        Run::of(Contender::Gateway(Route::Injected)).carrying(Carries::ApiKey),
        BARE,
        Bound::AtMost(0.85),
    ),
    row(
        "never-seen",
        NEVER_SEEN,
        Run::of(Contender::PingoraVerifying).carrying(Carries::NeverSeen),
        Bound::AtMost(0.75),
    ),
    // What is refused must not be dearer than what is let in for the first time.
    row(
        "garbage",
        refused(Carries::Garbage),
        NEVER_SEEN,
        Bound::AtMost(1.0),
    ),
    row(
        "expired",
        refused(Carries::Expired),
        NEVER_SEEN,
        Bound::AtMost(1.0),
    ),
    row(
        "bad-signature",
        refused(Carries::BadSignature),
        NEVER_SEEN,
        Bound::AtMost(1.0),
    ),
    row(
        "unknown-kid",
        refused(Carries::UnknownKid),
        NEVER_SEEN,
        Bound::AtMost(1.0),
    ),
    row(
        "download-1m",
        PUBLIC.shaped(Shape::Download),
        BARE.shaped(Shape::Download),
        Bound::AtMost(0.9),
    ),
    row(
        "upload-1m",
        PUBLIC.shaped(Shape::Upload),
        BARE.shaped(Shape::Upload),
        Bound::AtMost(0.9),
    ),
    Row {
        of: Of::P99,
        ..row(
            "p99-at-3000",
            REPEATED.shaped(Shape::Steady),
            BARE.shaped(Shape::Steady),
            Bound::AtMost(1.0),
        )
    },
    // Whether a request gets dearer where two workers share what there is to share.
    Row {
        of: Of::Workers,
        ..row(
            "two-workers",
            Run::of(Contender::GatewayOfTwo),
            REPEATED,
            Bound::AtLeast(1.9),
        )
    },
    // The same pass-through behind the same kind of listener.
    row("tls", PUBLIC.over(Wire::Tls), BARE.over(Wire::Tls), EQUAL),
    row(
        "http2",
        PUBLIC.over(Wire::Http2),
        BARE.over(Wire::Http2),
        EQUAL,
    ),
    row("h2c", PUBLIC.over(Wire::H2c), BARE.over(Wire::H2c), EQUAL),
    row(
        "http2-download-1m",
        PUBLIC.over(Wire::Http2).shaped(Shape::Download),
        BARE.over(Wire::Http2).shaped(Shape::Download),
        EQUAL,
    ),
    row(
        "connections",
        PUBLIC.shaped(Shape::Fresh),
        BARE.shaped(Shape::Fresh),
        EQUAL,
    ),
    row(
        "handshakes",
        PUBLIC.over(Wire::Tls).shaped(Shape::Fresh),
        BARE.over(Wire::Tls).shaped(Shape::Fresh),
        EQUAL,
    ),
    row("bare-hyper", Run::of(Contender::Hyper), BARE, Bound::None),
];

/// No dearer.
const EQUAL: Bound = Bound::AtMost(1.0);
const BARE: Run = Run::of(Contender::Pingora);
const PUBLIC: Run = Run::of(Contender::Gateway(Route::Public));
const BEARER: Run = Run::of(Contender::Gateway(Route::Bearer));
const REPEATED: Run = BEARER;
const NEVER_SEEN: Run = BEARER.carrying(Carries::NeverSeen);

const fn refused(carries: Carries) -> Run {
    Run {
        status: 401,
        ..BEARER.carrying(carries)
    }
}

const fn row(name: &'static str, ours: Run, against: Run, bound: Bound) -> Row {
    Row {
        name,
        ours,
        against,
        of: Of::Cpu,
        bound,
    }
}

impl Row {
    /// What has to be measured.
    pub(super) fn runs(&self, with_other: bool) -> Vec<Run> {
        let pairs = self.pairs(with_other).into_iter();
        pairs
            .flat_map(|(_, ours, against)| [against, ours])
            .collect()
    }

    /// The line, and one more for another binary.
    pub(super) fn results(&self, rounds: &[Measurements], with_other: bool) -> Vec<Result> {
        let line = |(name, ours, against): (String, Run, Run)| Result {
            bound: self.bound,
            against: against.name(),
            microseconds: rounds
                .iter()
                .map(|round| self.of.microseconds(round.of(&ours)))
                .collect(),
            ratios: rounds
                .iter()
                .map(|round| self.of.ratio(round.of(&ours), round.of(&against)))
                .collect(),
            name,
        };
        self.pairs(with_other).into_iter().map(line).collect()
    }

    /// What is compared with what, by the names of the lines; another binary with itself where ours is.
    fn pairs(&self, with_other: bool) -> Vec<(String, Run, Run)> {
        let mut pairs = vec![(self.name.to_owned(), self.ours, self.against)];
        if let (true, Some(ours)) = (with_other, self.ours.by_other()) {
            let against = self.against.by_other().unwrap_or(self.against);
            pairs.push((format!("{} (other)", self.name), ours, against));
        }
        pairs
    }
}
