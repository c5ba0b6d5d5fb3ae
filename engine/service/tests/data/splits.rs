use crate::support::*;
use trainyard_service::{datasets::splits, runs};
use trainyard_types::{
    Code, ResourceName, Role, SplitId,
    run::{Family, NewRun, SplitMethod, SplitSpec, TrainSettings},
    split::{NewSplit, SplitPlan, UsedSplit},
};

fn plan(name: &str, folds: Option<u32>) -> NewSplit {
    let spec = SplitSpec { method: SplitMethod::Random, seed: 7, ..SplitSpec::default() };
    let plan = SplitPlan { spec, target: Some("bought".into()), task: None, folds, inner_folds: None };
    NewSplit { name: ResourceName::parse(name).unwrap(), plan }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_split_is_made_once_and_used_by_runs() {
    let world = world().await;
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let version = world.people(&ada).await;
    let (ctx, project, id) = (&world.ctx, &world.project, version.summary.id);
    let refused = splits::create(ctx, &viewer, project, id, plan("Mine", None)).await.unwrap_err();
    assert_eq!(refused.code, Code::Forbidden);

    let made = splits::create(ctx, &ada, project, id, plan("Five folds", Some(5))).await.unwrap();
    assert_eq!((made.summary.divisions.len(), made.runs, made.summary.hash.len()), (6, 0, 64));
    let again = splits::create(ctx, &ada, project, id, plan("Five folds", None)).await.unwrap_err();
    assert_eq!(again.fields[0].field, "name");
    let twin = splits::create(ctx, &ada, project, id, plan("Twin", Some(5))).await.unwrap();
    assert_eq!(twin.summary.hash, made.summary.hash, "the same plan on the same rows");
    assert_eq!(splits::list(ctx, &viewer, project, version.dataset).await.unwrap(), [twin.clone(), made.clone()]);

    let text: String = splits::rows(ctx, &viewer, project, made.id, "fold_2").await.unwrap().collect();
    let held = text.lines().filter(|line| line.ends_with(",valid")).count() as u64;
    assert_eq!(text.lines().count() as u64, version.summary.rows + 1);
    assert_eq!(held, made.summary.divisions[2].valid.rows);
    let unknown = splits::rows(ctx, &viewer, project, made.id, "fold_9").await.map(drop).unwrap_err();
    assert!(unknown.message.contains("fold_5"), "{}", unknown.message);

    let kept = |id: SplitId, division: &str| UsedSplit {
        id,
        division: division.into(),
        name: String::new(),
        hash: String::new(),
    };
    let settings =
        |kept| TrainSettings { kept_split: Some(kept), family: Family::Linear, ..TrainSettings::for_target("bought") };
    let new = |kept| NewRun { name: None, dataset_version: id, settings: settings(kept) };
    let planned = runs::plan(ctx, &ada, project, id, settings(kept(made.id, "fold_1"))).await.unwrap();
    let first = &made.summary.divisions[1];
    assert_eq!(
        [planned.train_rows, planned.valid_rows, planned.test_rows],
        [first.train.rows, first.valid.rows, first.test.rows]
    );
    let run = runs::create(ctx, &ada, project, new(kept(made.id, "fold_1"))).await.unwrap();
    let used = run.settings.kept_split.unwrap();
    assert_eq!((used.name.as_str(), used.hash.as_str()), ("Five folds", made.summary.hash.as_str()));
    assert_eq!(run.settings.split.seed, 7, "how it was made stands with it");
    let refused = runs::create(ctx, &ada, project, new(kept(made.id, "fold_6"))).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "kept_split");
    let refused =
        runs::create(ctx, &ada, project, new(kept(SplitId(trainyard_store::fresh_id()), "parts"))).await.unwrap_err();
    assert_eq!(refused.fields[0].field, "kept_split");

    assert_eq!(splits::view(ctx, &ada, project, made.id).await.unwrap().runs, 1);
    assert_eq!(splits::remove(ctx, &ada, project, made.id).await.unwrap_err().code, Code::Conflict);
    splits::remove(ctx, &ada, project, twin.id).await.unwrap();
    assert_eq!(splits::view(ctx, &ada, project, twin.id).await.unwrap_err().code, Code::NotFound);
    let (stranger, _) = world.stranger().await;
    assert_eq!(splits::view(ctx, &stranger, project, made.id).await.unwrap_err().code, Code::NotFound);
}
