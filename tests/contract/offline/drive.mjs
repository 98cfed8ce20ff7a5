// Runs the application of docs/guides/offline-app.md against the service, through a network that breaks, and asks the
// service at the end what it has counted.
// Usage: node drive.mjs BINARY COMPILED_DIRECTORY SCRATCH_DIRECTORY
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Network } from "./network.mjs";

const [binary, compiled, scratch] = process.argv.slice(2).map((path) => resolve(path));
const { App } = await import(pathToFileURL(join(compiled, "app.js")));
const { Later } = await import(pathToFileURL(join(compiled, "session.js")));
const PASSWORD = "mat-khau-quan-tri-01";
const HOURS = 3_600_000;
const ZONE = "Asia/Ho_Chi_Minh";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const port = await new Promise((done) => {
  const free = createServer().listen(0, "127.0.0.1", () => {
    const { port } = free.address();
    free.close(() => done(port));
  });
});
const base = `http://127.0.0.1:${port}`;
let service;

async function start() {
  writeFileSync(join(scratch, "password"), `${PASSWORD}\n`);
  const where = ["--database-url", `sqlite:${join(scratch, "db.sqlite")}`, "--data-dir", join(scratch, "data")];
  const how = ["serve", "--listen", `127.0.0.1:${port}`, "--admin-password-file", join(scratch, "password"), ...where];
  service = spawn(binary, how, { stdio: ["ignore", "ignore", "pipe"], env: {}, cwd: scratch });
  let said = "";
  service.stderr.on("data", (bytes) => (said = (said + bytes).slice(-4_000)));
  for (let tries = 0; ; tries += 1) {
    const ready = await fetch(`${base}/readyz`).catch(() => null);
    if (ready?.status === 200) return;
    assert.ok(tries < 600 && service.exitCode === null, `the service does not start: ${said}`);
    await sleep(100);
  }
}

async function kill() {
  const ended = new Promise((done) => service.once("exit", done));
  service.kill("SIGKILL");
  await ended;
}

async function logIn(username, password) {
  const form = new URLSearchParams({ grant_type: "password", username, password });
  return (await (await fetch(`${base}/v1/auth/token`, { method: "POST", body: form })).json()).access_token;
}

async function ask(token, method, path, body) {
  const headers = { authorization: `Bearer ${token}`, "if-match": "*", "content-type": "application/json" };
  const answer = await fetch(base + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** A store that survives the application, as a phone's does. */
const store = (name) => {
  const file = join(scratch, `${name}.json`);
  const all = () => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});
  return {
    read: (key) => all()[key] ?? null,
    write: (key, text) => writeFileSync(file, JSON.stringify({ ...all(), [key]: text ?? undefined })),
  };
};

