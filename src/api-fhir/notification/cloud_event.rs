//! Notifications of the national event service (contract §7): the `CloudEvent`, or its history Bundle.

use serde_json::{Map, Value, json};

use crate::context::{BASE_PATH, Context};
use crate::resource::subscription::national::event_type;
use base::date_time::render_instant;
use base::error::Error;
use base::ids::uuid_of;
use domain::event::{Event, Numbered, Payload, Subscription};
use domain::person::NhsNumber;
use domain::proxy::OdsCode;
use store::Tx;
use store::search::{Filter, Table, Visibility};

/// The publisher of the events.
const SOURCE: &str = "uk.nhs.validated-relationships-service";
/// The path of the API where national subscribers read the role.
const CONTRACT: &str = "/validated-relationships/FHIR/R4";
const PROFILE: &str =
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4";

/// Renders an event. Where its subject may no longer be disclosed, nothing that names a person is rendered.
pub(super) fn write(
    tx: &mut Tx<'_>,
    context: &Context,
    subscription: &Subscription,
    numbered: &Numbered,
    (payload, may): (Payload, bool),
) -> Result<Value, Error> {
    let Numbered { event, .. } = numbered;
    Ok(match payload {
        Payload::CloudEvent => cloud_event(tx, context, event, may)?,
        Payload::FhirJson | Payload::FhirXml => bundle(context, subscription, event, may),
    })
}

/// The URL of the role on the VRS API.
fn data_reference(context: &Context, event: &Event) -> String {
    let public = context.base.strip_suffix(BASE_PATH).unwrap_or(&context.base);
    format!("{public}{CONTRACT}/{}", event.subject)
}

fn cloud_event(tx: &mut Tx<'_>, context: &Context, event: &Event, may: bool) -> Result<Value, Error> {
    let mut body = Map::new();
    let mut add = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    add("specversion", "1.0".into());
    add("id", event.id.to_string().into());
    add("source", SOURCE.into());
    add("type", event_type(event.topic).unwrap_or_default().into());
    add("time", render_instant(event.occurred_at).into());
    if may {
        add("subject", event.patient.as_str().into());
        add("dataref", data_reference(context, event).into());
        let practices = practices(tx, context, event)?;
        let mut filtering = Map::new();
        for (name, number) in [("patient_ods_code", event.patient), ("proxy_ods_code", event.proxy)] {
            let practice =
                practices.iter().find(|(own, _)| *own == number).and_then(|(_, code)| code.as_ref());
            if let Some(code) = practice {
                filtering.insert(name.to_owned(), code.as_str().into());
            }
        }
        add("filtering", Value::Object(filtering));
    }
    Ok(Value::Object(body))
}

/// The practices of the two people of an event, of those whose details the owner may read now.
fn practices(
    tx: &mut Tx<'_>,
    context: &Context,
    event: &Event,
) -> Result<Vec<(NhsNumber, Option<OdsCode>)>, Error> {
    let numbers = [event.patient, event.proxy];
    let scope = context.scope();
    if scope == Visibility::Everything {
        return tx.list_current_practices(&numbers);
    }
    let filter = Filter::OneOf(Table::People.id(), numbers.map(|number| number.to_string()).into());
    let people = tx.list_visible_people(&filter, scope)?.into_iter();
    Ok(people.map(|person| (person.nhs_number, person.practice)).collect())
}

fn bundle(context: &Context, subscription: &Subscription, event: &Event, may: bool) -> Value {
    let id = uuid_of(&format!("{}/{}", subscription.id, event.id));
    let place = format!("{}/Subscription/{}", context.base, subscription.id);
    let mut parts = vec![
        json!({ "name": "event-number", "valueString": "1" }),
        json!({ "name": "timestamp", "valueInstant": render_instant(event.occurred_at) }),
    ];
    let mut further = vec![
        json!({ "name": "event-type", "valueString": event_type(event.topic).unwrap_or_default() }),
        json!({ "name": "source", "valueUri": SOURCE }),
    ];
    if may {
        let focus = data_reference(context, event);
        parts.push(json!({ "name": "focus", "valueReference": { "reference": focus } }));
        let subject = json!({ "identifier": { "value": event.patient.as_str() } });
        further.push(json!({ "name": "subject", "valueReference": subject }));
    }
    let parameters = json!({
        "resourceType": "Parameters",
        "id": id.to_string(),
        "meta": { "profile": [PROFILE] },
        "parameter": [
            { "name": "subscription", "valueReference": { "reference": place } },
            { "name": "status", "valueCode": "active" },
            { "name": "type", "valueCode": "event-notification" },
            { "name": "notification-event", "part": parts },
            { "name": "additional-context", "part": further },
        ],
    });
    json!({
        "resourceType": "Bundle",
        "id": event.id.to_string(),
        "type": "history",
        "timestamp": render_instant(event.occurred_at),
        "entry": [{
            "fullUrl": format!("urn:uuid:{id}"),
            "resource": parameters,
            "request": { "method": "GET", "url": place },
            "response": { "status": "200" },
        }],
    })
}
