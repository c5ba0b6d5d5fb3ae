use crate::{
    databases::Pair,
    runs::{claim, finish},
    support::*,
};
use trainyard_store::{
    Store, StoreError, fresh_id,
    models::{self, CHAMPION, NewVersion},
    now, predictions, runs,
};
use trainyard_types::{ModelId, ModelVersionId, PageQuery, ProjectId, RunId, run::RegisteredAs};

async fn model(store: &Store, project: ProjectId, name: &str) -> Result<ModelId, StoreError> {
    let id = ModelId(fresh_id());
    let tx = store.begin().await?;
    models::create(&tx, id, project, name, "What it does", now(), "ada").await?;
    tx.commit().await?;
    Ok(id)
}

async fn register(store: &Store, model: ModelId, run: RunId) -> Result<(ModelVersionId, i32), StoreError> {
    let id = ModelVersionId(fresh_id());
    let result = result(0.5);
    let tx = store.begin().await?;
    let new = NewVersion { id, model, run, result: &result, bytes: 9, created_at: now(), created_by: "ada" };
    let number = models::add_version(&tx, new).await?;
    tx.commit().await?;
    Ok((id, number))
}

async fn finished(store: &Store, ground: &Ground, name: &str) -> RunId {
    run(store, ground, name).await;
    let lease = claim(store).await;
    finish(store, &lease, 0.5).await;
    lease.run
}

pub async fn the_first_version_is_champion_and_the_alias_moves(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    let (one, two) = (finished(&store, &ground, "One").await, finished(&store, &ground, "Two").await);
    let id = model(&store, ground.project, "ages").await.unwrap();
    assert!(model(&store, other, "ages").await.unwrap_err().is_duplicate(), "names are the instance's");
    assert_eq!(register(&store, id, one).await.unwrap().1, 1);
    assert!(register(&store, id, one).await.unwrap_err().is_duplicate());
    assert_eq!(register(&store, id, two).await.unwrap().1, 2);

    let db = store.db();
    assert_eq!(models::alias(db, id, CHAMPION).await.unwrap(), Some(1));
    assert_eq!(models::from_run(db, id, two).await.unwrap(), Some(2));
    let tx = store.begin().await.unwrap();
    models::move_alias(&tx, id, CHAMPION, 2, now(), "bob").await.unwrap();
    tx.commit().await.unwrap();
    let view = models::view(db, id).await.unwrap().unwrap();
    assert_eq!((view.champion, view.champion_by.as_deref(), view.versions), (Some(2), Some("bob"), 2));
    assert_eq!((view.latest.number, view.latest.aliases.as_slice()), (2, ["champion".to_owned()].as_slice()));
    let versions = models::versions(db, id).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.number).collect::<Vec<_>>(), [2, 1]);
    assert_eq!((versions[1].run_name.as_str(), versions[1].dataset_version, versions[1].aliases.len()), ("One", 1, 0));
    assert_eq!(versions[1].signature, result(0.5).signature);
    assert_eq!(models::served(db, id, 1).await.unwrap().map(|s| s.hash), Some("b".repeat(64)));
    assert!(models::served(db, id, 3).await.unwrap().is_none());
    assert!(models::version(db, id, 3).await.unwrap().is_none());
    let run = runs::view(db, ground.project, two).await.unwrap().unwrap();
    assert_eq!(run.registered, [RegisteredAs { model: "ages".into(), version: 2 }]);
}

pub async fn models_are_listed_with_their_newest_version(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let other = project(&store, "beta").await;
    let run = finished(&store, &ground, "One").await;
    for name in ["ages", "prices", "loans"] {
        let id = model(&store, ground.project, name).await.unwrap();
        register(&store, id, run).await.unwrap();
    }
    let query = PageQuery { sort: "name".into(), per_page: 2, ..PageQuery::default() };
    let page = models::list(&store, ground.project, &query).await.unwrap();
    assert_eq!((page.total, page.items[1].name.as_str(), page.items[1].latest.number), (3, "loans", 1));
    let found =
        models::list(&store, ground.project, &PageQuery { q: "PRI".into(), ..PageQuery::default() }).await.unwrap();
    assert_eq!(found.total, 1);
    assert_eq!(models::list(&store, other, &PageQuery::default()).await.unwrap().total, 0);
    assert_eq!(models::totals(store.db(), ground.project).await.unwrap(), (3, 0));
    assert_eq!(models::by_name(store.db(), "loans").await.unwrap().map(|m| m.project), Some(ground.project));
    assert!(models::by_name(store.db(), "nothing").await.unwrap().is_none());
}

pub async fn predictions_are_counted_by_version(Pair { here: store, .. }: Pair) {
    let ground = ground(&store, "alpha").await;
    let id = model(&store, ground.project, "ages").await.unwrap();
    let (one, _) = register(&store, id, finished(&store, &ground, "One").await).await.unwrap();
    let (two, _) = register(&store, id, finished(&store, &ground, "Two").await).await.unwrap();
    predictions::add(&store, &[(one, 3, 0), (two, 4, 1)], now()).await.unwrap();
    predictions::add(&store, &[(one, 10, 2)], now()).await.unwrap();
    let view = models::view(store.db(), id).await.unwrap().unwrap();
    assert_eq!(view.predictions, 17);
}
