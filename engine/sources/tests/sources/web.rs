//! Addresses and server paths.

use crate::support::{Got, get, rules, texts};
use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::get as on,
};
use std::{net::SocketAddr, time::Duration};
use trainyard_sources::{Limits, Rules};
use trainyard_types::{Code, Problem, source::SourceSpec};

const CSV: &str = "a,b\n1,x\n2,y\n";

async fn server() -> SocketAddr {
    let routes = Router::new()
        .route("/t.csv", on(|| async { ([(header::CONTENT_TYPE, "image/png")], CSV) }))
        .route(
            "/named",
            on(|| async { ([(header::CONTENT_DISPOSITION, "attachment; filename=\"../x/people.csv\"")], CSV) }),
        )
        .route("/once", on(|| async { Redirect::temporary("/t.csv") }))
        .route("/loop", on(|| async { Redirect::temporary("/loop") }))
        .route("/metadata", on(|| async { Redirect::temporary("http://169.254.169.254/latest/meta-data/") }))
        .route("/home", on(|| async { Redirect::temporary("http://localhost:1/") }))
        .route("/file", on(|| async { Redirect::temporary("file:///etc/passwd") }))
        .route("/gone", on(|| async { (StatusCode::NOT_FOUND, "<html>secret page</html>") }))
        .route(
            "/slow",
            on(|| async {
                tokio::time::sleep(Duration::from_secs(30)).await;
                CSV.into_response()
            }),
        )
        .route(
            "/endless",
            on(|| async {
                // No length is given: only counting ends it.
                let chunks =
                    futures::stream::repeat_with(|| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b'1'; 65_536])));
                Body::from_stream(chunks)
            }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

async fn url(rules: &Rules, url: String, limits: Limits) -> Result<Got, Problem> {
    get(SourceSpec::Url { url }, rules, None, None, limits).await
}

fn small() -> Limits {
    Limits { bytes: 1 << 20, time: Duration::from_secs(3), objects: 10, ..Limits::default() }
}

#[tokio::test]
async fn a_file_behind_an_address_becomes_a_table_whatever_the_server_calls_it() {
    let at = server().await;
    let rules = rules(&[], &["127.0.0.1=127.0.0.0/8"]);
    let got = url(&rules, format!("http://{at}/t.csv?token=abc"), small()).await.unwrap();
    assert_eq!((got.fetched.file_name.as_str(), got.table.rows), ("t.csv", 2));
    assert_eq!(texts(&got.rows[1]), ["2", "y"]);
    let got = url(&rules, format!("http://{at}/named"), small()).await.unwrap();
    assert_eq!(got.fetched.file_name, "people.csv");
    assert_eq!(url(&rules, format!("http://{at}/once"), small()).await.unwrap().table.rows, 2);
}

#[tokio::test]
async fn redirects_are_checked_at_each_hop() {
    let at = server().await;
    let rules = rules(&[], &["127.0.0.1=127.0.0.0/8", "*"]);
    for path in ["metadata", "home"] {
        let problem = url(&rules, format!("http://{at}/{path}"), small()).await.err().unwrap();
        assert_eq!(problem.code, Code::Forbidden, "{path}: {}", problem.message);
        assert!(problem.message.contains("not public"), "{path}: {}", problem.message);
    }
    assert!(url(&rules, format!("http://{at}/file"), small()).await.is_err());
    let problem = url(&rules, format!("http://{at}/loop"), small()).await.err().unwrap();
    assert!(problem.message.contains("more than 5"), "{}", problem.message);
}

#[tokio::test]
async fn a_name_that_resolves_to_this_machine_is_refused_at_the_connection() {
    let at = server().await;
    let problem = url(&rules(&[], &["localhost"]), format!("http://localhost:{}/t.csv", at.port()), small()).await;
    let problem = problem.err().unwrap();
    assert!(problem.message.contains("source_hosts") && problem.code == Code::Forbidden, "{}", problem.message);
    let open = rules(&[], &["localhost=127.0.0.0/8", "localhost=::1"]);
    assert_eq!(url(&open, format!("http://localhost:{}/t.csv", at.port()), small()).await.unwrap().table.rows, 2);
}

#[tokio::test]
async fn size_and_time_have_bounds_and_failures_are_said_in_words() {
    let at = server().await;
    let rules = rules(&[], &["127.0.0.1=127.0.0.1"]);
    let problem = url(&rules, format!("http://{at}/endless"), small()).await.err().unwrap();
    assert_eq!(problem.code, Code::TooLarge, "{}", problem.message);
    let limits = Limits { time: Duration::from_millis(300), ..small() };
    assert!(url(&rules, format!("http://{at}/slow"), limits).await.err().unwrap().message.contains("fetch_minutes"));
    let problem = url(&rules, format!("http://{at}/gone?secret=1"), small()).await.err().unwrap();
    assert!(problem.message.contains("404") && !problem.message.contains("secret"), "{}", problem.message);
    let problem = url(&rules, "http://127.0.0.1:1/a?secret=1".into(), small()).await.err().unwrap();
    assert!(!problem.message.contains("secret"), "{}", problem.message);
}

#[tokio::test]
async fn a_file_of_the_server_is_read_below_its_roots_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("t.csv"), CSV).unwrap();
    let path = folder.path().join("t.csv").to_string_lossy().into_owned();
    let rules_here = rules(&[folder.path()], &[]);
    let got = get(SourceSpec::Path { path: path.clone() }, &rules_here, None, None, small()).await.unwrap();
    assert_eq!((got.fetched.file_name.as_str(), got.table.rows), ("t.csv", 2));
    let problem = get(SourceSpec::Path { path }, &rules(&[], &[]), None, None, small()).await.err().unwrap();
    assert!(problem.message.contains("source_roots"));
}
