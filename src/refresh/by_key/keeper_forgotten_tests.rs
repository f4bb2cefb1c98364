use super::*;

#[tokio::test]
async fn what_is_forgotten_on_demand_is_fetched_again() {
    let (tokens, script) = tokens(&[], false);
    number(&tokens, 1, 1000).await;
    tokens.clear();
    let found = tokens.current(1, at(1000), || "x").now_or_never();
    assert!(found.is_none(), "it has to be waited for");
    settle().await;
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn what_was_on_its_way_when_all_was_forgotten_is_given_to_who_waits_and_not_kept() {
    let (tokens, script) = tokens(&[], true);
    let waiting = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 1, 1000).await }
    });
    settle().await;
    tokens.clear();
    // Who comes later waits for another.
    let later = tokio::spawn({
        let tokens = Arc::clone(&tokens);
        async move { number(&tokens, 1, 1000).await }
    });
    settle().await;
    assert_eq!(script.calls(), 2);
    script.allow(1);
    assert_eq!(waiting.await.unwrap(), 1);
    assert_eq!(tokens.status(at(1001)).kept, 0, "it is from before");
    script.allow(1);
    assert_eq!(later.await.unwrap(), 2);
    assert_eq!(number(&tokens, 1, 1001).await, 2);
    assert_eq!(script.calls(), 2);
}

#[tokio::test]
async fn what_was_forgotten_on_its_way_takes_up_room_until_it_comes() {
    let (tokens, script) = tokens(&[], true);
    let mut callers = JoinSet::new();
    for key in 0..MOST_IN_FLIGHT as u64 {
        let tokens = Arc::clone(&tokens);
        callers.spawn(async move { tokens.current(key, at(1000), || "x").await.is_ok() });
    }
    while script.calls() < MOST_IN_FLIGHT {
        yield_now().await;
    }
    tokens.clear();
    assert_eq!(why(&tokens, 9999, 1000).await.cause, Why::Crowded);
    script.allow(MOST_IN_FLIGHT + 1);
    assert!(callers.join_all().await.into_iter().all(|given| given));
    assert_eq!(number(&tokens, 9999, 1000).await, MOST_IN_FLIGHT as u64 + 1);
}

#[tokio::test]
async fn the_last_refusal_is_told_and_how_many_came_in_a_row() {
    let refused = || Err(Why::Refused);
    let (tokens, _) = tokens(&[refused(), refused(), Ok(4600), refused()], false);
    for key in 1..=2 {
        why(&tokens, key, 1000).await;
    }
    let status = tokens.status(at(1002));
    assert_eq!(status.last_refusal, Some((at(1001), Why::Refused)));
    assert_eq!(status.refused_in_a_row, 2);
    number(&tokens, 3, 1002).await;
    let status = tokens.status(at(1003));
    assert_eq!(status.refused_in_a_row, 0, "somebody is served");
    assert_eq!(status.last_refusal, Some((at(1001), Why::Refused)));
    why(&tokens, 4, 1004).await;
    assert_eq!(tokens.status(at(1005)).refused_in_a_row, 1);
}

#[tokio::test]
async fn who_had_to_make_room_is_given_a_new_one_and_never_anothers() {
    let (tokens, script) = tokens(&[], false);
    let users = 3000;
    for key in 0..users {
        assert_eq!(number(&tokens, key, 1000).await, key + 1);
    }
    assert!(tokens.status(at(1000)).forgotten > 0);
    for key in 0..users {
        let before = script.calls() as u64;
        let given = number(&tokens, key, 1000).await;
        let own = match script.calls() as u64 > before {
            true => before + 1,
            false => key + 1,
        };
        assert_eq!(given, own);
    }
}
