use crate::databases::Pair;
use sea_orm::ConnectionTrait;
use trainyard_store::{Store, StoreError, accounts, fresh_id, memberships, now, projects, sessions, settings, tokens};
use trainyard_types::{PageQuery, Role, Timestamp, TokenId, UserId, WorkspaceId};

fn person(name: &str) -> accounts::User {
    accounts::User {
        id: fresh_id().to_string(),
        name: name.to_owned(),
        name_key: accounts::name_key(name),
        display_name: format!("{name} Person"),
        password_hash: "hash".to_owned(),
        instance_admin: false,
        must_change_password: false,
        disabled: false,
        session_epoch: 0,
        created_at: now().0,
        last_sign_in: None,
    }
}

pub async fn add(store: &Store, name: &str) -> UserId {
    accounts::insert(store.db(), person(name)).await.unwrap().id.parse().unwrap()
}

pub async fn workspace(store: &Store, slug: &str) -> WorkspaceId {
    let model = projects::Workspace {
        id: fresh_id().to_string(),
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        created_at: now().0,
    };
    memberships::insert_workspace(store.db(), model).await.unwrap().id.parse().unwrap()
}

pub async fn names_differ_in_more_than_case(pair: Pair) {
    let id = add(&pair.here, "Ada").await;
    let taken = accounts::insert(pair.there.db(), person("aDA")).await.unwrap_err();
    assert!(taken.is_duplicate(), "{taken:?}");
    let found = accounts::by_name(pair.there.db(), " ADA ").await.unwrap().unwrap();
    assert_eq!(found.id, id.to_string());
    assert!(accounts::by_name(pair.here.db(), "ad").await.unwrap().is_none());
    assert!(!memberships::nobody_yet(pair.here.db()).await.unwrap());
}

pub async fn people_page_and_sort(pair: Pair) {
    for name in ["carl", "Ada", "bob", "100%"] {
        add(&pair.here, name).await;
    }
    let bob = accounts::by_name(pair.here.db(), "bob").await.unwrap().unwrap();
    accounts::set_disabled(pair.here.db(), bob.id.parse().unwrap(), true).await.unwrap();
    let names = async |query: PageQuery| {
        let page = accounts::list(&pair.here, &query).await.unwrap();
        (page.total, page.items.into_iter().map(|user| user.name).collect::<Vec<_>>())
    };
    let query = |q: &str, sort: &str, state: &str| PageQuery {
        q: q.to_owned(),
        sort: sort.to_owned(),
        state: state.to_owned(),
        ..PageQuery::default()
    };
    assert_eq!(names(query("", "", "")).await.1, ["100%", "Ada", "bob", "carl"]);
    assert_eq!(names(query("", "-name", "active")).await.1, ["carl", "Ada", "100%"]);
    assert_eq!(names(query("", "", "disabled")).await, (1, vec!["bob".to_owned()]));
    assert_eq!(names(query("%", "", "")).await.1, ["100%"], "wildcards are letters");
    assert_eq!(names(query("ADA p", "", "")).await.1, ["Ada"]);
    let second = PageQuery { per_page: 3, page: 2, ..PageQuery::default() };
    assert_eq!(names(second).await, (4, vec!["carl".to_owned()]));
}

pub async fn epochs_rise_with_every_reason_to_sign_in_again(pair: Pair) {
    let id = add(&pair.here, "ada").await;
    let db = pair.here.db();
    assert_eq!(accounts::set_password(db, id, "new", true).await.unwrap().unwrap().session_epoch, 1);
    assert_eq!(accounts::end_sessions(db, id).await.unwrap().unwrap().session_epoch, 2);
    let user = accounts::set_disabled(db, id, true).await.unwrap().unwrap();
    assert_eq!((user.session_epoch, user.disabled, user.must_change_password), (3, true, true));
    assert_eq!(user.password_hash, "new");
    let user = accounts::touch_sign_in(db, id).await.unwrap().unwrap();
    assert_eq!(user.session_epoch, 3);
    assert!(user.last_sign_in.is_some());
    assert!(accounts::end_sessions(db, UserId(fresh_id())).await.unwrap().is_none());
    assert_eq!(accounts::count_active_admins(db).await.unwrap(), 0);
    let other = add(&pair.here, "bob").await;
    accounts::set_instance_admin(db, other, true).await.unwrap();
    assert_eq!(accounts::count_active_admins(db).await.unwrap(), 1);
    assert_eq!(accounts::count(db).await.unwrap(), 2);
}

