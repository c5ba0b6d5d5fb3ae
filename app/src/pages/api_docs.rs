//! The REST interface, from its own OpenAPI description.

use crate::wire::resource;
use crate::{
    api::docs::{ApiDocs, ApiField, Operation, fetch_api_docs},
    components::*,
};
use leptos::prelude::*;

/// `/docs/api`.
#[component]
pub fn ApiDocsPage() -> impl IntoView {
    let docs = resource(|| (), |()| fetch_api_docs());
    view! {
        <PageHead title="API" state="Everything on these pages can be done over HTTP.">
            <LinkButton href="/settings#tokens" label="Make a token" kind=ButtonKind::Primary glyph=Glyph::Key/>
            <LinkButton href="/api/v1/openapi.json" label="OpenAPI" external=true glyph=Glyph::Download/>
        </PageHead>
        <Load resource=docs lines=12 view=|docs| view! { <Docs docs/> }.into_any()/>
    }
}

#[component]
fn Docs(docs: ApiDocs) -> impl IntoView {
    let groups = docs.groups.iter().map(|g| g.name.clone()).collect::<Vec<_>>();
    view! {
        <div class="prose">
            {(!docs.description.is_empty()).then(|| view! { <p><Words text=docs.description/></p> })}
            <p>"Send an API token with each call, as "<code>"Authorization: Bearer …"</code>". Answers are JSON. A refusal is "
                <code>"{\"error\": {\"code\", \"message\", \"fields\"}}"</code>" with the status that goes with it. Version "{docs.version}"."</p>
        </div>
        <nav class="chips" aria-label="Parts of the API">
            {groups.into_iter().map(|name| (format!("#{}", anchor(&name)), name)).map(|(href, name)| view! { <a class="chip" href=href>{name}</a> }).collect_view()}
        </nav>
        {docs.groups.into_iter().map(|group| view! {
            <Section title=group.name.clone() id=anchor(&group.name)>
                <div class="stack">{group.operations.into_iter().map(|operation| view! { <OperationView operation/> }).collect_view()}</div>
            </Section>
        }).collect_view()}
    }
}

fn anchor(name: &str) -> String {
    format!("part-{}", name.to_lowercase().replace(' ', "-"))
}

#[component]
fn OperationView(operation: Operation) -> impl IntoView {
    let method = format!("method method-{}", operation.method.to_lowercase());
    view! {
        <details class="fold api-op" id=operation.id>
            <summary>
                <span class=method>{operation.method}</span>
                <code>{operation.path}</code>
                <span class="muted">{operation.summary}</span>
            </summary>
            <div class="api-body">
                {(!operation.description.is_empty()).then(|| view! { <p class="prose"><Words text=operation.description/></p> })}
                <Fields title="Parameters" fields=operation.parameters/>
                {(!operation.body_type.is_empty()).then(|| view! { <p>"Body: "<code>{operation.body_type}</code></p> })}
                <Fields title="Body" fields=operation.body/>
                <h3>"Answers"</h3>
                <Facts items=operation.responses.into_iter().map(|(status, text)| (status, text.into_any())).collect()/>
                <CodeBlock code=operation.curl label="call"/>
            </div>
        </details>
    }
}

#[component]
fn Fields(title: &'static str, fields: Vec<ApiField>) -> impl IntoView {
    (!fields.is_empty()).then(|| {
        let columns = vec![
            Column::text("Name"),
            Column::text("In"),
            Column::text("Type"),
            Column::text("Needed"),
            Column::text("What it is"),
        ];
        view! {
            <DataTable caption=title columns>
                {fields.into_iter().map(|field| view! {
                    <Row>
                        <Cell label="Name" main=true><code>{field.name}</code></Cell>
                        <Cell label="In">{field.place}</Cell>
                        <Cell label="Type"><code>{field.kind}</code></Cell>
                        <Cell label="Needed">{if field.required { "yes" } else { "no" }}</Cell>
                        <Cell label="What it is">{field.description}</Cell>
                    </Row>
                }).collect_view()}
            </DataTable>
        }
    })
}
