// Takes the screenshots of README.md: `tests/browser/run --screenshots`. Prints as journey.mjs does.
import { statSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [folder] = process.argv.slice(2);
const base = process.env.ONBEHALF_URL;
const query = new URLSearchParams({
  response_type: "code",
  client_id: "demo-portal",
  redirect_uri: "http://127.0.0.1:9000/callback",
  scope: "openid fhirUser launch/patient offline_access delegation patient/*.rs user/*.rs",
  state: "a-state-for-the-screenshots",
  aud: `${base}/FHIR/R4`,
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
});
let passed = 0;
let failed = 0;
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ["--no-sandbox", "--no-proxy-server"],
});
const page = await browser.newPage({ javaScriptEnabled: false, viewport: { width: 760, height: 620 } });
page.setDefaultTimeout(15000);

// A picture of the page as it is now, or of a part of it; it is shown small, so it may be small.
async function take(name, part) {
  const path = join(folder, `${name}.png`);
  if (part) await part.screenshot({ path });
  else await page.screenshot({ path, fullPage: true });
  const bytes = statSync(path).size;
  if (bytes > 150_000) throw new Error(`${path} has ${bytes} bytes`);
  passed += 1;
  console.log(`ok ${name} (${bytes} bytes)`);
}

try {
  const size = page.viewportSize();
  await page.setViewportSize({ width: 1000, height: 620 });
  await page.goto(`${base}/`);
  await take("tour", page.locator(".onbehalf-picture"));
  await page.setViewportSize(size);
  await page.goto(`${base}/oauth/authorize?${query}`);
  if (new URL(page.url()).pathname === "/oauth/log-in") await page.getByRole("link", { name: /NHS login/ }).click();
  await page.locator('input[name=person][value="9000000017"]').check();
  await page.locator("input[name=level][value=P9]").check();
  await page.locator("button[type=submit]").click();
  await page.getByLabel("Miss Jane Marie Anne Smith").check();
  await take("choose-patient");
  await page.getByRole("button", { name: "Continue", exact: true }).click();
  await page.locator("button[value=allow]").waitFor();
  await take("approve-app");
} catch (error) {
  failed += 1;
  console.log(`not ok ${error.message} (at ${page.url()})`);
}
await browser.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
