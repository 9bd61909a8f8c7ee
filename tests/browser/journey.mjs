// The tour of the sandbox, and a person's way from an app through the pages and back, in Chromium. Prints `ok …` or `not ok …` for each
// test, and `N passed, M failed` at the end.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const base = process.env.ONBEHALF_URL;
const redirect = "http://127.0.0.1:9000/callback";
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
let passed = 0;
let failed = 0;

// The app to which the browser comes back. A real one: what a redirect leads to, a route does not answer. It
// listens on a free port, and the browser goes there instead of the one that is registered.
const app = createServer((_, response) => {
  response.writeHead(200, { "Content-Type": "text/html" });
  response.end("<!DOCTYPE html><title>app</title>back");
});
await new Promise((resolve) => app.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--no-sandbox",
    "--no-proxy-server",
    `--host-resolver-rules=MAP ${new URL(redirect).host} 127.0.0.1:${app.address().port}`,
  ],
});

function assert(is, told) {
  if (!is) throw new Error(told);
}

// A browser of its own for each test. What the pages ask of any other host than the app's fails the test.
async function test(name, run, options = {}) {
  const context = await browser.newContext({ javaScriptEnabled: false, ...options });
  const strangers = [];
  await context.route("**/*", (route) => {
    const url = route.request().url();
    const isKnown = [base, redirect].some((start) => url.startsWith(start));
    if (!isKnown) strangers.push(url);
    return isKnown ? route.continue() : route.abort();
  });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error" && /Content.Security.Policy/i.test(message.text())) complaints.push(message.text());
  });
  try {
    await run(page);
    assert(strangers.length === 0, `other hosts were asked: ${strangers}`);
    assert(complaints.length === 0, `the policy was broken: ${complaints}`);
    passed += 1;
    console.log(`ok ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`not ok ${name}: ${error.message} (at ${page.url()})`);
  } finally {
    await context.close();
  }
}

function authorizeUrl(more = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const query = new URLSearchParams({
    response_type: "code",
    client_id: "demo-portal",
    redirect_uri: redirect,
    scope: "openid fhirUser launch/patient patient/Consent.rs patient/Patient.r",
    state: randomBytes(16).toString("hex"),
    aud: `${base}/FHIR/R4`,
    code_challenge: createHash("sha256").update(verifier).digest("base64url"),
    code_challenge_method: "S256",
    ...more,
  });
  return `${base}/oauth/authorize?${query}`;
}

// The page as it stands, in another browser page where axe may run: the pages' own policy lets no script in.
async function assertNoBarriers(page) {
  await assertNoBarriersIn(await page.content(), page.viewportSize());
}

async function assertNoBarriersIn(html, viewport) {
  const context = await browser.newContext({ viewport });
  try {
    const copy = await context.newPage();
    await copy.route("**/*", async (route) => {
      const url = route.request().url();
      if (url === `${base}/copy`) return route.fulfill({ contentType: "text/html", body: html });
      return url.startsWith(base) ? route.continue() : route.abort();
    });
    await copy.goto(`${base}/copy`);
    await copy.evaluate(axe);
    const { violations } = await copy.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), tags);
    const told = violations.map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(" | ")}`);
    assert(violations.length === 0, `barriers: ${told.join("; ")}`);
  } finally {
    await context.close();
  }
}

async function assertPage(page, heading) {
  const found = await page.locator("h1").innerText();
  assert(found === heading || heading.test?.(found), `the heading is ${found}`);
  assert((await page.title()).endsWith("– OnBehalf"), "the title names the service");
  const background = page.locator(".nhsuk-header");
  assert((await background.count()) === 1, "there is a header");
  await assertNoBarriers(page);
}

async function logIn(page, person, level = "P9") {
  await page.goto(authorizeUrl());
  if (new URL(page.url()).pathname === "/oauth/log-in") {
    await assertPage(page, "How do you want to log in?");
    await page.locator("a.nhsuk-button").first().click();
  }
  assert(new URL(page.url()).pathname.startsWith("/simulated/nhs-login"), "not at the simulated NHS login");
  await choose(page, "person", person);
  await choose(page, "level", level);
  await page.locator("button[type=submit]").first().click();
}

// A field of the simulated provider's form, be it a list, radio buttons or a text.
async function choose(page, name, value) {
  const radio = page.locator(`input[type=radio][name=${name}][value="${value}"]`);
  if (await radio.count()) return radio.check();
  const list = page.locator(`select[name=${name}]`);
  if (await list.count()) return list.selectOption(value);
  return page.locator(`input[name=${name}]`).fill(value);
}

const answer = (page) => new URL(page.url()).searchParams;

await test("an invalid authorization link is a page without a redirect", async (page) => {
  const response = await page.goto(`${base}/oauth/authorize?client_id=nobody&redirect_uri=https://evil.example/`);
  assert(response.status() === 400 || response.status() === 404, `status ${response.status()}`);
  await assertNoBarriers(page);
});

await test("a log-in that has ended says so", async (page) => {
  const response = await page.goto(`${base}/oauth/approve`);
  assert(response.status() === 400, `status ${response.status()}`);
  await assertPage(page, "Your log-in has ended");
});

