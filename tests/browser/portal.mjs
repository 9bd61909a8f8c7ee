// The portal of examples/portal, and with it fhirclient.js, in Chromium: a standalone launch with PKCE, as
// oneself and for a child; the switch by token exchange; the way out. Prints as journey.mjs does.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chromium } from "playwright-core";

const base = process.env.ONBEHALF_URL;
const portal = "http://127.0.0.1:9000";
const LISA = "9000000017";
const JANE = "9000000009";
const DELEGATION = "https://fhir.nhs.uk/claims/delegation";
let passed = 0;
let failed = 0;

// The portal listens on a free port, and the browser goes there instead of the one that is registered.
const server = spawn(process.execPath, ["server.mjs"], {
  cwd: process.env.PORTAL,
  env: { ...process.env, PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
const [told] = await once(server.stdout, "data");
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--no-proxy-server",
    `--host-resolver-rules=MAP ${new URL(portal).host} ${new URL(told.toString().trim()).host}`,
  ],
});

function assert(is, told) {
  if (!is) throw new Error(told);
}

// A browser of its own for each test, which keeps what was asked of the server and what the console said.
async function test(name, run) {
  const context = await browser.newContext();
  context.setDefaultTimeout(15000);
  const page = await context.newPage();
  const asked = [];
  const complaints = [];
  page.on("request", (request) => asked.push(request));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (/Content.Security.Policy|CORS/i.test(message.text())) complaints.push(message.text());
  });
  try {
    await run(page, asked);
    assert(complaints.length === 0, `the console says: ${complaints}`);
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    const problem = await page.locator("#problem").textContent({ timeout: 500 }).catch(() => "");
    console.log(`not ok ${name}: ${error.message} ${problem} (at ${page.url()})`);
  } finally {
    await context.close();
  }
}

// From the portal's first page to the page that asks for the person's leave, and back.
async function logIn(page, whom, answer = "allow") {
  await page.goto(portal);
  await page.locator("#log-in").click();
  await page.waitForURL(`${base}/**`);
  if (new URL(page.url()).pathname === "/oauth/log-in") {
    await page.getByRole("link", { name: /NHS login/ }).click();
  }
  await page.waitForURL("**/simulated/nhs-login/**");
  await page.locator(`input[name=person][value="${LISA}"]`).check();
  await page.locator("input[name=level][value=P9]").check();
  await page.locator("button[type=submit]").click();
  await page.getByLabel(whom).check();
  await page.getByRole("button", { name: "Continue" }).click();
  await page.locator(`button[value=${answer}]`).click();
  await page.waitForURL(`${portal}/**`);
}

const shows = (page, heading) => page.locator("#who", { hasText: heading }).waitFor();

// What fhirclient.js keeps of the answer with the token.
const tokenOf = (page) =>
  page.evaluate(() => {
    const key = JSON.parse(sessionStorage.getItem("SMART_KEY"));
    return JSON.parse(sessionStorage.getItem(key)).tokenResponse;
  });

const read = (token, path) =>
  fetch(`${base}/FHIR/R4/${path}`, { headers: { Authorization: `Bearer ${token}`, Accept: "application/fhir+json" } });

const bearerOf = (request) => request.headers().authorization?.replace(/^Bearer /, "");

await test("fhirclient.js launches standalone with PKCE, for oneself, and reads", async (page, asked) => {
  await logIn(page, "Yourself");
  await shows(page, "Lisa Thompson");
  const authorize = asked.map((request) => new URL(request.url())).find((url) => url.pathname === "/oauth/authorize");
  assert(authorize.searchParams.get("code_challenge_method") === "S256", "no PKCE");
  const exchange = asked.find((request) => request.url() === `${base}/oauth/token`);
  assert(new URLSearchParams(exchange.postData()).get("code_verifier"), "no verifier");
  assert(!new URL(page.url()).searchParams.has("code"), "the code stays in the address");
  const answer = await tokenOf(page);
  assert(answer.patient === LISA && answer.id_token && answer.token_type === "Bearer", "the answer lacks something");
  const person = await read(answer.access_token, `Patient/${LISA}`);
  assert(person.status === 200 && (await person.json()).id === LISA, `status ${person.status}`);
});

await test("fhirclient.js launches standalone for a child, and reads no other patient", async (page) => {
  await logIn(page, /Jane/);
  await shows(page, /Smith/);
  assert((await page.locator("#acting").innerText()).startsWith("You are acting for "), "for whom is not said");
  assert((await page.locator("#roles li").count()) > 0, "no role");
  const answer = await tokenOf(page);
  assert(answer.patient === JANE, `the patient is ${answer.patient}`);
  assert((await read(answer.access_token, `Patient/${JANE}`)).status === 200, "the child cannot be read");
  const other = await read(answer.access_token, "Patient/9000000033");
  assert([401, 403, 404].includes(other.status), `another patient is read: ${other.status}`);
});

await test("a proxy sees for whom they may act, switches, goes back, and logs out", async (page, asked) => {
  await logIn(page, "Yourself");
  await shows(page, "Lisa Thompson");
  const own = (await tokenOf(page)).access_token;
  const choices = page.locator("#delegations button");
  assert((await choices.count()) >= 1, "no patient to act for");
  await page.locator(`#delegations button[data-patient="${JANE}"]`).click();
  await shows(page, "Smith");
  assert(await page.getByText(`You are acting for`).isVisible(), "for whom is not said");
  const reads = asked.filter((request) => request.method() === "GET" && request.url().endsWith(`/Patient/${JANE}`));
  const acting = bearerOf(reads.at(-1));
  assert(acting && acting !== own, "the switch has its own token");
  const claims = JSON.parse(Buffer.from(acting.split(".")[1], "base64url"));
  assert(claims.sub === JANE && claims.act?.sub === LISA && claims[DELEGATION], `the token says ${JSON.stringify(claims)}`);
  assert((await read(acting, `Patient/${JANE}`)).status === 200, "the patient cannot be read");

  await page.locator("#back").click();
  await shows(page, "Lisa Thompson");
  assert((await read(acting, `Patient/${JANE}`)).status === 401, "the token outlives the way back");

  await page.locator(`#delegations button[data-patient="${JANE}"]`).click();
  await shows(page, "Smith");
  const again = bearerOf(asked.filter((request) => request.url().endsWith(`/Patient/${JANE}`)).at(-1));
  await page.locator("#log-out").click();
  await page.locator("#log-in").waitFor();
  await page.waitForURL(`${portal}/`);
  for (const token of [own, again]) {
    assert((await read(token, `Patient/${JANE}`)).status === 401, "a token outlives the log-out");
  }
  assert((await page.evaluate(() => sessionStorage.length)) === 0, "something is kept");
});

await test("a denied approval is reported by the portal, and can be repeated", async (page) => {
  await logIn(page, "Yourself", "deny");
  await page.locator("#problem", { hasText: "access_denied" }).waitFor();
  await page.locator("#log-in").click();
  await page.waitForURL(`${base}/**`);
});

await test("a link to the portal does not say where to log in", async (page) => {
  await page.goto(`${portal}/?iss=https://evil.example&launch=some`);
  await page.locator("#log-in").click();
  await page.waitForURL(`${base}/**`);
});

await test("the portal takes no answer of another server", async (page, asked) => {
  await page.goto(`${portal}/callback?code=some&state=some&iss=https://evil.example`);
  await page.locator("#problem", { hasText: "another server" }).waitFor();
  assert(!asked.some((request) => request.url() === `${base}/oauth/token`), "the token endpoint was called");
});

await browser.close();
server.kill();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
