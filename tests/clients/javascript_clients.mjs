// fhir-kit-client, fhirclient.js and Medplum's client against a running server (reference section 4.4).
import { MedplumClient } from '@medplum/core';
import { Client as Kit } from 'fhir-kit-client';
import smart from 'fhirclient';

import { ROLE, base, check, refused, relationship, run } from './harness.mjs';

const kit = new Kit({ baseUrl: base });
const browserless = { url: base, headers: {}, method: 'GET' };
const fhirjs = smart(browserless, {}).client({ serverUrl: base });
const patient = '9000000009';
const roles = Number(process.env.ONBEHALF_ROLES);
const inContext = smart(browserless, {}).client({ serverUrl: base, tokenResponse: { patient } });
const medplum = new MedplumClient({ baseUrl: base.replace(/FHIR\/R4$/, ''), fhirUrlPath: 'FHIR/R4/', fetch, cacheTime: 0 });

const kinds = (bundle, kind) => bundle.entry.filter((entry) => entry.resource.resourceType === kind).length;

await run({
  fhir_kit_reads_the_capabilities: async () => check((await kit.capabilityStatement()).fhirVersion === '4.0.1'),
  fhir_kit_discovers_how_to_sign_in_or_that_nobody_does: async () => {
    // It asks for three documents at once and takes the first that comes; a server without sign-in has one.
    const found = await kit.smartAuthMetadata();
    const urls = Object.values(found).filter(Boolean);
    check(urls.every((url) => url instanceof URL), found);
    for (const name of ['smart-configuration', 'openid-configuration']) {
      const answer = await fetch(`${base}/.well-known/${name}`, { headers: { Accept: 'application/fhir+json,application/json' } });
      const told = await answer.json();
      check(answer.status === 200 || (answer.status === 404 && told.resourceType === 'OperationOutcome'), told);
    }
  },
  fhir_kit_updates_and_patches_what_a_search_finds: async () => {
    const resourceType = 'RelatedPerson';
    const searchParams = { identifier: '9000000033', patient: '9000000056' };
    const body = relationship('9000000033', '9000000056');
    const made = await kit.update({ resourceType, searchParams, body });
    const changed = await kit.update({ resourceType, searchParams, body: { ...body, active: false } });
    check(changed.id === made.id && changed.meta.versionId === '2', changed);
  },
  fhir_kit_runs_operations: async () => {
    const input = relationship('9000000033', '9000000057');
    const told = await kit.operation({ name: 'validate', resourceType: 'RelatedPerson', input });
    check(told.issue.every(({ severity }) => severity !== 'error'), told);
    const all = await kit.operation({ name: 'everything', resourceType: 'Patient', id: patient, method: 'GET' });
    check(all.type === 'searchset' && kinds(all, 'Patient') === 1, all.type);
  },
  fhir_kit_reads_the_history_of_a_type_and_of_all: async () => {
    check((await kit.history({ resourceType: 'Consent' })).type === 'history');
    check((await kit.history()).type === 'history');
  },
  fhir_kit_follows_a_reference: async () => {
    const role = await kit.read({ resourceType: 'Consent', id: ROLE });
    const person = await kit.resolve({ reference: role.patient.reference, context: role });
    check(person.resourceType === 'Patient', person);
  },
  fhir_kit_reads_a_role_and_a_version: async () => {
    check((await kit.read({ resourceType: 'Consent', id: ROLE })).status === 'active');
    check((await kit.vread({ resourceType: 'Consent', id: ROLE, version: '1' })).id === ROLE);
  },
  fhir_kit_searches_by_get_and_post_with_an_include: async () => {
    const searchParams = { patient: '9000000009', _include: 'Consent:performer' };
    const options = { resourceType: 'Consent', searchParams };
    for (const found of [await kit.search(options), await kit.search({ ...options, options: { postSearch: true } })]) {
      check(kinds(found, 'Consent') === 3 && kinds(found, 'Patient') === 3, found);
    }
  },
  fhir_kit_searches_a_compartment_and_everything: async () => {
    const compartment = { resourceType: 'Patient', id: '9000000009' };
    const found = await kit.search({ compartment, resourceType: 'Consent' });
    check(found.total === 3, found);
    const all = await kit.systemSearch({ searchParams: { _type: 'Consent', patient: '9000000009' } });
    check(all.total === 3, all);
  },
  fhir_kit_pages_to_the_end: async () => {
    const ids = new Set();
    let bundle = await kit.search({ resourceType: 'Consent', searchParams: { _count: 7 } });
    while (bundle) {
      bundle.entry?.forEach((entry) => ids.add(entry.resource.id));
      bundle = await kit.nextPage({ bundle });
    }
    check(ids.size === roles, ids.size);
  },
  fhir_kit_creates_changes_patches_and_reads_the_history: async () => {
    const resourceType = 'RelatedPerson';
    const made = await kit.create({ resourceType, body: relationship('9000000033', '9000000005') });
    const { id } = made;
    const headers = { 'If-Match': 'W/"1"' };
    const body = { ...made, active: false };
    const changed = await kit.update({ resourceType, id, body, options: { headers } });
    check(changed.meta.versionId === '2', changed);
    const stale = await refused(kit.update({ resourceType, id, body, options: { headers } }));
    check(stale.response.status === 412, stale.response);
    const jsonPatch = [{ op: 'replace', path: '/active', value: true }];
    check((await kit.patch({ resourceType, id, jsonPatch })).meta.versionId === '3');
    const history = await kit.history({ resourceType, id });
    check(history.type === 'history' && history.entry.length === 3, history);
  },
  fhir_kit_sends_transactions_and_batches: async () => {
    const resource = relationship('9000000033', '9000000006');
    const entry = [{ fullUrl: 'urn:uuid:8a2cfb8a-5f4e-4a3a-9a55-2f0a3b0e7c11', resource, request: { method: 'POST', url: 'RelatedPerson' } }];
    const done = await kit.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } });
    check(done.type === 'transaction-response' && done.entry[0].response.status.startsWith('201'), done);
    const read = [{ request: { method: 'GET', url: `Consent/${ROLE}` } }, { request: { method: 'GET', url: 'Consent/none' } }];
    const batch = await kit.batch({ body: { resourceType: 'Bundle', type: 'batch', entry: read } });
    check(batch.entry.map(({ response }) => response.status.slice(0, 3)).join() === '200,404', batch);
  },
  fhir_kit_learns_what_went_wrong: async () => {
    const gone = await refused(kit.read({ resourceType: 'Consent', id: 'none' }));
    check(gone.response.status === 404 && gone.response.data.resourceType === 'OperationOutcome', gone.response);
    const kept = await refused(kit.delete({ resourceType: 'Consent', id: ROLE }));
    check(kept.response.status === 405, kept.response);
    const entry = [{ request: { method: 'GET', url: 'Consent/none' } }];
    const undone = await refused(kit.transaction({ body: { resourceType: 'Bundle', type: 'transaction', entry } }));
    check(undone.response.data.resourceType === 'OperationOutcome', undone.response);
  },
  fhirclient_js_reads_and_includes: async () => {
    check((await fhirjs.request(`Consent/${ROLE}`)).status === 'active');
    const pages = await fhirjs.request('Consent?_count=7', { pageLimit: 0, flat: true });
    check(pages.length === roles, pages.length);
  },
  fhirclient_js_creates_and_patches: async () => {
    const made = await fhirjs.create(relationship('9000000033', '9000000007'));
    const changed = await fhirjs.patch(`RelatedPerson/${made.id}`, [{ op: 'replace', path: '/active', value: false }]);
    check(changed.active === false, changed);
    const wrong = await refused(fhirjs.request('Consent?date=%3E%3D2026'));
    check(String(wrong).includes('400'), String(wrong));
  },
  fhirclient_js_asks_within_the_patient_of_its_context: async () => {
    check((await inContext.patient.read()).id === patient);
    for (const [kind, count] of [['Consent', 3], ['RelatedPerson', null], ['QuestionnaireResponse', null], ['Patient', 1]]) {
      const found = await inContext.patient.request(kind, { pageLimit: 0, flat: true });
      check(count === null || found.length === count, [kind, found.length]);
    }
    const roles = await inContext.patient.request('Consent?_count=1', { pageLimit: 0, flat: true, resolveReferences: ['patient'] });
    check(roles.length === 3, roles.length);
  },
  fhirclient_js_updates_and_reads_the_history: async () => {
    const made = await fhirjs.create(relationship('9000000033', '9000000058'));
    check((await fhirjs.update({ ...made, active: false })).meta.versionId === '2');
    check((await fhirjs.request(`RelatedPerson/${made.id}/_history`)).total === 2);
    const kept = await refused(fhirjs.delete(`RelatedPerson/${made.id}`));
    check(String(kept).includes('405'), String(kept));
  },
  fhirclient_js_survives_its_prefer_header: async () => {
    const headers = { Accept: 'application/json', Prefer: 'return=presentation' };
    check((await fetch(`${base}/Consent/${ROLE}`, { headers })).status === 200);
  },
  medplum_reads_searches_and_pages: async () => {
    check((await medplum.readResource('Consent', ROLE)).status === 'active');
    check((await medplum.searchResources('Consent', 'patient=9000000009')).length === 3);
    let seen = 0;
    for await (const page of medplum.searchResourcePages('Consent', '_count=7')) seen += page.length;
    check(seen === roles, seen);
  },
  medplum_creates_updates_patches_and_reads_the_history: async () => {
    const made = await medplum.createResource(relationship('9000000033', '9000000008'));
    check((await medplum.updateResource({ ...made, active: false })).active === false);
    const patched = await medplum.patchResource('RelatedPerson', made.id, [{ op: 'replace', path: '/active', value: true }]);
    check(patched.meta.versionId === '3', patched);
    check((await medplum.readHistory('RelatedPerson', made.id)).entry.length === 3);
  },
  medplum_creates_only_what_is_not_there: async () => {
    const query = 'identifier=9000000033&patient=9000000010';
    const first = await medplum.createResourceIfNoneExist(relationship('9000000033', '9000000010'), query);
    const again = await medplum.createResourceIfNoneExist(relationship('9000000033', '9000000010'), query);
    check(first.id === again.id, again);
    const upserted = await medplum.upsertResource({ ...again, active: false }, query);
    check(upserted.id === first.id && upserted.active === false, upserted);
  },
  medplum_executes_batches: async () => {
    const entry = [{ request: { method: 'GET', url: `Consent/${ROLE}` } }, { request: { method: 'GET', url: 'Consent/none' } }];
    const done = await medplum.executeBatch({ resourceType: 'Bundle', type: 'batch', entry });
    check(done.entry.map(({ response }) => response.status.slice(0, 3)).join() === '200,404', done);
  },
  medplum_validates: async () => {
    const told = await medplum.validateResource(relationship('9000000033', '9000000057'));
    check(told.issue.every(({ severity }) => severity !== 'error'), told);
  },
  medplum_learns_what_went_wrong: async () => {
    const error = await refused(medplum.readResource('Consent', 'none'));
    check(error.outcome?.resourceType === 'OperationOutcome', error);
  },
});