await start();
try {
  // A campaign of today, so that the phone's time is the service's.
  const admin = await logIn("admin", PASSWORD);
  const day = (days) => new Date(Date.now() + days * 24 * HOURS).toISOString().slice(0, 10);
  const period = { starts_on: day(-20), ends_on: day(20) };
  const campaign = await ask(admin, "POST", "/v1/campaigns", { code: "THU-NGOAI-TUYEN", name: "Thử ngoại tuyến", time_zone: ZONE, ...period });
  const indicator = await ask(admin, "POST", "/v1/indicators", {
    campaign_id: campaign.id, name: "Lượt hỗ trợ", unit: "lượt", measure: "beneficiary_turns", target_value: 1_000,
  });
  await ask(admin, "POST", `/v1/campaigns/${campaign.id}/open`);
  const unit = (await ask(admin, "GET", "/v1/org-units?kind=province&limit=1")).data[0].id;
  const place = (await ask(admin, "GET", "/v1/localities?kind=commune&limit=1")).data[0].id;
  const team = (await ask(admin, "POST", "/v1/teams", {
    campaign_id: campaign.id, org_unit_id: unit, kind: "digital_summer", name: "Đội hình Mùa hè số", locality_ids: [place], ...period,
  })).id;
  for (const username of ["doi-truong", "doi-pho"]) {
    const user = await ask(admin, "POST", "/v1/users", { username, full_name: username, password: "mat-khau-du-dai-2024" });
    await ask(admin, "POST", "/v1/grants", { user_id: user.id, role: "team_leader", org_unit_id: unit, team_id: team });
  }
  const reported = async () => (await ask(admin, "GET", `/v1/progress?indicator_id=${indicator.id}`)).reported;

  const network = new Network(port);
  const through = await network.listen();
  const slept = [];
  // Its clock is three hours fast.
  const surroundings = (name) => ({
    base: through, store: store(name), timeZone: ZONE, phone: () => Date.now() + 3 * HOURS,
    sleep: (ms) => {
      slept.push(ms);
      return sleep(Math.min(ms, 50));
    },
  });
  const open = (name) => new App(surroundings(name));
  let phone = open("phone");
  assert.equal(await phone.synchronise(), "log in");
  await phone.session.logIn("doi-truong", "mat-khau-du-dai-2024");
  assert.equal(await phone.synchronise(), "up to date");
  assert.ok(Math.abs(phone.clock.now().getTime() - Date.now()) < 3_000, "the phone's clock is corrected");

  // A day without a signal.
  network.mode = "down";
  const noon = phone.clock.now().getTime();
  const plan = (title) => phone.planActivity({
    lead_team_id: team, team_ids: [team], digital_group_ids: [], locality_id: place, kind: "training_class", topics: ["cyber_safety"], title,
    starts_at: new Date(noon).toISOString(), ends_at: new Date(noon + 1_000).toISOString(),
  });
  const lines = (turns) => [{ topic: "cyber_safety", audience: "residents", turns }];
  const stated = (activity, turns) => ({ activity_id: activity, team_id: team, lines: lines(turns), outputs: [], evidence: [], from_tallies: false });
  const counted = { activity: plan("Lớp an toàn mạng"), turns: 0 };
  for (let n = 1; n <= 1_200; n += 1) {
    phone.tally(counted.activity, team, { topic: "cyber_safety", audience: n % 2 ? "children" : "residents", turns: 1 + (n % 3) });
    counted.turns += 1 + (n % 3);
  }
  const result = phone.file({ activity_id: counted.activity, team_id: team, lines: [], outputs: [], evidence: [], from_tallies: true });
  const byHand = phone.file(stated(plan("Lớp dịch vụ công"), 10));
  // The application is killed, and knows it all when it is opened again.
  const queue = JSON.parse(store("phone").read("waiting"));
  phone = open("phone");
  assert.equal(phone.outbox.size, queue.length);
  const sending = phone.synchronise();
  await sleep(200);
  assert.ok(slept.length > 0 && phone.outbox.size === queue.length, "nothing got through");
  // The signal is back, but answers are lost, and then the service is killed at work.
  network.mode = "lose";
  while (network.lost < 1) await sleep(5);
  network.mode = "lose";
  while (network.lost < 2) await sleep(5);
  await kill();
  await start();
  assert.equal(await sending, "up to date");
  assert.equal(phone.outbox.size, 0);
  assert.deepEqual(phone.outbox.toLookAt(), []);
  assert.equal(await reported(), counted.turns + 10);
  assert.deepEqual([phone.copy.result(result).turns, phone.copy.result(result).status], [counted.turns, "submitted"]);
  const tally = (await ask(admin, "GET", `/v1/activities/${counted.activity}/tallies?limit=1`)).data[0];
  assert.ok(Math.abs(Date.parse(tally.occurred_at) - noon) < 60_000, `counted at ${tally.occurred_at}`);

  // All of it once more, however it is cut and turned: nothing counts twice.
  for (const operations of [queue, [...queue].reverse(), queue.slice(1, 4)]) {
    const again = await ask(admin, "POST", "/v1/sync", { operations });
    assert.deepEqual([again.duplicates, again.accepted, again.conflicts, again.rejected], [operations.length, 0, 0, 0]);
  }
  assert.equal(await reported(), counted.turns + 10);

  // A fellow corrects a result meanwhile: a conflict is shown, and a human decides.
  const fellow = open("fellow");
  await fellow.session.logIn("doi-pho", "mat-khau-du-dai-2024");
  assert.equal(await fellow.synchronise(), "up to date");
  fellow.amend(byHand, lines(12), "Đếm sót hai người");
  assert.equal(await fellow.synchronise(), "up to date");
  assert.equal(await reported(), counted.turns + 12);
  phone.amend(byHand, lines(15), "Bổ sung buổi chiều");
  assert.equal(await phone.synchronise(), "up to date");
  assert.equal(await reported(), counted.turns + 12, "nothing is overwritten");
  const [conflict, ...others] = phone.outbox.toLookAt();
  assert.deepEqual([conflict.outcome.status, conflict.outcome.current.item.turns, others.length], ["conflict", 12, 0]);
  phone.outbox.keepMine(conflict);
  assert.equal(await phone.synchronise(), "up to date");
  assert.equal(await reported(), counted.turns + 15);
  assert.deepEqual(phone.outbox.toLookAt(), []);

  // Whoever follows learns of it at once.
  await fellow.copy.follow();
  assert.equal(fellow.copy.result(byHand).turns, 15);
  const following = fellow.copy.follow(25);
  await sleep(300);
  phone.amend(byHand, lines(16), "Một người nữa");
  assert.equal(await phone.synchronise(), "up to date");
  const asked = Date.now();
  await following;
  assert.ok(fellow.copy.result(byHand).turns === 16 && Date.now() - asked < 15_000, "told while it waited");

  // What the service refuses is kept for a human too, and stands in nobody's way.
  phone.file({ ...stated("0190a1b2-0000-7000-8000-00000000dead", 1) });
  phone.tally(counted.activity, team, { topic: "office_software", audience: "residents", turns: 100_001 });
  assert.equal(await phone.synchronise(), "up to date");
  const refused = phone.outbox.toLookAt().map(({ outcome }) => outcome.problem?.code ?? outcome.tallies.causes[0].code).sort();
  assert.deepEqual(refused, ["not_found", "out_of_range", "reference_not_found"]);
  phone.outbox.toLookAt().forEach((one) => phone.outbox.drop(one));

  // Patience when it is asked for.
  slept.length = 0;
  phone.amend(byHand, lines(17), "Thêm một");
  network.mode = "busy";
  assert.equal(await phone.synchronise(), "up to date");
  assert.ok(slept.length === 1 && slept[0] >= 2_000, `slept for ${slept}`);

  // An access token ran out: however many ask at once, one refreshes.
  const expire = () => {
    const kept = JSON.parse(store("phone").read("tokens"));
    store("phone").write("tokens", JSON.stringify({ ...kept, goodUntil: 0 }));
    phone = open("phone");
  };
  expire();
  network.asked.length = 0;
  await Promise.all([phone.synchronise(), phone.copy.follow(), phone.copy.follow(), phone.copy.follow()]);
  assert.equal(network.asked.filter((line) => line === "POST /v1/auth/token").length, 1);
  // The answer to a refresh is lost: the person logs in again, and nothing of the queue is gone.
  expire();
  phone.amend(byHand, lines(18), "Thêm một nữa");
  network.mode = "lose";
  assert.equal(await phone.synchronise(), "log in");
  assert.equal(phone.outbox.size, 1);
  await phone.session.logIn("doi-truong", "mat-khau-du-dai-2024");
  assert.equal(await phone.synchronise(), "up to date");
  assert.equal(await reported(), counted.turns + 18);
  assert.ok(new Later("x") instanceof Error);
  console.log(`counted ${counted.turns + 18} turns; ${network.lost} answers lost`);
} finally {
  service.kill("SIGKILL");
}
process.exit(0);
