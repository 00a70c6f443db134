//! A web server that is no test's own: visits to nginx, driven again.

use std::net::{TcpListener, TcpStream};

use crate::home::Home;
use crate::replay::{closes, replay};
use crate::visits::visit;
use crate::wiretap::Wiretap;

#[test]
fn nginx_is_visited_again() {
    let Some(nginx) = nginx() else { return };
    let home = Home::new();
    let address = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().to_string()
    };
    let folder = home.path("nginx");
    std::fs::create_dir(&folder).unwrap();
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log stderr; events {{}}\nhttp {{ access_log off; \
         client_body_temp_path {0}; proxy_temp_path {0}; fastcgi_temp_path {0}; uwsgi_temp_path {0}; scgi_temp_path {0}; \
         server {{ listen {address}; location / {{ return 200 \"well met\"; }} }} }}\n",
        folder.display()
    );
    let file = home.write("nginx.conf", &configuration);
    let mut server = std::process::Command::new(nginx)
        .args([
            std::ffi::OsStr::new("-p"),
            folder.as_os_str(),
            "-c".as_ref(),
            file.as_os_str(),
        ])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    crate::home::until("nginx listens", || TcpStream::connect(&address).ok());
    let tap = Wiretap::before(&address);
    let through = tap.address.to_string();
    (0..3).for_each(|_| visit(&through, 10));
    let capture = home.path("nginx.pcap");
    tap.write(&capture);
    // Faster than it was, so that each answer has another date.
    let arguments = [capture.to_str().unwrap(), "--target", &address, "--speed", "2"];
    let (done, run) = replay(&home, "out", &arguments);
    server.kill().unwrap();
    server.wait().unwrap();
    done.code(0);
    let answers = closes(&run.summary()).answers;
    assert_eq!(answers.identical + answers.masked, 33, "{answers:?}");
    assert_eq!(
        (answers.different, answers.missing, answers.extra),
        (0, 0, 0),
        "{answers:?}"
    );
}

/// The web server, if it is here.
fn nginx() -> Option<&'static str> {
    let found = ["/usr/sbin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists());
    if found.is_none() {
        testbed::skipped("nginx is not installed");
    }
    found
}
