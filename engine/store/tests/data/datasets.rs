use crate::{databases::Pair, support::*};
use trainyard_store::{datasets, fresh_id, now, uploads};
use trainyard_types::{
    DatasetVersionId, PageQuery, Timestamp, UploadId,
    dataset::{ColumnType, UploadView},
};

pub async fn versions_are_numbered_and_content_is_unique(Pair { here: store, .. }: Pair) {
    let (here, there) = (project(&store, "here").await, project(&store, "there").await);
    let people = dataset(&store, here, "People").await;
    let (first, one) = version(&store, people, 10, &"a".repeat(64)).await;
    let (second, two) = version(&store, people, 20, &"b".repeat(64)).await;
    assert_eq!((one, two), (1, 2));

    // The same content again is refused whole: the number is not used up.
    let tx = store.begin().await.unwrap();
    let (profile, options) = (profile(), options());
    let hash = "a".repeat(64);
    let again = new_version(DatasetVersionId(fresh_id()), people, 10, &hash, &profile, &options);
    assert!(datasets::add_version(&tx, again).await.unwrap_err().is_duplicate());
    drop(tx);
    let (_, three) = version(&store, people, 30, &"c".repeat(64)).await;
    assert_eq!(three, 3);

    let db = store.db();
    assert_eq!(datasets::with_content(db, people, &hash).await.unwrap().unwrap().number, 1);
    assert!(datasets::with_content(db, people, &"f".repeat(64)).await.unwrap().is_none());
    assert_eq!(datasets::by_name(db, here, "People").await.unwrap(), Some(people));
    assert_eq!(datasets::by_name(db, there, "People").await.unwrap(), None);
    let numbers: Vec<i32> = datasets::versions(db, people).await.unwrap().iter().map(|v| v.number).collect();
    assert_eq!(numbers, [3, 2, 1]);

    let whole = datasets::version(db, here, second).await.unwrap().unwrap();
    assert_eq!((whole.profile, whole.read_options), (profile, options));
    assert_eq!((whole.summary.rows, whole.summary.bytes, whole.summary.columns), (20, 2000, 1));
    assert_eq!(whole.dataset_name, "People");
    assert!(datasets::version(db, there, first).await.unwrap().is_none(), "another project's version");
    assert!(datasets::source(db, there, first).await.unwrap().is_none());
    assert!(datasets::summary(db, there, first).await.unwrap().is_none());
    assert_eq!(datasets::summary(db, here, first).await.unwrap().unwrap().hash, hash);
}

pub async fn lists_page_sort_and_search(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    for (name, rows) in [("Houses", 30), ("100%_sure", 20), ("Bikes", 50)] {
        let id = dataset(&store, ground.project, name).await;
        version(&store, id, rows, &"a".repeat(64)).await;
    }
    run(&store, &ground, "first").await;
    run(&store, &ground, "second").await;

    let names = async |sort: &str, q: &str| {
        let query = PageQuery { sort: sort.into(), q: q.into(), ..PageQuery::default() };
        let page = datasets::list(&store, ground.project, &query).await.unwrap();
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|d| d.name).collect::<Vec<_>>()
    };
    assert_eq!(names("rows", "").await, ["People of alpha", "100%_sure", "Houses", "Bikes"]);
    assert_eq!(names("-rows", "").await.first().map(String::as_str), Some("Bikes"));
    assert_eq!(names("name", "").await.len(), 4);
    assert_eq!(names("", "HOUSE").await, ["Houses"]);
    assert_eq!(names("", "0%_s").await, ["100%_sure"], "wildcards are letters");
    assert_eq!(names("", "%").await, ["100%_sure"]);

    let query = PageQuery { sort: "-rows".into(), per_page: 3, page: 2, ..PageQuery::default() };
    let page = datasets::list(&store, ground.project, &query).await.unwrap();
    assert_eq!((page.total, page.items.len(), page.pages()), (4, 1, 2));
    assert_eq!((page.items[0].runs, page.items[0].latest.number), (2, 1));
    assert_eq!(datasets::list(&store, other, &PageQuery::default()).await.unwrap().total, 0);
    assert!(datasets::view(store.db(), other, ground.dataset).await.unwrap().is_none());
    assert_eq!(datasets::total(store.db(), ground.project).await.unwrap(), 4);
}

pub async fn uploads_belong_to_their_project(Pair { here: store, .. }: Pair) {
    let (here, there) = (project(&store, "here").await, project(&store, "there").await);
    let mut view = UploadView {
        id: UploadId(fresh_id()),
        file_name: "a.csv".into(),
        bytes: 12,
        options: options(),
        sample: vec![vec![Some("1".into())], vec![None]],
        notes: vec!["One column.".into()],
    };
    let tx = store.begin().await.unwrap();
    uploads::create(&tx, here, &view, now(), "ada").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(uploads::view(store.db(), here, view.id).await.unwrap().as_ref(), Some(&view));
    assert!(uploads::view(store.db(), there, view.id).await.unwrap().is_none());

    view.options.columns[0].kind = ColumnType::Text;
    let tx = store.begin().await.unwrap();
    uploads::update(&tx, &view).await.unwrap();
    assert!(!uploads::delete(&tx, there, view.id).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(uploads::view(store.db(), here, view.id).await.unwrap().as_ref(), Some(&view));

    let later = Timestamp(now().0 + 1000);
    assert_eq!(uploads::older_than(store.db(), later).await.unwrap(), [(here, view.id)]);
    assert!(uploads::older_than(store.db(), Timestamp(1000)).await.unwrap().is_empty());
    let tx = store.begin().await.unwrap();
    assert!(uploads::delete(&tx, here, view.id).await.unwrap());
    assert!(!uploads::delete(&tx, here, view.id).await.unwrap(), "once");
    tx.commit().await.unwrap();
}
