use crate::support::*;
use trainyard_service::{Actor, accounts, checks, datasets, inbox, jobs};
use trainyard_types::{
    Code, PageQuery, Problem, Role,
    account::SetRole,
    catalog::DatasetDetails,
    checks::SaveSuite,
    dataset::Severity,
    inbox::{Mutes, NoticeKind, NoticeView, ReadNotices},
};

async fn messages(world: &World, actor: &Actor) -> Vec<NoticeView> {
    inbox::list(&world.ctx, actor, &PageQuery::default()).await.unwrap().items
}

async fn unread(world: &World, actor: &Actor) -> u64 {
    inbox::unread(&world.ctx, actor).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_started_a_run_hears_of_its_end_and_nobody_else() {
    let world = world().await;
    let (ada, bob) = (world.person(Role::Member).await, world.person(Role::Approver).await);
    let (stranger, _) = world.stranger().await;
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await;
    world.work().await;
    world.run(&ada, &version).await;
    let claimed = world.claim().await;
    jobs::fail(&world.ctx, &claimed.lease, &Problem::conflict("The target has one value.")).await.unwrap();

    let mine = messages(&world, &ada).await;
    let kinds: Vec<_> = mine.iter().map(|notice| (notice.kind, notice.severity)).collect();
    assert_eq!(kinds, [(NoticeKind::TrainingFailed, Severity::Critical), (NoticeKind::TrainingDone, Severity::Info)]);
    assert_eq!(mine[0].detail, "The target has one value.");
    assert_eq!(mine[1].detail, "roc_auc 0.900 on the test rows (95 %: 0.800 to 0.950). Good fit.");
    assert_eq!(mine[1].path, format!("runs/{}", run.summary.id));
    assert_eq!((mine[1].project.as_str(), mine[1].project_name.as_str()), (world.project.as_str(), "Here"));
    for other in [&bob, &stranger, &Actor::system()] {
        assert!(messages(&world, other).await.is_empty(), "{}", other.name);
    }
    // A run that is stopped has not failed, and one whose worker died three times has.
    world.run(&ada, &version).await;
    let claimed = world.claim().await;
    jobs::cancelled(&world.ctx, &claimed.lease).await.unwrap();
    assert_eq!(unread(&world, &ada).await, 2);
    world.run(&ada, &version).await;
    for _ in 0..3 {
        let claimed = world.claim().await;
        jobs::release_held_by(&world.ctx, claimed.lease.worker).await.unwrap();
    }
    let newest = messages(&world, &ada).await.remove(0);
    assert!(newest.kind == NoticeKind::TrainingFailed && newest.detail.contains("attempt 3 of 3"), "{newest:?}");

    // Nobody reads another's messages away, and what was read stays to be read again.
    let all = ReadNotices::default();
    assert_eq!(inbox::mark_read(&world.ctx, &bob, all.clone()).await.unwrap().read, 0);
    let one = ReadNotices { ids: Some(vec![newest.id]), until: None };
    assert_eq!(inbox::mark_read(&world.ctx, &bob, one.clone()).await.unwrap().read, 0);
    assert_eq!(inbox::mark_read(&world.ctx, &ada, one).await.unwrap().read, 1);
    assert_eq!(unread(&world, &ada).await, 2);
    assert_eq!(inbox::mark_read(&world.ctx, &ada, all).await.unwrap().read, 2);
    assert_eq!((unread(&world, &ada).await, messages(&world, &ada).await.len()), (0, 3));
    let many = ReadNotices { ids: Some(vec![newest.id; 501]), until: None };
    assert_eq!(inbox::mark_read(&world.ctx, &ada, many).await.unwrap_err().code, Code::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_project_are_gone_with_the_role_in_it() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    world.run(&ada, &version).await;
    world.work().await;
    assert_eq!(unread(&world, &ada).await, 1);
    let name = ada.name.clone();
    let workspace =
        accounts::find_user(&world.ctx, &Actor::system(), &name).await.unwrap().roles.remove(0).workspace.id;
    let role = |role| SetRole { user: ada.user, workspace, role };
    accounts::set_role(&world.ctx, &Actor::system(), role(None)).await.unwrap();
    assert_eq!((unread(&world, &ada).await, messages(&world, &ada).await.len()), (0, 0));
    assert_eq!(inbox::mark_read(&world.ctx, &ada, ReadNotices::default()).await.unwrap().read, 0);
    accounts::set_role(&world.ctx, &Actor::system(), role(Some(Role::Viewer))).await.unwrap();
    assert_eq!(unread(&world, &ada).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quarantined_version_is_told_to_the_owner_or_who_made_it() {
    let world = world().await;
    let (ada, bob) = (world.person(Role::Member).await, world.person(Role::Approver).await);
    let first = world.people(&ada).await;
    let contract = "name: People\nchecks:\n- expectation: {type: be_between, column: age, min: 100, max: 200}\n  severity: critical\n";
    let suite = SaveSuite { suite: None, yaml: Some(contract.into()), contract: true };
    checks::save(&world.ctx, &ada, &world.project, first.dataset, suite).await.unwrap();
    let commit_rows = async |rows| {
        let upload = world.upload(&ada, "people.csv", &people(rows)).await.unwrap();
        datasets::commit(&world.ctx, &ada, &world.project, upload.id, commit("People")).await.unwrap()
    };
    let own = async |owner: &str| {
        let details = DatasetDetails { owner: owner.into(), ..DatasetDetails::default() };
        datasets::set_details(&world.ctx, &ada, &world.project, first.dataset, details).await.unwrap();
    };
    own("The sales team").await;
    let second = commit_rows(500).await;
    assert!(second.summary.quarantined);
    let told = messages(&world, &ada).await.remove(0);
    assert_eq!(told.title, "Version 2 of 'People' is quarantined");
    assert!(told.path.contains(&second.summary.id.to_string()), "{}", told.path);
    own("Approver").await;
    commit_rows(600).await;
    assert_eq!((messages(&world, &ada).await.len(), messages(&world, &bob).await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_muted_does_not_come() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let muted = Mutes { muted: vec![NoticeKind::TrainingDone, NoticeKind::TrainingDone] };
    let kept = inbox::set_mutes(&world.ctx, &ada, muted).await.unwrap();
    assert_eq!((kept.muted.len(), &inbox::mutes(&world.ctx, &ada).await.unwrap()), (1, &kept));
    world.run(&ada, &version).await;
    world.work().await;
    assert_eq!(unread(&world, &ada).await, 0);
    inbox::set_mutes(&world.ctx, &ada, Mutes::default()).await.unwrap();
    world.run(&ada, &version).await;
    world.work().await;
    assert_eq!(unread(&world, &ada).await, 1, "only what happens from then on");
    let nobody = inbox::set_mutes(&world.ctx, &Actor::system(), Mutes::default()).await.unwrap_err();
    assert_eq!(nobody.code, Code::Forbidden);
    assert_eq!(inbox::sweep(&world.ctx).await.unwrap(), 0);
}
