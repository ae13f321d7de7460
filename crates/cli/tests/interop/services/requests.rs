//! Many requests: wrk and curl on nginx, redis-benchmark on redis. None may fail.

use super::daemon::Daemon;
use super::{are_here, client, line, measured, size, text};
use crate::namespace::in_namespace;
use crate::program::{STACK, Serve};
use std::fs;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(180);

/// nginx in one process that answers `hello` and writes nothing but errors.
fn nginx(folder: &Path) -> Daemon {
    let configuration = folder.join("nginx.conf");
    let log = text(folder);
    let lines = format!(
        "daemon off; master_process off; pid {log}/pid; error_log {log}/errors;\n\
         events {{ worker_connections 4096; }}\n\
         http {{ access_log off; keepalive_requests 1000000000;\n\
         server {{ listen 127.0.0.1:8080 backlog=4096; location / {{ return 200 \"hello\\n\"; }} }} }}\n"
    );
    fs::write(&configuration, lines).expect("our own folder");
    let arguments = ["-e", &format!("{log}/errors"), "-c", text(&configuration)];
    Daemon::start("nginx", &arguments, 8080)
}

#[test]
fn wrk_and_curl_on_nginx_see_no_failed_request() {
    const TEST: &str = "wrk_and_curl_on_nginx";
    if !are_here(TEST, &["nginx", "wrk", "curl", "xargs"]) {
        return;
    }
    in_namespace(TEST, || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _nginx = nginx(folder.path());
        let _serve = Serve::start(&["--forward", "8080=127.0.0.1:8080"]);
        let url = format!("http://{STACK}:8080/");
        let size = size();
        let [connections, seconds] = [size.connections, size.seconds].map(|number| number.to_string());
        let usual = ["-t", "2", "-c", &connections, "-d", &seconds, "--timeout", "10"];
        for (kind, more) in [("keep-alive", None), ("Connection: close", Some(["-H", "Connection: close"]))] {
            let arguments: Vec<&str> =
                usual.iter().copied().chain(more.into_iter().flatten()).chain([url.as_str()]).collect();
            let printed = client(LIMIT, "wrk", &arguments);
            assert!(!printed.contains("Socket errors") && !printed.contains("Non-2xx"), "{kind}: {printed}");
            let (rate, total) = (line(&printed, "Requests/sec"), line(&printed, "requests in"));
            measured(&format!("wrk, {connections} connections, {kind}: {total}; {rate}; none failed"));
        }
        let script = format!(
            "seq {} | xargs -P {} -I@ curl --silent --output /dev/null --write-out '%{{http_code}}\\n' --max-time 60 {url} | sort | uniq -c",
            size.requests, size.parallel
        );
        let codes = client(LIMIT, "sh", &["-c", &script]);
        assert_eq!(codes.split_whitespace().collect::<Vec<_>>(), [&size.requests.to_string(), "200"]);
        measured(&format!("curl: {} requests in {} parallel: all 200", size.requests, size.parallel));
    });
}

#[test]
fn redis_benchmark_completes() {
    const TEST: &str = "redis_benchmark";
    if !are_here(TEST, &["redis-server", "redis-benchmark"]) {
        return;
    }
    in_namespace(TEST, || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let quiet = ["--port", "6379", "--bind", "127.0.0.1", "--save", "", "--dir", text(folder.path())];
        let _redis = Daemon::start("redis-server", &quiet, 6379);
        let _serve = Serve::start(&["--forward", "6379=127.0.0.1:6379"]);
        let requests = (size().requests * 20).to_string();
        let stack = STACK.to_string();
        for pipeline in ["1", "16"] {
            let arguments =
                ["-h", &stack, "-n", &requests, "-c", "50", "-P", pipeline, "-t", "ping,set,get", "--csv"];
            let printed = client(LIMIT, "redis-benchmark", &arguments);
            let rates: Vec<String> = ["PING_INLINE", "SET", "GET"]
                .map(|test| {
                    line(&printed, &format!("\"{test}\"")).split(',').take(2).collect::<Vec<_>>().join(" ")
                })
                .to_vec();
            measured(&format!(
                "redis-benchmark, {requests} requests, pipeline {pipeline}: {} per second",
                rates.join(", ")
            ));
        }
    });
}
