// Looks at the public pages with a browser, as people do: both languages, both themes, a phone and a desktop, with JavaScript and
// without. Holds that nothing is asked of another origin, nothing is logged as an error, nothing is wider than the screen, and
// axe-core finds nothing serious. Screenshots are kept, to be looked at.
// Usage: node drive.mjs BINARY NPM_DIRECTORY OUT_DIRECTORY CHROMIUM
// DEMO_DB=FILE keeps the demonstration's database there for the next time.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const [binary, npm, out, chromium] = process.argv.slice(2).map((path) => resolve(path));
const require = createRequire(join(npm, "x.js"));
const { chromium: driver } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PASSWORD = "mat-khau-quan-tri-01";
const PHONE = { width: 360, height: 780 };
const DESKTOP = { width: 1280, height: 900 };
const DAY = 86_400_000;
const started = Date.now();
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const say = (text) => process.stdout.write(`    ${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s  ${text}\n`);
const faults = [];

const freePort = () =>
  new Promise((done) => {
    const free = createServer().listen(0, "127.0.0.1", () => {
      const { port } = free.address();
      free.close(() => done(port));
    });
  });

// ---- the service, over a demonstration campaign that is made to last until next month, so that there is something to foresee

const scratch = mkdtempSync(join(tmpdir(), "tinhnguyen-browser."));
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
writeFileSync(join(scratch, "password"), `${PASSWORD}\n`);
const settings = ["--admin-password-file", join(scratch, "password"), "--database-url", `sqlite:${join(scratch, "db.sqlite")}`];
settings.push("--data-dir", join(scratch, "data"), "--public-url", base, "--listen", `127.0.0.1:${port}`, "--log", "warn");
let service;
let said = "";

function run(command) {
  const child = spawn(binary, [command, ...settings], { stdio: ["ignore", "ignore", "pipe"], env: {}, cwd: scratch });
  child.stderr.on("data", (bytes) => (said = (said + bytes).slice(-4_000)));
  return child;
}

const ended = (child) => new Promise((done) => child.on("exit", (code) => done(code)));

async function serve() {
  const kept = process.env.DEMO_DB;
  const database = join(scratch, "db.sqlite");
  if (kept && existsSync(kept)) copyFileSync(kept, database);
  else assert.equal(await ended(run("demo")), 0, `the demonstration can't be made: ${said}`);
  if (kept && !existsSync(kept)) copyFileSync(database, kept);
  say("the demonstration campaign is there");
  service = run("serve");
  for (let tries = 0; ; tries += 1) {
    const ready = await fetch(`${base}/readyz`).catch(() => null);
    if (ready?.status === 200) break;
    assert.ok(tries < 600 && service.exitCode === null, `the service does not start: ${said}`);
    await sleep(100);
  }
}