pub async fn roles_are_given_changed_and_taken(pair: Pair) {
    let (db, ada) = (pair.here.db(), add(&pair.here, "ada").await);
    let (one, two) = (workspace(&pair.here, "one").await, workspace(&pair.here, "two").await);
    memberships::set(db, ada, one, Some(Role::Viewer)).await.unwrap();
    memberships::set(db, ada, one, Some(Role::Approver)).await.unwrap();
    memberships::set(db, ada, two, Some(Role::Auditor)).await.unwrap();
    assert_eq!(memberships::role(pair.there.db(), ada, one).await.unwrap(), Some(Role::Approver));
    let held = memberships::of_users(db, &[ada.to_string()]).await.unwrap();
    let held: Vec<_> = held[&ada.to_string()].iter().map(|(w, role)| (w.slug.as_str(), *role)).collect();
    assert_eq!(held, [("one", Role::Approver), ("two", Role::Auditor)]);
    memberships::set(db, ada, one, None).await.unwrap();
    memberships::set(db, ada, one, None).await.unwrap();
    assert_eq!(memberships::role(db, ada, one).await.unwrap(), None);
    assert!(memberships::set(db, UserId(fresh_id()), one, Some(Role::Viewer)).await.is_err(), "nobody's role");
    assert_eq!(memberships::workspaces(db).await.unwrap().len(), 2);
}

pub async fn projects_are_found_by_slug_and_listed_by_workspace(pair: Pair) {
    let (one, two) = (workspace(&pair.here, "one").await, workspace(&pair.here, "two").await);
    let project = |workspace: WorkspaceId, slug: &str| projects::Project {
        id: fresh_id().to_string(),
        workspace_id: workspace.to_string(),
        slug: slug.to_owned(),
        name: format!("Project {slug}"),
        description: String::new(),
        created_at: now().0,
        created_by: "ada".to_owned(),
    };
    for model in [project(one, "b"), project(one, "a"), project(two, "c")] {
        projects::insert(pair.here.db(), model).await.unwrap();
    }
    assert!(projects::insert(pair.here.db(), project(two, "a")).await.unwrap_err().is_duplicate());
    let (found, owner) = projects::by_slug(pair.there.db(), "c").await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), owner.slug.as_str()), ("Project c", "two"));
    let all = PageQuery::default();
    let slugs = |page: trainyard_types::Page<(projects::Project, projects::Workspace)>| {
        page.items.into_iter().map(|(project, _)| project.slug).collect::<Vec<_>>()
    };
    assert_eq!(slugs(projects::list(&pair.here, None, &all).await.unwrap()), ["a", "b", "c"]);
    let mine = [one.to_string()];
    assert_eq!(slugs(projects::list(&pair.here, Some(&mine), &all).await.unwrap()), ["a", "b"]);
    assert!(slugs(projects::list(&pair.here, Some(&[]), &all).await.unwrap()).is_empty());
    let mut in_one = projects::slugs_in(pair.here.db(), &mine).await.unwrap();
    in_one.sort();
    assert_eq!(in_one, ["a", "b"]);
}

pub async fn sessions_expire_and_are_stored_under_a_hash(pair: Pair) {
    let (db, later) = (pair.here.db(), Timestamp(now().0 + 60_000));
    sessions::create(db, "id-1", "{}", later).await.unwrap();
    assert!(sessions::create(db, "id-1", "{}", later).await.unwrap_err().is_duplicate());
    sessions::save(db, "id-1", "{\"a\":1}", later).await.unwrap();
    sessions::save(db, "id-2", "{}", Timestamp(now().0 - 1)).await.unwrap();
    assert_eq!(sessions::load(pair.there.db(), "id-1").await.unwrap(), Some(("{\"a\":1}".to_owned(), later)));
    assert_eq!(sessions::load(db, "id-2").await.unwrap(), None, "expired");
    assert_eq!(sessions::delete_expired(db).await.unwrap(), 1);
    let raw = db.query_one_raw(statement(&pair.here, "SELECT id FROM sessions")).await.unwrap().unwrap();
    let id: String = raw.try_get("", "id").unwrap();
    assert_eq!(id.len(), 64);
    assert!(!id.contains("id-1"));
    sessions::delete(db, "id-1").await.unwrap();
    sessions::delete(db, "id-1").await.unwrap();
    assert_eq!(sessions::load(db, "id-1").await.unwrap(), None);
    settings::set(db, "key", "one").await.unwrap();
    settings::set(db, "key", "two").await.unwrap();
    assert_eq!(settings::get(pair.there.db(), "key").await.unwrap().as_deref(), Some("two"));
}

