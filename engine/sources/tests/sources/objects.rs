//! Objects of a real server that speaks S3: s3s over a folder.

use crate::support::{any, get, kinds, rules, texts};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use std::{net::SocketAddr, path::Path};
use trainyard_sources::{Access, Limits, Secret, test};
use trainyard_types::{
    Code,
    source::{ConnectionSettings, SourceSpec},
};

const KEY: &str = "AKEXAMPLE";
const SECRET: &str = "a secret access key";

async fn server(folder: &Path) -> SocketAddr {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let _ = Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

fn settings(at: SocketAddr, bucket: &str) -> ConnectionSettings {
    ConnectionSettings::S3 {
        bucket: bucket.into(),
        region: String::new(),
        endpoint: Some(format!("http://{at}")),
        access_key: Some(KEY.into()),
    }
}

fn object(key: &str) -> SourceSpec {
    SourceSpec::S3 { connection: any(), key: key.into() }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

fn bucket(folder: &Path) {
    let bucket = folder.join("lake");
    std::fs::create_dir_all(bucket.join("sales/2024")).unwrap();
    std::fs::create_dir_all(bucket.join("odd")).unwrap();
    std::fs::write(bucket.join("one.csv"), "a,b\n1,x\n2,y\n").unwrap();
    std::fs::write(bucket.join("sales/2024/1.csv"), "n,t\n1,x\n2,y\n").unwrap();
    std::fs::write(bucket.join("sales/2024/2.csv.gz"), gzip(b"t,n\nz,2.5\n")).unwrap();
    std::fs::write(bucket.join("sales/2024/_SUCCESS"), "done").unwrap();
    std::fs::write(bucket.join("odd/1.csv"), "n,t\n1,x\n").unwrap();
    std::fs::write(bucket.join("odd/2.csv"), "n,u\n1,x\n").unwrap();
}

#[tokio::test]
async fn objects_and_folders_of_them_become_tables() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    // Large enough for several reads of the body.
    let mut large = String::from("i,t\n");
    (0..200_000).for_each(|i| large.push_str(&format!("{i},{i:030}\n")));
    std::fs::write(folder.path().join("lake/large.csv"), &large).unwrap();
    let settings = settings(server(folder.path()).await, "lake");
    let rules = rules(&[], &["127.0.0.1=127.0.0.1"]);
    let got = get(object("one.csv"), &rules, Some(&settings), Some(SECRET), Limits::default()).await.unwrap();
    assert_eq!((got.fetched.file_name.as_str(), got.table.rows), ("one.csv", 2));
    let got = get(object("large.csv"), &rules, Some(&settings), Some(SECRET), Limits::default()).await.unwrap();
    assert_eq!((got.table.rows, got.fetched.bytes), (200_000, large.len() as u64));
    let got = get(object("sales/"), &rules, Some(&settings), Some(SECRET), Limits::default()).await.unwrap();
    assert_eq!(kinds(&got.table), "n:float t:text");
    assert_eq!(got.rows.iter().map(|row| texts(row).join(" ")).collect::<Vec<_>>(), ["1 x", "2 y", "2.5 z"]);
    assert_eq!(got.fetched.notes, ["Joined from 2 objects."]);
    let secret = Secret::new(SECRET);
    let seen = test(Access { rules: &rules, connection: Some(&settings), secret: Some(&secret) }).await.unwrap();
    assert!(seen.found.contains(&"sales/".to_owned()) && seen.found.contains(&"one.csv".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn what_goes_wrong_is_said_without_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    bucket(folder.path());
    let settings_here = settings(server(folder.path()).await, "lake");
    let rules_here = rules(&[], &["127.0.0.1=127.0.0.1"]);
    let try_it = async |key: &str, secret: &str, limits: Limits| {
        get(object(key), &rules_here, Some(&settings_here), Some(secret), limits).await.err().unwrap()
    };
    let problem = try_it("odd/", SECRET, Limits::default()).await;
    assert!(problem.message.contains("odd/2.csv") && problem.message.contains("lacks `t`"), "{}", problem.message);
    let problem = try_it("none.csv", SECRET, Limits::default()).await;
    assert_eq!(problem.code, Code::NotFound, "{}", problem.message);
    assert!(try_it("none/", SECRET, Limits::default()).await.message.contains("no object below"));
    let problem = try_it("one.csv", "wrong secret", Limits::default()).await;
    assert!(!problem.message.contains("wrong secret") && !problem.message.contains(KEY), "{}", problem.message);
    let problem = try_it("one.csv", SECRET, Limits { bytes: 5, ..Limits::default() }).await;
    assert_eq!(problem.code, Code::TooLarge);
    let problem = try_it("sales/", SECRET, Limits { objects: 1, ..Limits::default() }).await;
    assert!(problem.message.contains("narrower"), "{}", problem.message);

    let closed = get(object("one.csv"), &rules(&[], &[]), Some(&settings_here), Some(SECRET), Limits::default()).await;
    assert!(closed.err().unwrap().message.contains("source_hosts"));
    let public_only = rules(&[], &["127.0.0.1"]);
    let private = get(object("one.csv"), &public_only, Some(&settings_here), Some(SECRET), Limits::default());
    assert!(private.await.err().unwrap().message.contains("not public"));
    let no_secret = get(object("one.csv"), &rules_here, Some(&settings_here), None, Limits::default()).await;
    assert!(no_secret.err().unwrap().message.contains("secret access key"));
}