let token = "";
async function call(method, path, body) {
  const headers = { authorization: `Bearer ${token}`, "if-match": "*" };
  if (body) headers["content-type"] = "application/json";
  const answer = await fetch(`${base}${path}`, { method, headers, body: body && JSON.stringify(body) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

const day = (ago) => new Date(Date.now() + 7 * 3_600_000 - ago * DAY).toISOString().slice(0, 10);

/** Something of the last days, for the forecast; gives what reports so many turns more. */
async function report() {
  const form = new URLSearchParams({ grant_type: "password", username: "admin", password: PASSWORD });
  const login = await fetch(`${base}/v1/auth/token`, { method: "POST", body: form });
  token = (await login.json()).access_token;
  const campaign = (await call("GET", "/v1/campaigns")).data[0];
  // The last weeks alone: two empty years would hide the curve.
  await call("PATCH", `/v1/campaigns/${campaign.id}`, { ends_on: day(-30) });
  const unit = (await call("GET", "/v1/org-units?code=TD-01")).data[0];
  const place = (await call("GET", "/v1/localities?code=01&kind=province")).data[0];
  const when = (ago) => new Date(Date.now() - ago * DAY).toISOString();
  const team = await call("POST", "/v1/teams", {
    campaign_id: campaign.id, org_unit_id: unit.id, kind: "community_digital_transformation", name: "Đội hình thử trình duyệt",
    modes: ["in_place"], locality_ids: [place.id], starts_on: day(20), ends_on: day(-30),
  });
  let last;
  for (const ago of [6, 5, 4, 3, 2, 1, 0]) {
    const activity = await call("POST", "/v1/activities", {
      campaign_id: campaign.id, lead_team_id: team.id, team_ids: [team.id], locality_id: place.id, kind: "training_class",
      topics: ["cyber_safety"], title: "Lớp kỹ năng số", mode: "online", starts_at: when(ago + 0.2), ends_at: when(ago + 0.1),
    });
    last = await call("POST", "/v1/results", {
      activity_id: activity.id, team_id: team.id, reported_on: day(ago),
      lines: [{ topic: "cyber_safety", audience: "residents", turns: 4_000 + 500 * ago }],
    });
    if (ago > 0) await call("POST", `/v1/results/${last.id}/submit`);
  }
  return () => call("POST", `/v1/results/${last.id}/submit`);
}

// ---- the browser

let browser;

/** Opens a page, and notes whatever it does that it should not. */
async function open(path, { lang, theme, screen, script = true, scheme = "light", expected = 200 }) {
  const context = await browser.newContext({
    viewport: screen, javaScriptEnabled: script, colorScheme: scheme, locale: lang, deviceScaleFactor: 1, reducedMotion: "reduce",
  });
  // An unoptimised service on a busy machine takes its time over the first page.
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const query = new URLSearchParams({ lang, ...(theme && { theme }) });
  const address = `${base}${path}${path.includes("?") ? "&" : "?"}${query}`;
  const at = `${path} ${lang} ${theme ?? `auto/${scheme}`} ${screen.width}${script ? "" : " without JavaScript"}`;
  const fault = (what) => faults.push(`${at}: ${what}`);
  page.on("console", (line) => {
    // The page of a unit that isn't there is 404, and the browser says so.
    const own404 = expected === 404 && line.text().includes("404");
    // Swagger UI warns its makers of what it will leave out one day.
    const theirs = line.type() === "warning" && line.location().url.includes("/swagger-ui-bundle.js");
    if (["error", "warning"].includes(line.type()) && !own404 && !theirs) fault(`logged: ${line.text()}`);
  });
  page.on("pageerror", (error) => fault(`script: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && url.origin !== base) fault(`asks ${request.url()}`);
  });
  page.on("response", (answer) => {
    if (answer.url() !== address && answer.status() >= 400) fault(`${answer.status()} ${answer.url()}`);
  });
  const answer = await page.goto(address, { waitUntil: "load" });
  if (answer.status() !== expected) fault(`answered ${answer.status()}`);
  return { page, context, at, fault };
}

async function look(path, how) {
  const { page, context, fault } = await open(path, how);
  const { lang, theme, screen, script = true, scheme = "light" } = how;
  const seen = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    wide: document.documentElement.scrollWidth,
    inner: document.documentElement.clientWidth,
    paper: getComputedStyle(document.body).backgroundColor,
    cut: [...document.querySelectorAll("h1,h2,p,.count b,.map b,td,th")].filter((e) => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent.slice(0, 40)),
  }));
  if (seen.lang !== lang) fault(`is in ${seen.lang}`);
  if (seen.wide > seen.inner) fault(`is ${seen.wide} px wide on a screen of ${seen.inner}`);
  if (seen.cut.length) fault(`runs over the edge: ${seen.cut.join(" | ")}`);
  const dark = (theme ?? scheme) === "dark";
  if (!path.startsWith("/embed") && (seen.paper === "rgb(255, 255, 255)") === dark) fault(`is painted ${seen.paper}`);
  if (script) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations", "incomplete"] }));
    for (const { id, impact, nodes } of found.violations) {
      const which = nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary.split("\n")[1]?.trim()})`);
      if (["serious", "critical"].includes(impact)) fault(`axe: ${impact} ${id}: ${nodes.length} × ${which.join("; ")}`);
    }
  }
  const name = `${path.split("?")[0].replace(/^\/$/, "dashboard").replaceAll("/", "-").replace(/^-/, "")}-${lang}-${theme ?? `auto-${scheme}`}-${screen.width}${script ? "" : "-noscript"}`;
  await page.screenshot({ path: join(out, `${name}.png`), fullPage: true });
  await context.close();
}

const names = (page) => page.$$eval("table.units tbody tr:not([hidden]) th a", (links) => links.map((link) => link.textContent));

async function searches() {
  // With JavaScript, as one types, and without a request.
  const { page, context } = await open("/", { lang: "vi", screen: DESKTOP });
  const all = await names(page);
  assert.ok(all.length > 60, `${all.length} units`);
  await page.fill("#q", "Da NANG");
  assert.deepEqual(await names(page), ["Thành Đoàn Đà Nẵng"]);
  assert.match(await page.textContent(".found"), /^1 trong \d+ đơn vị khớp\./);
  await page.fill("#q", "");
  await page.selectOption("#sort", "name");
  const sorted = await names(page);
  assert.equal(sorted.length, all.length);
  assert.equal(sorted.filter((name) => name.includes("Đoàn A") || name.includes("Đoàn B"))[0], "Tỉnh Đoàn An Giang");
  assert.notDeepEqual(sorted, all);
  await page.selectOption("#sort", "reported");
  assert.deepEqual(await names(page), all, "and back");
  // By the keyboard: the first stop leads to the content.
  await page.reload();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), "#main");
  await context.close();

  // Without, by the form.
  const plain = await open("/", { lang: "en", screen: PHONE, script: false });
  await plain.page.fill("#q", "đà nẵng");
  await plain.page.selectOption("#sort", "name");
  await Promise.all([plain.page.waitForNavigation(), plain.page.click("form.find button")]);
  assert.match(plain.page.url(), /[?&]q=.*sort=name/);
  assert.deepEqual(await names(plain.page), ["Da Nang City Youth Union"]);
  await plain.page.click(".found a");
  await plain.page.waitForURL((url) => !url.searchParams.has("q"));
  assert.equal((await names(plain.page)).length, all.length);
  // A square leads to its province, and the province back.
  await plain.page.click('.map a[href^="/provinces/TD-48"]');
  assert.match(plain.page.url(), /\/provinces\/TD-48\?lang=en/);
  await plain.page.click(".back a");
  assert.match(plain.page.url(), /\/\?lang=en/);
  await plain.context.close();
  say("the ranking is searched and sorted, with JavaScript and without");
}

