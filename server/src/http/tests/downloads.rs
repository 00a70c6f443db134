//! Downloads that are not taken: how long they last, and whom they keep waiting.

use tokio::net::TcpSocket;

use super::*;

/// More than the sockets between a server and a client with a small buffer take, however they grow.
const MEDIUM_BYTES: usize = 16 << 20;

/// A client that asked for a medium and has read no answer.
async fn ask(bench: &Bench, link: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(bench.http.public_addr).await.unwrap();
    let credential = credential(ANN);
    let head = format!("GET {link} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn medium(bench: &Bench) -> String {
    let uploaded = bench.upload(vec![7; MEDIUM_BYTES]).send().await.unwrap();
    json_of(uploaded).await["link"].as_str().unwrap().to_owned()
}

async fn begun(bench: &Bench, downloads: u64) {
    while bench.stats().await["counters"]["server.http.downloads"] != downloads {}
}

#[tokio::test]
async fn who_takes_nothing_is_cut_off_and_keeps_nobody_else_waiting() {
    let bench = Bench::with(|config| {
        config.downloads_a_source = 1;
        config.stall_timeout = Duration::from_millis(200);
    })
    .await;
    let link = medium(&bench).await;
    let idle = ask(&bench, &link).await;
    begun(&bench, 1).await;
    let another = || bench.public(Method::GET, &link).bearer_auth(credential(ANN));
    assert_eq!(refusal(another()).await, refusal_is(429, 12, "rate_limited"));
    // Its place is free once the server has given it up; no transfer's time ends here.
    while another().send().await.unwrap().status() != 200 {}
    drop(idle);
}

#[tokio::test]
async fn all_downloads_together_are_bounded() {
    let bench = Bench::with(|config| config.downloads_max = 1).await;
    let link = medium(&bench).await;
    let idle = ask(&bench, &link).await;
    begun(&bench, 1).await;
    let another = || bench.public(Method::GET, &link).bearer_auth(credential(ANN));
    assert_eq!(refusal(another()).await, refusal_is(503, 17, "busy"));
    drop(idle);
    while another().send().await.unwrap().status() != 200 {}
}

#[tokio::test]
async fn who_reads_by_the_spoonful_has_until_the_deadline() {
    let bench = Bench::with(|config| config.transfer_timeout = Duration::from_millis(50)).await;
    // Put there as an upload would: on a slow machine that takes longer than a transfer may here.
    let id = "00112233445566778899aabbccddeeff";
    let path = bench.folder.path().join("media").join(id);
    std::fs::write(path, vec![7; MEDIUM_BYTES]).unwrap();
    let mut reader = ask(&bench, &format!("/v1/media/{id}")).await;
    let (mut spoon, mut read_bytes) = (vec![0; 4096], 0);
    // A request to the admin side between two spoonfuls takes its time.
    while let Ok(length @ 1..) = reader.read(&mut spoon).await {
        read_bytes += length;
        bench.stats().await;
    }
    assert!(read_bytes < MEDIUM_BYTES, "all of it came");
}
