use crate::support::*;
use bytes::Bytes;
use futures::stream;
use std::io;
use trainyard_service::{Actor, audit, datasets};
use trainyard_types::{
    Code, PageQuery, Role,
    dataset::{BadRows, ColumnType, CommitMode, CommitUpload},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_becomes_a_version_and_leaves_nothing_else_behind() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let upload = world.upload(&ada, "../people.csv", &people(400)).await.unwrap();
    assert_eq!(
        (upload.file_name.as_str(), upload.options.columns.len(), upload.options.delimiter),
        ("people.csv", 4, ',')
    );
    assert_eq!(world.uploads(), 1);
    assert_eq!(datasets::upload_view(&world.ctx, &ada, &world.project, upload.id).await.unwrap(), upload);

    let mut options = upload.options.clone();
    options.columns[0].kind = ColumnType::Float;
    let corrected = datasets::reinspect(&world.ctx, &ada, &world.project, upload.id, options).await.unwrap();
    assert_eq!(corrected.options.columns[0].kind, ColumnType::Float);
    let version = datasets::commit(&world.ctx, &ada, &world.project, upload.id, commit("People")).await.unwrap();
    assert_eq!((version.summary.number, version.summary.rows, version.profile.columns.len()), (1, 400, 4));
    assert_eq!(version.profile.columns[0].kind, ColumnType::Float, "as corrected");
    assert_eq!((version.summary.source_name.as_str(), version.summary.created_by.as_str()), ("people.csv", "member"));
    assert_eq!(world.uploads(), 0);

    let again = datasets::commit(&world.ctx, &ada, &world.project, upload.id, commit("Twice")).await.unwrap_err();
    assert_eq!(again.problem.code, Code::NotFound, "an upload is used up");
    let rows = datasets::rows(&world.ctx, &ada, &world.project, version.summary.id, 398, 50).await.unwrap();
    assert_eq!((rows.rows.len(), rows.total, rows.offset), (2, 400, 398));
    let list = datasets::list(&world.ctx, &ada, &world.project, &PageQuery::default()).await.unwrap();
    assert_eq!((list.total, list.items[0].name.as_str()), (1, "People"));

    let events = audit::list(&world.ctx, &Actor::system(), &PageQuery::default()).await.unwrap();
    let actions: Vec<&str> = events.items.iter().map(|event| event.action.as_str()).take(3).collect();
    assert_eq!(actions, ["dataset.create", "upload.correct", "upload.receive"]);
    assert!(events.items[..3].iter().all(|event| event.actor == "member" && event.project == world.project.as_str()));
    assert!(audit::verify(&world.ctx, &Actor::system()).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_fail_leave_no_file() {
    let world = world_with(|settings| settings.max_upload_bytes = 5_000).await;
    let ada = world.person(Role::Member).await;
    let large = world.upload(&ada, "people.csv", &people(1000)).await.unwrap_err();
    assert_eq!(large.code, Code::TooLarge);
    assert_eq!(world.upload(&ada, "people.csv", "").await.unwrap_err().code, Code::Invalid);
    assert_eq!(world.upload(&ada, "x.csv", "\u{89}PNG\r\n\u{1a}\n\0\0\0").await.unwrap_err().code, Code::Invalid);
    let broken = stream::iter([Ok(Bytes::from_static(b"a,b\n1,2\n")), Err(io::Error::other("reset by peer"))]);
    let problem = datasets::receive_upload(&world.ctx, &ada, &world.project, "x.csv", broken).await.unwrap_err();
    assert!(problem.message.contains("broke off after 8 bytes"), "{}", problem.message);

    // A browser that goes away drops the request half-way.
    let hanging = stream::unfold(0, |n| async move {
        if n == 1 {
            std::future::pending::<()>().await;
        }
        Some((Ok::<_, io::Error>(Bytes::from_static(b"a,b\n")), n + 1))
    });
    let receive = datasets::receive_upload(&world.ctx, &ada, &world.project, "x.csv", hanging);
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), receive).await.is_err());
    assert_eq!(world.uploads(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_content_is_one_version_of_a_data_set() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    world.people(&ada).await;
    let same = world.upload(&ada, "copy.csv", &people(400)).await.unwrap();
    let refused = datasets::commit(&world.ctx, &ada, &world.project, same.id, commit("People")).await.unwrap_err();
    assert_eq!(refused.problem.code, Code::Conflict);
    assert!(refused.problem.message.contains("Version 1 of 'People'"), "{}", refused.problem.message);
    assert_eq!(world.uploads(), 1, "the upload waits for another name");
    let other = datasets::commit(&world.ctx, &ada, &world.project, same.id, commit("Copy")).await.unwrap();
    assert_eq!(other.summary.number, 1);

    let more = world.upload(&ada, "more.csv", &people(500)).await.unwrap();
    let second = datasets::commit(&world.ctx, &ada, &world.project, more.id, commit("People")).await.unwrap();
    assert_eq!((second.summary.number, second.summary.rows), (2, 500));
    let versions = datasets::versions(&world.ctx, &ada, &world.project, second.dataset).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.number).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_listed_and_may_be_left_out() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let text = people(50).replacen("20,", "old,", 1);
    let upload = world.upload(&ada, "people.csv", &text).await.unwrap();
    let mut options = upload.options.clone();
    options.columns[0].kind = ColumnType::Integer;
    let mut input = commit("People");
    input.options = Some(options);
    let failure = datasets::commit(&world.ctx, &ada, &world.project, upload.id, input.clone()).await.unwrap_err();
    assert_eq!((failure.problem.code, failure.report.count), (Code::Invalid, 1));
    let row = &failure.report.first[0];
    assert_eq!((row.line, row.column.as_str(), row.value.as_str()), (2, "age", "old"));
    input.bad_rows = BadRows::Skip;
    let version = datasets::commit(&world.ctx, &ada, &world.project, upload.id, input).await.unwrap();
    assert_eq!((version.summary.rows, version.bad_rows.count), (49, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thrown_away_upload_is_gone() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let upload = world.upload(&ada, "people.csv", &people(20)).await.unwrap();
    datasets::discard_upload(&world.ctx, &ada, &world.project, upload.id).await.unwrap();
    assert_eq!(world.uploads(), 0);
    let gone = datasets::discard_upload(&world.ctx, &ada, &world.project, upload.id).await.unwrap_err();
    assert_eq!(gone.code, Code::NotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_the_server_is_imported_under_its_own_name() {
    let world = world().await;
    let path = world.folder.path().join("people of 2026.csv");
    std::fs::write(&path, people(30)).unwrap();
    let import = async |path| {
        datasets::import_file(&world.ctx, &Actor::cli(), &world.project, path, None, None, BadRows::Refuse).await
    };
    let version = import(&path).await.unwrap();
    assert_eq!((version.dataset_name.as_str(), version.summary.rows), ("people of 2026", 30));
    assert!(path.exists(), "the file is the person's own");
    let missing = import(&world.folder.path().join("nothing.csv")).await.unwrap_err();
    assert_eq!(missing.problem.code, Code::NotFound);
}

#[tokio::test]
async fn appended_rows_follow_those_of_the_newest_version() {
    let world = world().await;
    let member = world.person(Role::Member).await;
    let append = async |name: &str, text: &str| {
        let upload = world.upload(&member, "more.csv", text).await.unwrap();
        let input = CommitUpload { mode: CommitMode::Append, ..commit(name) };
        datasets::commit(&world.ctx, &member, &world.project, upload.id, input).await.map_err(|f| f.problem.message)
    };
    assert!(append("Prices", "n,t\n1,x\n").await.unwrap_err().contains("no data set 'Prices'"));
    let first = world.upload(&member, "a.csv", "n,t\n1.5,x\n").await.unwrap();
    datasets::commit(&world.ctx, &member, &world.project, first.id, commit("Prices")).await.unwrap();
    // Whole numbers among numbers, in another order: read as the version is.
    let version = append("Prices", "t,n\ny,2\n,3\n").await.unwrap();
    assert_eq!((version.summary.number, version.summary.rows), (2, 3));
    let rows = datasets::rows(&world.ctx, &member, &world.project, version.summary.id, 0, 10).await.unwrap();
    let rows: Vec<String> = rows
        .rows
        .iter()
        .map(|row| row.iter().map(|c| c.as_deref().unwrap_or("-")).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(rows, ["1.5 x", "2 y", "3 -"]);
    let refused = append("Prices", "n,u\n1,x\n").await.unwrap_err();
    assert!(refused.contains("version 2 of 'Prices': it lacks `t`; it has `u` besides."), "{refused}");
    assert!(append("Prices", "n,t\nmany,x\n").await.unwrap_err().contains("line 2"), "no number is no number");
}