await test("the pages fit a narrow screen", async (page) => {
  await page.goto(`${base}/oauth/approve`);
  await assertPage(page, "Your log-in has ended");
  const width = await page.locator("main").boundingBox();
  assert(width.x >= 0 && width.x + width.width <= 320, "the page is wider than the screen");
}, { viewport: { width: 320, height: 640 } });

await test("the first stop of the keyboard leads to the content", async (page) => {
  await page.goto(`${base}/oauth/approve`);
  await page.keyboard.press("Tab");
  const link = page.locator(".nhsuk-skip-link:focus");
  assert((await link.count()) === 1, "the skip link has no focus");
  const box = await link.boundingBox();
  assert(box.width > 1 && box.height > 1, "the skip link stays hidden");
  await page.keyboard.press("Enter");
  assert(page.url().endsWith("#maincontent"), "the skip link leads nowhere");
});

// covers USE-14
await test("an unknown path is a page without barriers", async (page) => {
  const response = await page.goto(`${base}/no/such/page`);
  assert(response.status() === 404, `status ${response.status()}`);
  assert((await page.locator("h1").innerText()) === "Page not found", "another heading");
  assert((await page.locator("h1").evaluate((node) => getComputedStyle(node).fontFamily)).includes("Arial"), "the style does not hold");
  await assertNoBarriers(page);
});

// To judge the pages by their looks: SCREENSHOTS names a folder.
async function look(page, name) {
  const width = page.viewportSize().width;
  if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${name}-${width}.png`), fullPage: true });
}

for (const width of [1280, 320]) {
  for (const [path, heading] of [["/", "Try out OnBehalf"], ["/about", "About this server"]]) {
    await test(`${path} fits a screen of ${width} pixels and has no barriers`, async (page) => {
      await page.goto(`${base}${path}`);
      await assertPage(page, heading);
      const wide = await page.locator("html").evaluate((node) => node.scrollWidth);
      assert(wide <= width, `the page is ${wide} pixels wide`);
      await look(page, path === "/" ? "tour" : "about");
    }, { viewport: { width, height: 800 } });
  }
}

await test("the tour draws the roles and lists the same ones", async (page) => {
  await page.goto(`${base}/`);
  const lines = await page.locator("svg text").allTextContents();
  await page.getByText("The same roles as a table").click();
  const rows = await page.locator("tbody tr").allInnerTexts();
  await assertNoBarriers(page);
  assert((await page.locator("svg[role=img]").count()) === 5, "there is not a drawing for each proxy");
  assert(rows.length >= 15 && lines.includes("Miss Jane Marie Anne Smith"), `${rows.length} roles`);
  const names = await page.locator("svg[role=img]").evaluateAll((all) => all.map((one) => one.querySelector("title").textContent));
  assert(names.includes("For whom Mrs Lisa Thompson acts"), `${names}`);
});

await test("the keyboard reaches each answer of the tour, to scroll it", async (page) => {
  await page.goto(`${base}/#requests`);
  const answers = await page.locator(".onbehalf-code--answer").count();
  assert(answers === 3, `${answers} answers`);
  await tabTo(page, ".onbehalf-code--answer", 60);
  await page.keyboard.press("End");
  const scrolled = () => page.locator(".onbehalf-code--answer").first().evaluate((node) => node.scrollTop);
  for (let tries = 0; tries < 100 && (await scrolled()) === 0; tries += 1) await page.waitForTimeout(50);
  assert((await scrolled()) > 0, "the answer does not scroll");
});

// The pages that `ONBEHALF_RECORD_PAGES=FOLDER tests/run` has kept: those of every refusal, too.
const folder = process.argv[2];
const kept = folder ? readdirSync(folder).filter((name) => name.endsWith(".html")) : [];
if (folder) {
  await test(`${kept.length} pages that other tests have seen have no barriers`, async () => {
    assert(kept.length > 5, "there are none");
    for (const name of kept) {
      const html = readFileSync(join(folder, name), "utf8");
      await assertNoBarriersIn(html, { width: 1280, height: 720 }).catch((error) => {
        throw new Error(`${/<title>(.*)<\/title>/.exec(html)?.[1]}: ${error.message}`);
      });
    }
  });
}

