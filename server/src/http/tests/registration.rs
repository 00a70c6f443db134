//! Registration: what is answered and what is refused.

use super::*;

#[tokio::test]
async fn a_number_registers_proves_and_is_known() {
    let bench = Bench::start().await;
    let register = bench
        .public(Method::POST, "/v1/register")
        .body(json!({"number": ANN}).to_string());
    assert_eq!(register.send().await.unwrap().status(), 202);
    let prove = bench
        .public(Method::POST, "/v1/prove")
        .body(json!({"number": ANN, "pin": "000042"}).to_string());
    let proved = json_of(prove.send().await.unwrap()).await;
    let (_, token) = credential(ANN)
        .split_once(':')
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .unwrap();
    assert_eq!(proved, json!({"key": "ab".repeat(32), "media_token": token}));
    for (number, registered) in [(ANN, true), (7, false)] {
        let known = bench
            .public(Method::GET, &format!("/v1/accounts/{number}"))
            .send()
            .await
            .unwrap();
        assert_eq!(json_of(known).await, json!({"registered": registered}));
    }
    let counters = bench.stats().await["counters"].clone();
    for (name, count) in [("registrations", 1), ("proofs", 1), ("lookups", 2)] {
        assert_eq!(counters[format!("server.http.{name}")], count, "{name}");
    }
}

#[tokio::test]
async fn registration_refuses_with_the_protocols_codes() {
    let bench = Bench::start().await;
    let long = format!("{{\"number\": {}1}}", " ".repeat(2_000));
    for (path, body, expected) in [
        ("/v1/register", "", refusal_is(400, 1, "malformed")),
        ("/v1/register", "{\"number\": 0}", refusal_is(400, 1, "malformed")),
        (
            "/v1/register",
            "{\"number\": \"1\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/register",
            "{\"number\": 1, \"pin\": \"1\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/register",
            "{\"number\": 429}",
            refusal_is(429, 12, "rate_limited"),
        ),
        ("/v1/register", &long, refusal_is(413, 2, "oversized")),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": 42}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": \"42\"}",
            refusal_is(400, 1, "malformed"),
        ),
        (
            "/v1/prove",
            "{\"number\": 1, \"pin\": \"000043\"}",
            refusal_is(403, 10, "bad_pin"),
        ),
        (
            "/v1/prove",
            "{\"number\": 409, \"pin\": \"000042\"}",
            refusal_is(409, 11, "no_pin"),
        ),
        ("/v1/elsewhere", "{}", refusal_is(404, 0, "no_such_route")),
        ("/v1/accounts/1", "{}", refusal_is(405, 0, "no_such_method")),
    ] {
        let request = bench.public(Method::POST, path).body(body.to_owned());
        assert_eq!(refusal(request).await, expected, "{path} {body}");
    }
    for number in ["0", "01", "+1", "1234567890123456", "ann"] {
        let request = bench.public(Method::GET, &format!("/v1/accounts/{number}"));
        assert_eq!(
            refusal(request).await,
            refusal_is(400, 1, "malformed"),
            "{number}"
        );
    }
    assert_eq!(bench.refused("malformed").await, 11);
    assert_eq!(bench.refused("no_such_route").await, 1);
}

#[tokio::test]
async fn an_office_that_does_not_answer_is_busy() {
    let bench = Bench::with(|config| config.request_timeout = Duration::from_millis(50)).await;
    let request = bench
        .public(Method::POST, "/v1/register")
        .body(format!("{{\"number\": {IGNORED}}}"));
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
        (503, &"1".parse().unwrap())
    );
    assert_eq!(json_of(response).await, json!({"code": 17, "error": "busy"}));
}

#[tokio::test]
async fn a_stranger_looks_up_a_few_and_who_has_an_account_as_many_as_it_likes() {
    let bench = Bench::start().await;
    bench.knobs.set("lookups_a_source", "2").unwrap();
    let look_up = |number: u64| bench.public(Method::GET, &format!("/v1/accounts/{number}"));
    for number in [ANN, 7] {
        let known = json_of(look_up(number).send().await.unwrap()).await;
        assert_eq!(known, json!({"registered": number == ANN}));
    }
    for number in [ANN, 7] {
        assert_eq!(
            refusal(look_up(number)).await,
            refusal_is(429, 12, "rate_limited"),
            "{number}"
        );
        let shown = look_up(number).bearer_auth(credential(ANN)).send().await.unwrap();
        assert_eq!(json_of(shown).await, json!({"registered": number == ANN}));
    }
    // A wrong credential is no way around.
    let wrong = look_up(ANN).bearer_auth(format!("{ANN}:{}", "0".repeat(32)));
    assert_eq!(refusal(wrong).await, refusal_is(401, 0, "unauthorized"));
    let counted = (
        bench.refused("rate_limited").await,
        bench.refused("unauthorized").await,
    );
    assert_eq!(counted, (2, 1));
    assert_eq!(bench.stats().await["counters"]["server.http.lookups"], 4);
}
