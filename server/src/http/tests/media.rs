//! Media: round trips, credentials, bounds.

use std::os::unix::fs::PermissionsExt as _;

use tokio::net::TcpSocket;

use super::*;

#[tokio::test]
async fn media_come_back_as_they_went() {
    let bench = Bench::start().await;
    let picture: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let mut links = Vec::new();
    for (method, body) in [(Method::PUT, picture.clone()), (Method::POST, vec![1])] {
        let request = bench
            .public(method, "/v1/media")
            .bearer_auth(credential(ANN))
            .body(body.clone());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 201);
        let location = response.headers()[LOCATION].clone();
        let link = json_of(response).await["link"].as_str().unwrap().to_owned();
        assert_eq!(location, link.as_str());
        assert!(link.len() <= wire::chat::LINK_MAX_BYTES);
        // Whoever got the link downloads with a token of their own.
        let download = bench
            .public(Method::GET, &link)
            .bearer_auth(credential(7))
            .send()
            .await
            .unwrap();
        assert_eq!(
            (download.status().as_u16(), download.content_length()),
            (200, Some(body.len() as u64))
        );
        assert!(download.bytes().await.unwrap() == body.as_slice());
        links.push(link);
    }
    assert_ne!(links[0], links[1]);
    let stats = bench.stats().await;
    for (name, count) in [("uploads", 2), ("downloads", 2), ("uploaded_bytes", 3_000_001)] {
        assert_eq!(stats["counters"][format!("server.http.{name}")], count, "{name}");
    }
    assert_eq!((bench.media_bytes().await, bench.files()), (3_000_001.0, 2));
    let folder = bench.folder.path().join("media");
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    for path in files.chain([folder.clone()]) {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
}

#[tokio::test]
async fn media_want_the_numbers_own_token() {
    let bench = Bench::start().await;
    let (_, anns) = credential(ANN)
        .split_once(':')
        .map(|(n, t)| (n.to_owned(), t.to_owned()))
        .unwrap();
    let link = json_of(bench.upload("x").send().await.unwrap()).await["link"]
        .as_str()
        .unwrap()
        .to_owned();
    for wrong in [
        "",
        "nonsense",
        &format!("7:{anns}"),
        &format!("{ANN}:{}", "0".repeat(32)),
        &anns,
    ] {
        let upload = bench
            .public(Method::PUT, "/v1/media")
            .bearer_auth(wrong)
            .body("x");
        assert_eq!(
            refusal(upload).await,
            refusal_is(401, 0, "unauthorized"),
            "{wrong}"
        );
        let download = bench.public(Method::GET, &link).bearer_auth(wrong);
        assert_eq!(
            refusal(download).await,
            refusal_is(401, 0, "unauthorized"),
            "{wrong}"
        );
    }
    assert_eq!((bench.files(), bench.refused("unauthorized").await), (1, 10));
}

#[tokio::test]
async fn what_is_no_id_is_not_found() {
    let bench = Bench::start().await;
    std::fs::write(bench.folder.path().join("secret"), "secret").unwrap();
    let unknown = "0".repeat(32);
    for id in [
        unknown.as_str(),
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "A0000000000000000000000000000000",
        "x.part",
    ] {
        let request = bench
            .public(Method::GET, &format!("/v1/media/{id}"))
            .bearer_auth(credential(ANN));
        assert_eq!(
            refusal(request).await,
            refusal_is(404, 0, "no_such_media"),
            "{id}"
        );
    }
    assert_eq!(bench.refused("no_such_media").await, 5);
}

#[tokio::test]
async fn media_are_bounded_each_and_together() {
    let bench =
        Bench::with(|config| (config.media.media_max_bytes, config.media.total_max_bytes) = (1_000, 1_500))
            .await;
    assert_eq!(bench.upload(vec![1; 1_000]).send().await.unwrap().status(), 201);
    assert_eq!(
        refusal(bench.upload(vec![1; 1_001])).await,
        refusal_is(413, 2, "oversized")
    );
    assert_eq!(
        refusal(bench.upload(vec![1; 501])).await,
        refusal_is(507, 14, "storage_full")
    );
    assert_eq!(refusal(bench.upload("")).await, refusal_is(400, 1, "malformed"));
    assert_eq!(bench.upload(vec![1; 500]).send().await.unwrap().status(), 201);
    assert_eq!((bench.media_bytes().await, bench.files()), (1_500.0, 2));
    // Without a length in front, the bound is met on the way.
    let head = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        credential(ANN)
    );
    let chunk = format!("320\r\n{}\r\n", "x".repeat(0x320));
    let answer = converse(bench.http.public_addr, &format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert!(
        answer.starts_with("HTTP/1.1 507 ") || answer.starts_with("HTTP/1.1 413 "),
        "{answer}"
    );
    assert_eq!((bench.media_bytes().await, bench.files()), (1_500.0, 2));
}

/// Sends bytes and reads until one answer's end, told by its closing brace.
async fn converse(addr: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}") && stream.read_buf(&mut answer).await.unwrap() > 0 {}
    String::from_utf8(answer).unwrap()
}

/// A client at that address that has sent half of an upload.
async fn half_an_upload(bench: &Bench, from: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    let mut stream = socket.connect(bench.http.public_addr).await.unwrap();
    let head = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n12345",
        credential(ANN)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn too_many_uploads_at_once_are_busy() {
    let bench = Bench::with(|config| config.uploads_max = 1).await;
    let slow = half_an_upload(&bench, "127.0.0.1:0").await;
    while bench.media_bytes().await < 5.0 {}
    assert_eq!(refusal(bench.upload("x")).await, refusal_is(503, 17, "busy"));
    // The client that went away leaves neither its half nor its place.
    drop(slow);
    while bench.media_bytes().await > 0.0 {}
    while bench.upload("x").send().await.unwrap().status() == 503 {}
    assert_eq!(bench.files(), 1);
}

#[tokio::test]
async fn one_source_does_not_take_every_upload() {
    let bench = Bench::with(|config| (config.uploads_max, config.uploads_a_source) = (4, 2)).await;
    let slow = [
        half_an_upload(&bench, "127.0.0.2:0").await,
        half_an_upload(&bench, "127.0.0.2:0").await,
    ];
    while bench.media_bytes().await < 10.0 {}
    let client = |from: &str| {
        let from = from.parse::<std::net::IpAddr>().unwrap();
        Client::builder().no_proxy().local_address(from).build().unwrap()
    };
    let upload = |client: &Client| {
        let url = format!("http://{}/v1/media", bench.http.public_addr);
        client.put(url).bearer_auth(credential(ANN)).body("x")
    };
    let (theirs, another) = (client("127.0.0.2"), client("127.0.0.1"));
    // It is the address that counts, not the number.
    assert_eq!(
        refusal(upload(&theirs)).await,
        refusal_is(429, 12, "rate_limited")
    );
    assert_eq!(bench.refused("rate_limited").await, 1);
    assert_eq!(upload(&another).send().await.unwrap().status(), 201);
    drop(slow);
    while upload(&theirs).send().await.unwrap().status() == 429 {}
}

#[tokio::test]
async fn an_upload_that_stalls_is_given_up() {
    let bench = Bench::with(|config| config.transfer_timeout = Duration::from_millis(50)).await;
    let text = format!(
        "PUT /v1/media HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 10\r\n\r\n12345",
        credential(ANN)
    );
    let answer = converse(bench.http.public_addr, &text).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("\"timed_out\""),
        "{answer}"
    );
    assert_eq!((bench.media_bytes().await, bench.files()), (0.0, 0));
}
