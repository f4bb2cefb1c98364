//! What does the process take of its machine? Under the names that every process is known by to
//! Prometheus; read when it is scraped.

use prometheus::core::Collector;
use prometheus::{Counter, Gauge, IntGauge, Registry};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::names::{self, opts, register};

/// Kilobytes of `/proc/self/status`.
const KILO: i64 = 1024;

pub(super) fn sample(registry: &Registry, started_ms: u64) {
    let gauge = |name, value: Option<i64>| {
        let made = IntGauge::with_opts(opts(name));
        known(registry, made, value, IntGauge::set);
    };
    let cpu = clock_gettime(ClockId::ProcessCPUTime);
    let cpu = cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9;
    let made = Counter::with_opts(opts(names::PROCESS_CPU));
    known(registry, made, Some(cpu), Counter::inc_by);
    let made = Gauge::with_opts(opts(names::PROCESS_START));
    let started = started_ms as f64 / 1000.0;
    known(registry, made, Some(started), Gauge::set);
    gauge(names::PROCESS_OPEN_FILES, open_files());
    let most = getrlimit(Resource::Nofile).current;
    gauge(
        names::PROCESS_MOST_FILES,
        most.and_then(|most| i64::try_from(most).ok()),
    );
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = figure(&status, "VmRSS:");
    gauge(
        names::PROCESS_MEMORY,
        kilobytes.map(|it| it.saturating_mul(KILO)),
    );
    gauge(names::PROCESS_THREADS, figure(&status, "Threads:"));
}

/// What cannot be read is not there.
fn known<C: Collector + Clone + 'static, V>(
    registry: &Registry,
    made: prometheus::Result<C>,
    value: Option<V>,
    set: impl FnOnce(&C, V),
) {
    if let Some(value) = value {
        set(&register(registry, made), value);
    }
}

/// Linux tells how many there are as the folder's size, before 6.2 only by its entries.
fn open_files() -> Option<i64> {
    const FOLDER: &str = "/proc/self/fd";
    let counted = std::fs::metadata(FOLDER).ok()?.len();
    let count = match usize::try_from(counted) {
        Ok(0) | Err(_) => std::fs::read_dir(FOLDER).ok()?.count(),
        Ok(counted) => counted,
    };
    i64::try_from(count).ok()
}

fn figure(status: &str, name: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_status_is_read_by_its_names() {
        let status = "Name:\tbearergate\nVmRSS:\t   12345 kB\nThreads:\t7\nVmSwap: x\n";
        for (name, figure) in [
            ("VmRSS:", Some(12345)),
            ("Threads:", Some(7)),
            ("VmSwap:", None),
            ("VmLck:", None),
        ] {
            assert_eq!(super::figure(status, name), figure, "{name}");
        }
    }
}