const probe = await fetch(authorizeUrl(), { redirect: "manual" });
if (probe.status === 303 && !probe.headers.get("location").startsWith(redirect)) {
  await test("a proxy logs in, says for whom, allows, and comes back with a code", async (page) => {
    await logIn(page, "9000000017");
    await assertPage(page, /^Who do you want to use/);
    await page.locator("button", { hasText: "Continue" }).click();
    await assertPage(page, /^Who do you want to use/);
    assert((await page.title()).startsWith("Error: "), "the title does not tell of the error");
    assert((await page.locator(".nhsuk-error-summary a").getAttribute("href")) === "#patient-self", "no link to the field");
    await page.getByLabel("Miss Jane Marie Anne Smith").check();
    await page.locator("button", { hasText: "Continue" }).click();
    await assertPage(page, /^Allow .* to use your information/);
    assert((await page.content()).includes("You are acting for Miss Jane Marie Anne Smith."), "for whom is not said");
    assert(!/9\d{9}/.test(await page.locator("body").innerText()), "a number is shown");
    await page.locator("button", { hasText: "Allow" }).first().click();
    assert(page.url().startsWith(redirect) && answer(page).get("code"), "no code");
    assert(answer(page).get("iss") === base, "no issuer");
  });

  await test("by keyboard alone, for oneself", async (page) => {
    await logIn(page, "9000000017");
    await tabTo(page, "#patient-self");
    await page.keyboard.press("Space");
    await tabTo(page, "form[action='/oauth/patient'] button");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/oauth/approve");
    await tabTo(page, "button[value=allow]");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${redirect}**`);
    assert(answer(page).get("code"), "no code");
  });

  await test("the tour logs in, and its commands get a token and read with it", async (page) => {
    await page.goto(`${base}/`);
    await page.getByRole("link", { name: "Log in as Mrs Lisa Thompson" }).click();
    assert(await page.locator('input[name=person][value="9000000017"]').isChecked(), "the person is not chosen");
    await page.locator("button[type=submit]").click();
    await page.getByLabel("Miss Jane Marie Anne Smith").check();
    await page.locator("button", { hasText: "Continue" }).click();
    await page.locator("button[value=allow]").click();
    await assertPage(page, "You are logged in");
    await look(page, "tour-back");
    const commands = await page.locator("pre").allInnerTexts();
    assert(commands.length === 3, `${commands.length} commands`);
    const [, patient, roles] = execFileSync("bash", ["-c", commands.join("\necho; echo ----\n")], { encoding: "utf8" }).split("----");
    assert(patient.includes("Jane Marie Anne"), `the patient is not read: ${patient}`);
    assert(/"status":\s*"active"/.test(roles), `the role is not read: ${roles}`);
    await page.getByRole("link", { name: "Back to the tour" }).click();
    await assertPage(page, "Try out OnBehalf");
  });

  await test("the tour logs in a member of staff, and says so when the app is not allowed", async (page) => {
    await page.goto(`${base}/`);
    await page.getByRole("link", { name: "Log in as Invented Harper" }).click();
    await page.locator("button[type=submit]").click();
    await page.locator("button[value=allow]").click();
    await assertPage(page, "You are logged in");
    const commands = (await page.locator("pre").allInnerTexts()).join("\necho; echo ----\n");
    const [, requests] = execFileSync("bash", ["-c", commands], { encoding: "utf8" }).split("----");
    assert(/"total":\s*[1-9]/.test(requests), `the access requests are not counted: ${requests}`);
    await page.goto(`${base}/`);
    await page.getByRole("link", { name: "Log in as Invented Rowe" }).click();
    await page.locator("button[type=submit]").click();
    await page.locator("button[value=deny]").click();
    await assertPage(page, "The app has no access");
  });

  // covers USE-2
  for (const level of ["P5", "P0"]) {
    await test(`a person at ${level} is shown how to prove who they are`, async (page) => {
      await logIn(page, "9000000017", level);
      await assertPage(page, "You need to prove who you are first");
      const help = page.getByRole("link", { name: "How to prove who you are with NHS login" });
      assert((await help.getAttribute("href")).startsWith("https://help.login.nhs.uk/"), "no help of NHS login");
      assert(!/not available/.test(await page.locator("main").innerText()), "NHS login is said to be away");
      if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, `${level}.png`), fullPage: true });
      await page.getByRole("link", { name: "Try again" }).click();
      assert(/\/(oauth\/log-in|simulated)/.test(page.url()), "there is no way on");
    });
  }

  // covers USE-3
  await test("a member of staff logs in at CIS2", async (page) => {
    await page.goto(authorizeUrl({ client_id: "demo-staff", scope: "openid fhirUser user/Consent.rs" }));
    assert(new URL(page.url()).pathname.startsWith("/simulated/cis2"), `not at the simulated CIS2: ${page.url()}`);
    await page.locator("input[name=person]").first().check();
    await page.locator("button[type=submit]").first().click();
    await assertPage(page, /^Allow .* to use your information/);
    await page.locator("button", { hasText: "Allow" }).first().click();
    assert(page.url().startsWith(redirect) && answer(page).get("code"), "no code");
  });

  await test("a denied approval redirects without a code", async (page) => {
    await logIn(page, "9000000017");
    await page.getByLabel("Yourself").check();
    await page.locator("button", { hasText: "Continue" }).click();
    await page.locator("button[value=deny]").click();
    assert(page.url().startsWith(redirect), "not back at the app");
    assert(answer(page).get("error") === "access_denied", "no refusal");
  });
} else {
  console.log("# the sandbox has no provider: the journey is left out");
}

// Presses Tab until this has the focus.
async function tabTo(page, selector, most = 30) {
  for (let presses = 0; presses < most; presses += 1) {
    await page.keyboard.press("Tab");
    if (await page.locator(`${selector}:focus`).count()) return;
  }
  throw new Error(`the keyboard does not reach ${selector}`);
}

await browser.close();
app.close();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
