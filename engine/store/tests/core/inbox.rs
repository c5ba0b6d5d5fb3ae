use crate::{
    accounts::{add, workspace},
    databases::Pair,
};
use trainyard_store::{
    Store, accounts, fresh_id,
    inbox::{self, To, Which},
    memberships, now, projects,
};
use trainyard_types::{
    Action, NoticeId, PageQuery, ProjectId, Role, RunId, Timestamp, UserId, WorkspaceId,
    inbox::{Notice, NoticeKind, NoticeView},
};

async fn project(store: &Store, workspace: WorkspaceId, slug: &str) -> ProjectId {
    let id = ProjectId(fresh_id());
    let model = projects::Project {
        id: id.to_string(),
        workspace_id: workspace.to_string(),
        slug: slug.to_owned(),
        name: format!("Project {slug}"),
        description: String::new(),
        created_at: now().0,
        created_by: "ada".to_owned(),
    };
    projects::insert(store.db(), model).await.unwrap();
    id
}

async fn member(store: &Store, workspace: WorkspaceId, name: &str, role: Role) -> UserId {
    let user = add(store, name).await;
    memberships::set(store.db(), user, workspace, Some(role)).await.unwrap();
    user
}

async fn send(store: &Store, project: ProjectId, title: &str, to: To<'_>) -> u64 {
    send_at(store, project, title, to, now()).await
}

async fn send_at(store: &Store, project: ProjectId, title: &str, to: To<'_>, at: Timestamp) -> u64 {
    let notice = Notice::training_failed(title, "Because.", RunId(fresh_id()));
    let tx = store.begin().await.unwrap();
    let told = inbox::send(&tx, project, &notice, to, at).await.unwrap();
    tx.commit().await.unwrap();
    told
}

async fn list(store: &Store, user: UserId, query: &PageQuery) -> Vec<NoticeView> {
    inbox::list(store, user, None, query).await.unwrap().items
}

async fn unread(store: &Store, user: UserId) -> u64 {
    inbox::unread(store.db(), user, None).await.unwrap()
}

pub async fn messages_reach_those_they_are_for(pair: Pair) {
    let store = &pair.here;
    let (here, there) = (workspace(store, "here").await, workspace(store, "there").await);
    let (one, two) = (project(store, here, "one").await, project(store, there, "two").await);
    let viewer = member(store, here, "viewer", Role::Viewer).await;
    let approver = member(store, here, "approver", Role::Approver).await;
    let locked = member(store, here, "locked", Role::Admin).await;
    accounts::set_disabled(store.db(), locked, true).await.unwrap();
    let other = member(store, there, "other", Role::Member).await;
    let admin = add(store, "boss").await;
    accounts::set_instance_admin(store.db(), admin, true).await.unwrap();

    assert_eq!(send(store, one, "all", To::Those(Action::Read)).await, 2);
    assert_eq!(send(store, one, "approvers", To::Those(Action::Approve)).await, 1);
    // Nobody there may approve: it is left to the instance's admins.
    assert_eq!(send(store, two, "nobody", To::Those(Action::Approve)).await, 1);
    assert_eq!(send(store, one, "person", To::Person("Viewer")).await, 1, "in any case of letters");
    assert_eq!(send(store, one, "admin", To::Person("boss")).await, 1);
    for stranger in ["other", "locked", "nobody", ""] {
        assert_eq!(send(store, one, "lost", To::Person(stranger)).await, 0, "{stranger}");
    }
    let titles = async |user| {
        let items = list(&pair.there, user, &PageQuery::default()).await;
        items.into_iter().map(|notice| notice.title).collect::<Vec<_>>()
    };
    assert_eq!(titles(viewer).await, ["Run 'person' failed", "Run 'all' failed"]);
    assert_eq!(titles(approver).await, ["Run 'approvers' failed", "Run 'all' failed"]);
    assert_eq!(titles(admin).await, ["Run 'admin' failed", "Run 'nobody' failed"]);
    assert_eq!((titles(other).await.len(), titles(locked).await.len()), (0, 0));

    // Only of projects in the workspaces that are asked for.
    let seen = |ids: Vec<String>| async move { inbox::unread(pair.there.db(), admin, Some(&ids)).await.unwrap() };
    assert_eq!((seen.clone()(vec![here.to_string()]).await, seen.clone()(vec![]).await), (1, 0));
}

pub async fn an_undone_change_sends_nothing(pair: Pair) {
    let store = &pair.here;
    let here = workspace(store, "here").await;
    let (project, ada) = (project(store, here, "one").await, member(store, here, "ada", Role::Member).await);
    let tx = store.begin().await.unwrap();
    let notice = Notice::training_failed("x", "y", RunId(fresh_id()));
    assert_eq!(inbox::send(&tx, project, &notice, To::Person("ada"), now()).await.unwrap(), 1);
    drop(tx);
    assert_eq!(unread(store, ada).await, 0);
}