/** From a problem to the operation that answers it, in the reference that comes out of the binary. */
async function refers() {
  for (const how of [{ lang: "vi", theme: "dark", screen: PHONE }, { lang: "en", theme: "light", screen: DESKTOP }]) {
    const { page, context, fault } = await open("/problems/verifier_is_submitter", how);
    await page.click('.operations a[href$="#/results/verify_result"]');
    await page.waitForSelector("#operations-results-verify_result.is-open");
    const seen = await page.evaluate(() => ({
      operations: document.querySelectorAll(".opblock").length,
      dark: document.documentElement.classList.contains("dark-mode"),
      lang: document.documentElement.lang,
    }));
    assert.ok(seen.operations > 150, `the reference shows ${seen.operations} operations`);
    assert.deepEqual([seen.dark, seen.lang], [how.theme === "dark", how.lang]);
    await page.evaluate(axe);
    // What Swagger UI draws is its makers'; what stands around it is ours.
    const found = await page.evaluate(() => globalThis.axe.run({ exclude: [["#swagger-ui"]] }, { resultTypes: ["violations"] }));
    for (const { id, nodes } of found.violations) fault(`axe: ${id}: ${nodes.map((node) => node.target.join(" ")).join("; ")}`);
    await page.screenshot({ path: join(out, `docs-api-${how.lang}-${how.theme}-${how.screen.width}.png`) });
    await page.click(".tabs a");
    assert.match(page.url(), new RegExp(`/docs/\\?lang=${how.lang}&theme=${how.theme}`));
    await context.close();
  }
  say("a problem leads to the operations that answer it, in the reference");
}

/** An open page hears of a new figure by itself; one that isn't looked at lets go. */
async function lives(submit) {
  const { page, context } = await open("/", { lang: "en", screen: DESKTOP });
  await page.waitForFunction(() => performance.getEntriesByType("resource").some((r) => r.name.includes("/events")) || true);
  const figure = () => page.textContent("[data-live=reported]");
  const before = Number((await figure()).replaceAll(",", ""));
  await sleep(1_500);
  assert.equal(await page.isVisible("[data-fresh]"), false, "nothing is new yet");
  await submit();
  await page.waitForFunction((text) => document.querySelector("[data-live=reported]").textContent !== text, before.toLocaleString("en-GB"), { timeout: 15_000 });
  assert.equal(Number((await figure()).replaceAll(",", "")), before + 4_000);
  assert.equal(await page.isVisible("[data-fresh]"), true);
  const live = await page.$$eval("[data-live]", (all) => Object.fromEntries(all.map((e) => [e.dataset.live, e.textContent])));
  await page.reload();
  const loaded = await page.$$eval("[data-live]", (all) => Object.fromEntries(all.map((e) => [e.dataset.live, e.textContent])));
  for (const name of ["reported", "verified", "reported_percent", "verified_percent"]) {
    assert.equal(live[name], loaded[name], `the script writes ${name} as the server does`);
  }
  await context.close();
  say("an open page shows a new figure without being loaded");
}

