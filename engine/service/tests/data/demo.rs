use crate::support::*;
use trainyard_service::{datasets, demo, home, models, runs};
use trainyard_types::{Code, PageQuery, Role, Slug, job::JobState};

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_is_loaded_once_and_its_run_becomes_the_champion() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let (one, two) = tokio::join!(demo::load(&world.ctx, &ada), demo::load(&world.ctx, &ada));
    assert_eq!(one, two);
    let view = one.unwrap();
    assert_eq!((view.slug.as_str(), view.role), ("demo", Role::Member));
    demo::load(&world.ctx, &ada).await.unwrap();
    let project = Slug::parse("demo").unwrap();
    let data = datasets::list(&world.ctx, &ada, &project, &PageQuery::default()).await.unwrap();
    assert_eq!((data.total, data.items[0].latest.rows, data.items[0].latest.number), (1, 20_000, 1));
    let before = home::view(&world.ctx, &ada, &project).await.unwrap();
    assert!(!before.first_visit && before.counts.queued == 1 && before.models.is_empty());

    let run = world.work().await;
    let after = home::view(&world.ctx, &ada, &project).await.unwrap();
    assert_eq!((after.last[0].id, after.counts.succeeded, after.counts.models), (run, 1, 1));
    assert_eq!((after.models[0].name.as_str(), after.models[0].champion), (demo::MODEL, Some(1)));
    let view = runs::view(&world.ctx, &ada, &project, run).await.unwrap();
    assert_eq!((view.summary.job.state, view.registered.len()), (JobState::Succeeded, 1));
    let model = models::view(&world.ctx, &ada, &Slug::parse(demo::MODEL).unwrap()).await.unwrap();
    assert_eq!(model.champion_by.as_deref(), Some("system"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_does_not_load_the_demo_and_an_empty_project_is_a_first_visit() {
    let world = world().await;
    let viewer = world.person(Role::Viewer).await;
    assert_eq!(demo::load(&world.ctx, &viewer).await.unwrap_err().code, Code::Forbidden);
    let (stranger, there) = world.stranger().await;
    assert_eq!(demo::load(&world.ctx, &stranger).await.unwrap_err().code, Code::NotFound);
    assert!(home::view(&world.ctx, &stranger, &there).await.unwrap().first_visit);
}