pub async fn muted_kinds_do_not_come(pair: Pair) {
    let store = &pair.here;
    let here = workspace(store, "here").await;
    let project = project(store, here, "one").await;
    let (ada, bob) = (member(store, here, "ada", Role::Member).await, member(store, here, "bob", Role::Member).await);
    let mute = async |kinds: &[NoticeKind]| {
        let tx = store.begin().await.unwrap();
        inbox::set_mutes(&tx, ada, kinds).await.unwrap();
        tx.commit().await.unwrap();
    };
    mute(&[NoticeKind::FetchFailed, NoticeKind::TrainingFailed]).await;
    let kept = inbox::mutes(pair.there.db(), ada).await.unwrap();
    assert_eq!(kept, [NoticeKind::TrainingFailed, NoticeKind::FetchFailed]);
    assert_eq!(send(store, project, "one", To::Those(Action::Read)).await, 1);
    assert_eq!(send(store, project, "two", To::Person("ada")).await, 0);
    mute(&[NoticeKind::FetchFailed]).await;
    assert_eq!(send(store, project, "three", To::Those(Action::Read)).await, 2);
    assert_eq!((unread(store, ada).await, unread(store, bob).await), (1, 2));
    assert!(inbox::mutes(store.db(), bob).await.unwrap().is_empty());
}

pub async fn reading_is_each_persons_own(pair: Pair) {
    let (store, at) = (&pair.here, now().0);
    let (here, there) = (workspace(store, "here").await, workspace(store, "there").await);
    let (one, two) = (project(store, here, "one").await, project(store, there, "two").await);
    let (ada, bob) = (member(store, here, "ada", Role::Member).await, member(store, here, "bob", Role::Member).await);
    memberships::set(store.db(), ada, there, Some(Role::Viewer)).await.unwrap();
    for n in 0..5 {
        send_at(store, one, &format!("n{n}"), To::Those(Action::Read), Timestamp(at + n)).await;
    }
    send_at(store, two, "elsewhere", To::Person("ada"), Timestamp(at + 5)).await;
    let page = PageQuery { per_page: 2, page: 2, ..PageQuery::default() };
    let second = inbox::list(store, ada, None, &page).await.unwrap();
    let titles: Vec<&str> = second.items.iter().map(|notice| notice.title.as_str()).collect();
    assert_eq!((second.total, titles), (6, vec!["Run 'n3' failed", "Run 'n2' failed"]));
    let first = &second.items[0];
    assert_eq!((first.project.as_str(), first.project_name.as_str(), first.read_at), ("one", "Project one", None));

    let mark = async |user, which: Which<'_>| inbox::mark_read(store.db(), user, which, now()).await.unwrap();
    let ids = [first.id, NoticeId(fresh_id())];
    assert_eq!(mark(ada, Which { ids: Some(&ids), ..Which::default() }).await, 1);
    assert_eq!(mark(ada, Which { ids: Some(&ids), ..Which::default() }).await, 0, "read once");
    assert_eq!((unread(store, ada).await, unread(store, bob).await), (5, 5));
    // Up to an instant, and only of projects that are still to be seen.
    let which = Which { until: Some(Timestamp(at + 1)), ..Which::default() };
    assert_eq!(mark(ada, which).await, 2);
    let mine = [here.to_string()];
    assert_eq!(mark(ada, Which { workspaces: Some(&mine), ..Which::default() }).await, 2);
    assert_eq!(mark(ada, Which { workspaces: Some(&[]), ..Which::default() }).await, 0);
    let query = |q: &str, state: &str| PageQuery { q: q.into(), state: state.into(), ..PageQuery::default() };
    assert_eq!(list(store, ada, &query("", "unread")).await[0].title, "Run 'elsewhere' failed");
    assert_eq!(list(store, ada, &query("N2", "")).await.len(), 1);
    assert_eq!(list(store, ada, &query("", "training_failed")).await.len(), 6);
    assert!(list(store, ada, &query("", "fetch_failed")).await.is_empty());
}

pub async fn what_was_read_goes_after_a_time(pair: Pair) {
    let (store, old) = (&pair.here, Timestamp(now().0 - 1_000_000));
    let here = workspace(store, "here").await;
    let project = project(store, here, "one").await;
    let (ada, bob) = (member(store, here, "ada", Role::Member).await, member(store, here, "bob", Role::Member).await);
    send_at(store, project, "both", To::Those(Action::Read), old).await;
    send_at(store, project, "one", To::Person("ada"), old).await;
    send(store, project, "new", To::Those(Action::Read)).await;
    inbox::mark_read(store.db(), ada, Which::default(), now()).await.unwrap();
    let before = Timestamp(now().0 - 500_000);
    assert_eq!(inbox::sweep(&pair.there.db().clone(), before).await.unwrap(), 2);
    assert_eq!(inbox::sweep(store.db(), before).await.unwrap(), 0);
    assert_eq!((list(store, ada, &PageQuery::default()).await.len(), unread(store, bob).await), (1, 2));
    inbox::mark_read(store.db(), bob, Which::default(), now()).await.unwrap();
    assert_eq!(inbox::sweep(store.db(), before).await.unwrap(), 1);
    assert_eq!(list(store, bob, &PageQuery::default()).await.len(), 1);
}

pub async fn a_message_to_500_people_is_written_in_one_go(pair: Pair) {
    let store = &pair.here;
    let here = workspace(store, "here").await;
    let project = project(store, here, "one").await;
    let mut last = None;
    for n in 0..500 {
        last = Some(member(store, here, &format!("p{n}"), Role::Viewer).await);
    }
    for n in 0..20 {
        assert_eq!(send(store, project, &format!("n{n}"), To::Those(Action::Read)).await, 500);
    }
    let began = std::time::Instant::now();
    send(store, project, "timed", To::Those(Action::Read)).await;
    let sent = began.elapsed();
    let began = std::time::Instant::now();
    assert_eq!(unread(store, last.unwrap()).await, 21);
    println!("a message to 500 people: {sent:?}; one person's unread count: {:?}", began.elapsed());
}