/** Another origin's page with everything that a portal embeds. */
async function embeds() {
  const own = await freePort();
  const frame = `${base}/embed?lang=vi&theme=light`;
  const pictures = ["progress.svg", "progress.png", "curve.svg", "curve.png", "provinces.svg", "progress/provinces.png"];
  const html = `<!doctype html><html lang="vi"><title>Cổng</title><iframe src="${frame}" title="Tiến độ" width="640" height="440"></iframe>
    ${pictures.map((name) => `<img src="${base}/v1/public/${name}?width=480" alt="">`).join("\n")}`;
  const portal = createHttp((_, answer) => answer.setHeader("content-type", "text/html; charset=utf-8").end(html)).listen(own, "127.0.0.1");
  const context = await browser.newContext({ viewport: DESKTOP });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  page.on("console", (line) => line.type() === "error" && faults.push(`portal: ${line.text()}`));
  await page.goto(`http://localhost:${own}/`, { waitUntil: "load" });
  const widths = await page.$$eval("img", (images) => images.map((image) => image.naturalWidth));
  assert.deepEqual(widths, pictures.map(() => 480), "every picture is drawn");
  const framed = page.frames().find((each) => each.url().startsWith(frame));
  assert.match(await framed.textContent("[data-live=reported]"), /^[\d.]{5,}$/);
  const height = await framed.evaluate(() => document.documentElement.scrollHeight);
  assert.ok(height <= 440, `the frame's page is ${height} px high, and oEmbed says 440`);
  const heard = await page.evaluate(
    (url) => new Promise((done) => {
      const source = new EventSource(url);
      source.addEventListener("progress", (event) => (source.close(), done(JSON.parse(event.data).reported)));
      source.addEventListener("error", () => done("refused"));
    }),
    `${base}/v1/public/progress/events`,
  );
  assert.ok(heard > 0, `another origin's page listens: ${heard}`);
  await page.screenshot({ path: join(out, "portal.png"), fullPage: true });
  await context.close();
  portal.close();
  const told = await (await fetch(`${base}/oembed?url=${encodeURIComponent(`${base}/provinces/TD-01`)}&maxwidth=500`)).json();
  assert.equal(told.width, 500);
  for (const theme of ["light", "dark"]) {
    for (const [name, width] of [["progress", 640], ["curve", 360], ["curve", 960], ["provinces", 360], ["provinces", 1200]]) {
      for (const form of ["svg", "png"]) {
        const drawn = await fetch(`${base}/v1/public/${name}.${form}?width=${width}&theme=${theme}&lang=vi`);
        assert.equal(drawn.status, 200);
        writeFileSync(join(out, `picture-${name}-${width}-${theme}.${form}`), Buffer.from(await drawn.arrayBuffer()));
      }
    }
  }
  say("another origin's page embeds frame, pictures and events");
}

async function all() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  await serve();
  const submit = await report();
  browser = await driver.launch({ executablePath: chromium, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
  say(`Chromium ${browser.version()}, axe-core ${require("axe-core/package.json").version}`);
  let pages = 0;
  for (const screen of [PHONE, DESKTOP]) {
    for (const lang of ["vi", "en"]) {
      for (const theme of ["light", "dark"]) {
        for (const path of ["/", "/provinces/TD-01", "/embed"]) {
          for (const script of [true, false]) {
            await look(path, { lang, theme, screen, script });
            pages += 1;
          }
        }
      }
    }
  }
  // The documentation's pages have no script.
  for (const screen of [PHONE, DESKTOP]) {
    for (const lang of ["vi", "en"]) {
      for (const theme of ["light", "dark"]) {
        for (const path of ["/docs/", "/docs/guides/first-call", "/docs/guides/offline-app", "/problems", "/problems/validation_failed", "/problems/result_exists"]) {
          await look(path, { lang, theme, screen });
          pages += 1;
        }
      }
    }
  }
  for (const how of [
    { path: "/docs/guides/embedding", lang: "vi", screen: PHONE, scheme: "dark" },
    { path: "/docs/guides/webhooks", lang: "en", screen: PHONE, scheme: "light" },
    { path: "/", lang: "vi", screen: PHONE, scheme: "dark" },
    { path: "/provinces/TW-QD", lang: "en", screen: DESKTOP, scheme: "dark" },
    { path: "/provinces/TD-99", lang: "vi", screen: PHONE, scheme: "light", expected: 404 },
    { path: "/?q=ha+noi", lang: "vi", screen: DESKTOP, scheme: "light" },
  ]) {
    await look(how.path, how);
    pages += 1;
  }
  say(`${pages} pages looked at`);
  await searches();
  await refers();
  await lives(submit);
  await embeds();
}

try {
  await all();
} catch (error) {
  faults.push(error.stack ?? String(error));
} finally {
  await browser?.close();
  if (service && service.exitCode === null) {
    const gone = ended(service);
    service.kill("SIGTERM");
    await Promise.race([gone, sleep(10_000).then(() => service.kill("SIGKILL"))]);
  }
  rmSync(scratch, { recursive: true, force: true });
}
for (const fault of faults) process.stdout.write(`    FAULT   ${fault}\n`);
say(faults.length ? `${faults.length} faults; screenshots in ${out}` : `nothing is wrong; screenshots in ${out}`);
process.exit(faults.length ? 1 : 0);
