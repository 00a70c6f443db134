//! The admin side: figures, knobs, and who may reach them.

use super::*;

#[tokio::test]
async fn health_and_figures_are_shown() {
    let bench = Bench::start().await;
    let health = async || {
        let response = bench.admin(Method::GET, "/healthz").send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    assert_eq!(health().await, (200, "ok\n".to_owned()));
    bench.health.store_refuses("the disk is full");
    assert_eq!(
        health().await,
        (503, "the store takes nothing new: the disk is full\n".to_owned())
    );
    bench.health.store_recovers();
    assert_eq!(health().await.0, 200);
    bench.health.drain();
    assert_eq!(health().await, (503, "the server is stopping\n".to_owned()));

    let stats = bench.stats().await;
    assert_eq!(
        (
            &stats["counters"]["server.commits"],
            &stats["gauges"]["server.online"]
        ),
        (&json!(7), &json!(2.5))
    );
    assert_eq!(
        stats["gauges"]["server.http.connections"], 1.0,
        "the one that asks"
    );

    let metrics = bench.admin(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(
        metrics.headers()[CONTENT_TYPE],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = metrics.text().await.unwrap();
    for line in [
        "teem_server_commits_total 7",
        "teem_server_online 2.5",
        "teem_server_http_refused_busy_total 0",
        "teem_server_messages_in_1s_per_second 0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "{line} is not in\n{text}"
        );
    }
}

#[tokio::test]
async fn knobs_are_shown_and_turned() {
    let bench = Bench::start().await;
    let knobs = json_of(bench.admin(Method::GET, "/knobs").send().await.unwrap()).await;
    let idle = knobs
        .as_array()
        .unwrap()
        .iter()
        .find(|knob| knob["name"] == "idle_timeout_s")
        .unwrap()
        .clone();
    assert_eq!((&idle["value"], &idle["unit"]), (&json!(1_800), &json!("s")));
    assert_eq!(idle["expected"], "a whole number from 1 to 604800");

    let turned = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .body("60")
        .send()
        .await
        .unwrap();
    assert_eq!(
        json_of(turned).await,
        json!({"name": "idle_timeout_s", "from": 1_800, "to": 60})
    );
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
    let turned = bench
        .admin(Method::POST, "/knobs/durability")
        .body("async\n")
        .send()
        .await
        .unwrap();
    assert_eq!(
        json_of(turned).await,
        json!({"name": "durability", "from": "commit", "to": "async"})
    );

    for (path, body, expected) in [
        ("/knobs/idle_timeout", "60", refusal_is(404, 0, "no_such_knob")),
        ("/knobs/idle_timeout_s", "0", refusal_is(400, 1, "malformed")),
        (
            "/knobs/idle_timeout_s",
            &"6".repeat(2_000),
            refusal_is(413, 2, "oversized"),
        ),
        ("/knobs/log_level", "debug", refusal_is(400, 1, "malformed")),
        ("/knobs", "1", refusal_is(405, 0, "no_such_method")),
        ("/nothing", "1", refusal_is(404, 0, "no_such_route")),
    ] {
        let request = bench.admin(Method::PUT, path).body(body.to_owned());
        assert_eq!(refusal(request).await, expected, "{path} {body}");
    }
    let wrong = bench
        .admin(Method::PUT, "/knobs/idle_timeout")
        .body("60")
        .send()
        .await
        .unwrap();
    let detail = json_of(wrong).await["detail"].clone();
    assert_eq!(
        detail,
        "there is no knob `idle_timeout`; did you mean `idle_timeout_s`?"
    );
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
}

#[tokio::test]
async fn without_a_token_only_this_hosts_own_programs_are_heard() {
    let bench = Bench::start().await;
    for path in ["/healthz", "/metrics", "/stats", "/knobs", "/nothing"] {
        let request = bench.admin(Method::GET, path).header(HOST, "evil.example");
        assert_eq!(
            refusal(request).await,
            refusal_is(403, 0, "foreign_host"),
            "{path}"
        );
    }
    let page = || {
        bench
            .admin(Method::POST, "/knobs/idle_timeout_s")
            .header(ORIGIN, "http://evil.example")
            .body("1")
    };
    assert_eq!(refusal(page()).await, refusal_is(403, 0, "foreign_origin"));
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(1_800));
    let localhost = bench
        .admin(Method::GET, "/healthz")
        .header(HOST, "localhost:1234")
        .send()
        .await
        .unwrap();
    assert_eq!(localhost.status(), 200);
    assert_eq!(
        (
            bench.refused("foreign_host").await,
            bench.refused("foreign_origin").await
        ),
        (5, 1)
    );
}

#[tokio::test]
async fn with_a_token_only_its_holders_are_heard() {
    let bench =
        Bench::with(|config| config.admin = Admin::new(local(), Some(TOKEN.to_owned())).unwrap()).await;
    for path in ["/healthz", "/metrics", "/stats", "/knobs", "/nothing"] {
        for token in ["", "0123456789abcdeg", "0123456789abcde", "0123456789abcdef0"] {
            let request = bench.admin(Method::GET, path).bearer_auth(token);
            assert_eq!(
                refusal(request).await,
                refusal_is(401, 0, "unauthorized"),
                "{path} {token}"
            );
        }
    }
    let bare = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .body("1")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (bare.status().as_u16(), &bare.headers()[WWW_AUTHENTICATE]),
        (401, &"Bearer".parse().unwrap())
    );
    let held = bench
        .admin(Method::PUT, "/knobs/idle_timeout_s")
        .header(HOST, "chat.example")
        .bearer_auth(TOKEN)
        .body("60");
    assert_eq!(held.send().await.unwrap().status(), 200);
    assert_eq!(bench.knobs.idle_timeout(), Duration::from_secs(60));
}
