//! Listeners: their ports, their slots, their end.

use super::*;

#[tokio::test]
async fn clients_that_keep_their_connections_do_not_shut_others_out() {
    let bench = Bench::with(|config| config.connections_max = 1).await;
    // Each keeps its pool until the end.
    let clients: Vec<_> = (0..5).map(|_| client()).collect();
    for client in &clients {
        let url = format!("http://{}/v1/accounts/{ANN}", bench.http.public_addr);
        assert_eq!(client.get(url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn a_stop_frees_the_ports_and_cuts_what_takes_too_long() {
    let mut bench = Bench::with(|config| config.grace = Duration::from_millis(50)).await;
    let hanging = bench
        .public(Method::POST, "/v1/register")
        .body(format!("{{\"number\": {IGNORED}}}"));
    let hanging = tokio::spawn(hanging.send());
    while bench.stats().await["gauges"]["server.http.connections"] != 2.0 {}
    bench.http.stop().await;
    assert!(hanging.await.unwrap().is_err());
    for addr in [bench.http.public_addr, bench.http.admin_addr] {
        assert!(TcpStream::connect(addr).await.is_err());
    }
}

#[tokio::test]
async fn a_port_in_use_is_told_with_a_remedy() {
    let taken = tokio::net::TcpListener::bind(local()).await.unwrap();
    let addr = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let media = MediaOptions::in_folder(folder.path().join("media"));
    let config = HttpConfig::new(Admin::new(addr, None).unwrap(), local(), media);
    let error = bind(config).await.unwrap_err().to_string();
    assert!(
        !folder.path().join("media").exists(),
        "nothing on disk was touched"
    );
    let port = addr.port();
    assert!(
        error.starts_with(&format!("cannot listen for admin HTTP at {addr}: ")),
        "{error}"
    );
    assert!(
        error.contains(&format!("`ss -ltnp 'sport = :{port}'`")),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_whose_number_is_not_for_it_is_closed_and_counted() {
    let bench = Bench::with(|config| config.descriptors_end = Some(3)).await;
    let mut client = TcpStream::connect(bench.http.public_addr).await.unwrap();
    // A reset, or an end without a word.
    assert_eq!(client.read(&mut [0; 64]).await.unwrap_or(0), 0);
    let stats = bench.stats().await;
    assert_eq!(stats["counters"]["server.http.connections_above_floor"], 1);
    assert_eq!(
        stats["counters"]["server.http.requests"], 1,
        "that of these figures"
    );
}
