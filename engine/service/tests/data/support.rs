//! A small instance for each test.

use crate::simulated::outcome;
use bytes::Bytes;
use futures::stream;
use std::{convert::Infallible, fmt::Write};
use trainyard_service::{
    Actor, Ctx, Settings, Via, accounts, datasets,
    jobs::{self, Claimed, NewWorker},
    projects, runs,
};
use trainyard_types::{
    Password, PersonName, Problem, ResourceName, Role, RunId, Slug, UserName,
    account::{NewProject, NewUser, NewWorkspace},
    dataset::{BadRows, CommitMode, CommitUpload, UploadView, VersionView},
    run::{Family, NewRun, RunView, TrainSettings},
};

pub struct World {
    pub ctx: Ctx,
    /// A project of the default workspace.
    pub project: Slug,
    pub folder: tempfile::TempDir,
}

pub async fn world() -> World {
    world_with(|_| {}).await
}

pub async fn world_with(change: impl FnOnce(&mut Settings)) -> World {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::in_dir(folder.path());
    change(&mut settings);
    let ctx = Ctx::open(settings).await.unwrap();
    accounts::bootstrap(&ctx, Some("correct horse battery".into())).await.unwrap();
    let project = make_project(&ctx, "Here", None).await;
    World { ctx, project, folder }
}

async fn make_project(ctx: &Ctx, name: &str, workspace: Option<Slug>) -> Slug {
    let new =
        NewProject { name: ResourceName::parse(name).unwrap(), description: String::new(), slug: None, workspace };
    let view = projects::create(ctx, &Actor::system(), new).await.unwrap();
    Slug::parse(view.slug).unwrap()
}

impl World {
    /// A person with a role in the default workspace.
    pub async fn person(&self, role: Role) -> Actor {
        // The first start took `admin` for its own.
        let name = if role == Role::Admin { "boss" } else { role.as_str() };
        self.person_in(name, role, None).await
    }

    /// An admin of another workspace, and a project there.
    pub async fn stranger(&self) -> (Actor, Slug) {
        let new = NewWorkspace { name: ResourceName::parse("Elsewhere").unwrap(), slug: None };
        let workspace = projects::create_workspace(&self.ctx, &Actor::system(), new).await.unwrap();
        let workspace = Slug::parse(workspace.slug).unwrap();
        let project = make_project(&self.ctx, "There", Some(workspace.clone())).await;
        (self.person_in("stranger", Role::Admin, Some(workspace)).await, project)
    }

    async fn person_in(&self, name: &str, role: Role, workspace: Option<Slug>) -> Actor {
        let new = NewUser {
            name: UserName::parse(name).unwrap(),
            display_name: PersonName::parse(name).unwrap(),
            role,
            workspace,
            password: Some(Password::parse("long enough for all").unwrap()),
        };
        let user = accounts::create_user(&self.ctx, &Actor::system(), new).await.unwrap().user;
        Actor {
            user: user.id,
            name: user.name,
            via: Via::Browser,
            from: "192.0.2.1".into(),
            instance_admin: false,
            must_change_password: false,
        }
    }

    pub async fn upload(&self, actor: &Actor, file_name: &str, text: &str) -> Result<UploadView, Problem> {
        datasets::receive_upload(&self.ctx, actor, &self.project, file_name, chunks(text)).await
    }

    /// A data set of 400 people with `age`, `income`, `city` and whether they `bought`.
    pub async fn people(&self, actor: &Actor) -> VersionView {
        let upload = self.upload(actor, "people.csv", &people(400)).await.unwrap();
        datasets::commit(&self.ctx, actor, &self.project, upload.id, commit("People")).await.unwrap()
    }

    pub async fn run(&self, actor: &Actor, version: &VersionView) -> RunView {
        let new = NewRun { name: None, dataset_version: version.summary.id, settings: settings() };
        runs::create(&self.ctx, actor, &self.project, new).await.unwrap()
    }

    /// A worker takes the next job and is done with it.
    pub async fn work(&self) -> RunId {
        let claimed = self.claim().await;
        self.finish(&claimed).await;
        claimed.lease.run
    }

    pub async fn claim(&self) -> Claimed {
        let new = NewWorker { id: None, host: "here".into(), device: "CPU".into(), slots: 1 };
        let worker = jobs::register_worker(&self.ctx, &new).await.unwrap();
        jobs::claim(&self.ctx, worker).await.unwrap().unwrap()
    }

    /// What a job leaves, with a model that answers with the classes' shares.
    pub async fn finish(&self, claimed: &Claimed) {
        let (result, file) = outcome(claimed);
        jobs::finish(&self.ctx, &claimed.lease, &result, &file).await.unwrap();
    }

    /// Files in the uploads folder.
    pub fn uploads(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("uploads")).map_or(0, Iterator::count)
    }
}

pub fn settings() -> TrainSettings {
    TrainSettings { family: Family::Trees, ..TrainSettings::for_target("bought") }
}

pub fn commit(name: &str) -> CommitUpload {
    CommitUpload {
        name: ResourceName::parse(name).unwrap(),
        description: String::new(),
        options: None,
        bad_rows: BadRows::Refuse,
        mode: CommitMode::Replace,
        why: String::new(),
    }
}

pub fn people(rows: usize) -> String {
    let mut csv = String::from("age,income,city,bought\n");
    for n in 0..rows {
        let city = ["Oslo", "Turin", "Lima"][n % 3];
        let bought = if (n * 7) % 10 < 4 { "yes" } else { "no" };
        writeln!(csv, "{},{}.5,{city},{bought}", 20 + (n * 13) % 50, 1000 + (n * 37) % 900).unwrap();
    }
    csv
}

/// A file as it comes over the wire, in pieces.
pub fn chunks(text: &str) -> impl futures::Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let pieces: Vec<_> = text.as_bytes().chunks(1000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}
