// Runs tests one by one and prints a line for each; what is common to the scripts.
export const base = process.env.ONBEHALF_BASE;
export const ROLE = '6b71ac92-baa3-4b76-b0f5-a601257e2722';
const NHS = 'https://fhir.nhs.uk/Id/nhs-number';

export const relationship = (proxy, patient) => ({
  resourceType: 'RelatedPerson',
  active: true,
  identifier: [{ system: NHS, value: proxy }],
  patient: { type: 'Patient', identifier: { system: NHS, value: patient } },
  relationship: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-RoleCode', code: 'MTH', display: 'mother' }] },
  ],
});

export function check(truth, shown) {
  if (!truth) throw new Error(`not so: ${JSON.stringify(shown)?.slice(0, 300)}`);
}

export async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was accepted');
}

export async function run(tests) {
  let failed = 0;
  for (const [name, body] of Object.entries(tests)) {
    try {
      await body();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}: ${String(error?.message ?? error).replaceAll('\n', ' ').slice(0, 400)}`);
    }
  }
  process.exit(failed === 0 ? 0 : 1);
}
