//! One resolver for each name, asked as seldom as it may be, and kept through failures.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: usize = 3;

/// What a name answers at each question, the last answer for ever; and how it was asked.
#[derive(Default)]
struct Script {
    answers: BTreeMap<&'static str, Vec<Option<&'static str>>>,
    takes: Duration,
    asked: Mutex<BTreeMap<String, Vec<Instant>>>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Script {
    fn names(self, pauses: Pauses) -> (Names, Arc<Self>) {
        let script = Arc::new(self);
        let lookup = Arc::clone(&script);
        let names = Names::by(Arc::new(move |host| lookup.answer(host)), pauses);
        (names, script)
    }

    #[allow(clippy::disallowed_methods, reason = "the resolver blocks its thread")]
    fn answer(&self, host: &str) -> io::Result<Vec<SocketAddr>> {
        let busy = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(busy, Ordering::SeqCst);
        let turn = {
            let mut asked = self.asked.lock();
            let times = asked.entry(host.to_owned()).or_default();
            times.push(Instant::now());
            times.len() - 1
        };
        std::thread::sleep(self.takes);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let answers = self.answers.get(host).map_or(&[][..], Vec::as_slice);
        match answers.get(turn).or(answers.last()).copied().flatten() {
            Some("none") => Ok(Vec::new()),
            Some(address) => Ok(vec![address.parse().unwrap()]),
            None => Err(io::Error::other("no such host")),
        }
    }

    fn times(&self, host: &str) -> usize {
        self.asked.lock().get(host).map_or(0, Vec::len)
    }

    async fn until_asked(&self, host: &str, times: usize) {
        eventually(|| self.times(host) >= times, "not asked so often").await;
    }
}

async fn eventually(holds: impl Fn() -> bool, what: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

const fn pauses(refresh: u64, retry: u64) -> Pauses {
    Pauses {
        refresh: Duration::from_millis(refresh),
        retry: Duration::from_millis(retry),
    }
}

fn answering(host: &'static str, answers: &[Option<&'static str>]) -> Script {
    Script {
        answers: BTreeMap::from([(host, answers.to_vec())]),
        ..Script::default()
    }
}

fn shown(name: &Name) -> String {
    let addresses = name.addresses();
    let shown = addresses.iter().map(ToString::to_string);
    shown.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_name_is_asked_for_once_whoever_goes_there() {
    let (names, script) = answering("a", &[Some("10.0.0.1:0")]).names(pauses(60_000, 60_000));
    let all: Vec<_> = (0..1000).map(|_| names.of("a")).collect();
    for name in &all {
        name.asked(PATIENCE).await;
        assert_eq!(shown(name), "10.0.0.1:0");
    }
    assert_eq!(script.times("a"), 1);
}

#[tokio::test]
async fn the_last_one_that_is_dropped_ends_the_task_and_is_forgotten() {
    let (names, _) = answering("a", &[Some("10.0.0.1:0")]).names(pauses(60_000, 60_000));
    let (one, other) = (names.of("a"), names.of("a"));
    one.asked(PATIENCE).await;
    let answer = Arc::downgrade(&one.answer);
    drop(one);
    assert_eq!(names.shared.known.lock().len(), 1, "somebody goes there");
    drop(other);
    assert_eq!(names.shared.known.lock().len(), 0);
    eventually(|| answer.strong_count() == 0, "the task goes on").await;
    let again = names.of("a");
    again.asked(PATIENCE).await;
    assert_eq!(shown(&again), "10.0.0.1:0");
}

#[tokio::test]
async fn a_new_answer_replaces_a_good_one_and_a_failure_or_an_empty_one_never_does() {
    let answers = [
        Some("10.0.0.1:0"),
        None,
        Some("none"),
        None,
        Some("10.0.0.2:0"),
        None,
    ];
    let (names, script) = answering("a", &answers).names(pauses(4, 1));
    let name = names.of("a");
    let begun = Instant::now();
    let mut seen = Vec::new();
    while script.times("a") < answers.len() + 2 {
        assert!(begun.elapsed() < PATIENCE, "not asked so often");
        let now = shown(&name);
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        tokio::task::yield_now().await;
    }
    let last_two = &seen[seen.len() - 2..];
    assert_eq!(last_two, ["10.0.0.1:0", "10.0.0.2:0"]);
    assert!(seen.len() <= 3, "{seen:?}");
}

#[tokio::test]
async fn failures_are_retried_less_and_less_often() {
    let (names, script) = answering("a", &[None]).names(pauses(40, 10));
    let _name = names.of("a");
    script.until_asked("a", 5).await;
    let times = script.asked.lock()["a"].clone();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, at_least) in gaps.iter().zip([7, 15, 30, 30]) {
        let at_least = Duration::from_millis(at_least);
        assert!(*gap >= at_least, "{gaps:?}");
    }
}

#[tokio::test]
async fn whoever_comes_in_vain_has_a_name_asked_for_sooner() {
    let (names, script) = answering("a", &[None]).names(pauses(600_000, 5));
    let name = names.of("a");
    let many = || {
        name.want();
        // By itself, after twice as long each time: in forty seconds.
        script.times("a") >= 14
    };
    eventually(many, "not asked so often").await;
}

#[tokio::test]
async fn many_names_take_few_threads_and_those_that_fail_do_not_hold_up_the_others() {
    let script = Script {
        answers: (0..50)
            .map(|place| (&*format!("good-{place}").leak(), vec![Some("10.0.0.1:0")]))
            .collect(),
        takes: Duration::from_millis(5),
        ..Script::default()
    };
    let (names, script) = script.names(pauses(20, 1));
    // They fail for ever, and would be asked for all the time.
    let bad: Vec<_> = (0..200).map(|it| names.of(&format!("bad-{it}"))).collect();
    for name in &bad {
        name.asked(PATIENCE).await;
    }
    let good: Vec<_> = (0..50).map(|it| names.of(&format!("good-{it}"))).collect();
    let bad_asked = || {
        let asked = script.asked.lock();
        let bad = asked.iter().filter(|(host, _)| host.starts_with("bad"));
        bad.map(|(_, times)| times.len()).sum::<usize>()
    };
    let before = bad_asked();
    for name in &good {
        name.asked(PATIENCE).await;
    }
    // Two threads of three are theirs; in one line with the others, all 200 would come first.
    let meanwhile = bad_asked() - before;
    assert!(meanwhile < 150, "{meanwhile}");
    assert!(good.iter().all(|name| shown(name) == "10.0.0.1:0"));
    assert_eq!(script.most_at_once.load(Ordering::SeqCst), AT_ONCE);
}

#[tokio::test]
async fn whoever_finds_nobody_there_has_a_good_name_asked_for_sooner_and_less_and_less_often() {
    let answers = [Some("10.0.0.1:0")];
    let (names, script) = answering("a", &answers).names(pauses(600_000, 5));
    let name = names.of("a");
    let many = || {
        name.want();
        script.times("a") >= 5
    };
    eventually(many, "not asked so often").await;
    let times = script.asked.lock()["a"].clone();
    let gaps: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (gap, at_least) in gaps.iter().zip([3, 7, 15, 30]) {
        assert!(*gap >= Duration::from_millis(at_least), "{gaps:?}");
    }
}

#[tokio::test]
async fn a_lead_holds_until_its_name_has_the_address_no_more() {
    let answers = [
        Some("10.0.0.1:0"),
        Some("10.0.0.1:0"),
        None,
        Some("10.0.0.2:0"),
    ];
    let (names, script) = answering("a", &answers).names(pauses(4, 1));
    let name = names.of("a");
    name.asked(PATIENCE).await;
    let [old, new] = [1, 2].map(|last| name.lead([10, 0, 0, last].into()));
    assert!(old.holds());
    while shown(&name) != "10.0.0.2:0" {
        let still = old.holds();
        assert!(still || shown(&name) == "10.0.0.2:0", "given up too soon");
        tokio::task::yield_now().await;
    }
    script.until_asked("a", answers.len() + 2).await;
    assert!(!old.holds() && new.holds());
}