pub async fn tokens_are_found_by_hash(pair: Pair) {
    let ada = add(&pair.here, "ada").await;
    let token = |name: &str, hash: &str| tokens::ApiToken {
        id: fresh_id().to_string(),
        user_id: ada.to_string(),
        name: name.to_owned(),
        prefix: "ty_abcde".to_owned(),
        token_hash: hash.to_owned(),
        created_at: now().0,
        expires_at: now().0 + 1000,
        last_used: None,
    };
    let db = pair.here.db();
    let first = tokens::insert(db, token("first", "h1")).await.unwrap();
    tokens::insert(db, token("second", "h2")).await.unwrap();
    assert!(tokens::insert(db, token("third", "h1")).await.unwrap_err().is_duplicate());
    assert_eq!(tokens::by_hash(pair.there.db(), "h1").await.unwrap().unwrap().id, first.id);
    tokens::touch(db, &first).await.unwrap();
    let id: TokenId = first.id.parse().unwrap();
    let used = tokens::by_id(db, id).await.unwrap().unwrap().last_used.unwrap();
    assert!(now().0 - used < 10_000);
    let query = PageQuery { q: "FIR".to_owned(), ..PageQuery::default() };
    assert_eq!(tokens::of_user(&pair.here, ada, &query).await.unwrap().total, 1);
    assert_eq!(tokens::of_user(&pair.here, UserId(fresh_id()), &PageQuery::default()).await.unwrap().total, 0);
    assert!(tokens::delete(db, id).await.unwrap());
    assert!(!tokens::delete(db, id).await.unwrap());
    assert!(tokens::by_hash(db, "h1").await.unwrap().is_none());
}

pub async fn a_newer_database_is_refused_and_an_old_one_updated_once(pair: Pair) {
    pair.there.migrate().await.unwrap();
    pair.here.migrate().await.unwrap();
    let newer = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m9999_from_the_future', 0)";
    pair.here.db().execute_unprepared(newer).await.unwrap();
    let refused = pair.there.migrate().await.unwrap_err();
    assert!(matches!(refused, StoreError::Newer(_)), "{refused:?}");
    let problem = trainyard_types::Problem::from(refused);
    assert!(problem.message.contains("newer version"), "{}", problem.message);
}

/// Writers that read first and write then, from two processes: none fails, and no increment is lost.
pub async fn transactions_leave_all_or_nothing(pair: Pair) {
    let tx = pair.here.begin().await.unwrap();
    settings::set(&*tx, "count", "0").await.unwrap();
    drop(tx);
    assert_eq!(settings::get(pair.there.db(), "count").await.unwrap(), None, "undone");
    settings::set(pair.here.db(), "lock", "").await.unwrap();
    settings::set(pair.here.db(), "count", "0").await.unwrap();
    let writers = (0..20).map(|i| {
        let store = if i % 2 == 0 { pair.here.clone() } else { pair.there.clone() };
        tokio::spawn(async move {
            for _ in 0..5 {
                let tx = store.begin().await.unwrap();
                // On PostgreSQL, writing a shared row first is what makes writers wait for one another.
                settings::set(&*tx, "lock", &i.to_string()).await.unwrap();
                let count: i64 = settings::get(&*tx, "count").await.unwrap().unwrap().parse().unwrap();
                settings::set(&*tx, "count", &(count + 1).to_string()).await.unwrap();
                tx.commit().await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(settings::get(pair.here.db(), "count").await.unwrap().as_deref(), Some("100"));
}

pub fn statement(store: &Store, sql: &str) -> sea_orm::Statement {
    sea_orm::Statement::from_string(store.db().get_database_backend(), sql)
}
