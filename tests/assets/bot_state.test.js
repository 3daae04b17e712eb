// What is said of one bot: its state, why it is so, and what can be done.
import assert from "node:assert/strict";
import test from "node:test";
import { hueOf, initials } from "we-avatar";
import { ConfirmAction, offered, whyNot } from "we-bot-actions";
import { botNote, checkNote, maintenanceNote } from "we-bot-note";
import { Heartbeats } from "we-heartbeats";
import { LABELS } from "we-labels";
import { RestartProgress } from "we-restart";
import { ServiceCard } from "we-service";
import { BOT_STATUSES, botStatus, breakerStatus, serviceStatus, systemStatus } from "we-status";
import { assembled } from "./assembled.js";
import { NOW, bot, container, restart } from "./bots.js";

const note = (changes, about = {}) =>
  botNote(bot(changes), { now: NOW, isStale: false, titles: { redis: "Redis" }, faults: {}, ...about });

test("every state has a word, a tone and an icon, and one that nobody knows is unknown", () => {
  for (const status of BOT_STATUSES) {
    assert.ok(botStatus(status).label && botStatus(status).tone && botStatus(status).icon, status);
  }
  assert.equal(botStatus("new in a later version").label, "Unknown");
  assert.equal(systemStatus("critical").tone, "bad");
  assert.equal(breakerStatus("closed"), null);
  assert.match(breakerStatus("open").title, /paused/);
});

test("a dependency that is up and wrong is not called down", () => {
  assert.equal(serviceStatus("unhealthy").label, "Down");
  assert.equal(serviceStatus("unhealthy", "takes no writes").label, "Takes no writes");
  assert.equal(serviceStatus("healthy", "takes no writes").label, "Healthy");
});

test("the first reason that is true is the one that is said", () => {
  assert.equal(note({}, { isStale: true }), "last seen 2 s ago");
  assert.equal(note({ restart: restart(), error: "refused" }), "");
  assert.equal(note({ status: "degraded", cause: "redis", error: "slow" }), "because Redis is down");
  assert.equal(note({ status: "degraded", cause: "llm" }), "because the language model is down");
  assert.equal(
    note({ status: "offline", restart: restart({ state: "failed", finished_at: NOW, error: "no image" }) }),
    "Restart failed: no image",
  );
  assert.equal(note({ restart: restart({ state: "online", finished_at: NOW - 5, duration_s: 7 }) }), "back after 7 s");
  assert.equal(note({ restart: restart({ state: "online", finished_at: NOW - 90, duration_s: 7 }) }), "");
  assert.equal(note({ status: "offline", error: "connection refused" }), "connection refused");
  assert.equal(note({ status: "offline", is_declared: false }), "last seen 2 s ago; no longer configured");
  assert.equal(note({ calls: [3, 4, 2] }), "calls 3/4 (+2 waiting)");
});

test("a maintenance says until when, and why", () => {
  assert.equal(maintenanceNote({ until: null, reason: "disk" }, NOW), "until someone ends it: disk");
  assert.match(maintenanceNote({ until: NOW + 60, reason: "" }, NOW), /^until .*\d/);
});

test("a synthetic check says how it went", () => {
  assert.equal(checkNote([true, NOW - 60, 240, null], NOW), "answered in 240 ms, 1 min ago");
  assert.equal(checkNote([false, NOW - 60, null, "timeout"], NOW), "no answer to a test message: timeout (1 min ago)");
});

test("an action that makes no sense says why", () => {
  assert.equal(whyNot("restart", bot(), false), "No container engine is configured");
  assert.equal(whyNot("restart", bot(), true), "This bot has no known container");
  assert.match(whyNot("restart", bot({ container: container({ is_managed: false }) }), true), /label/);
  assert.equal(whyNot("restart", bot({ container: container() }), true), "");
  assert.equal(whyNot("start", bot({ container: container() }), true), "It is already running");
  assert.equal(whyNot("stop", bot({ container: container({ state: "exited" }) }), true), "It is not running");
  assert.match(whyNot("stop", bot({ container: container(), restart: restart() }), true), /in progress/);
  assert.equal(whyNot("end_maintenance", bot(), true), "It is not in maintenance");
});

test("of the actions one may take, those are offered that fit", () => {
  const all = Object.keys(LABELS.actions);
  assert.deepEqual(offered(all, bot()), ["restart", "start", "stop", "maintenance"]);
  assert.deepEqual(offered(["maintenance", "end_maintenance"], bot({ status: "maintenance" })), ["end_maintenance"]);
  assert.ok(offered(all, bot({ is_declared: false })).includes("remove"));
  assert.deepEqual(offered([], bot()), []);
});

test("the question names the bots and whom it touches", () => {
  const bots = Array.from({ length: 14 }, (_, n) => bot({ name: `bot${n}`, title: `Bot ${n}` }));
  const many = assembled(ConfirmAction, { $refs: { dialog: { showModal() {}, close() {} } } });
  many.ask({ action: "stop", bots, skipped: 1, affectedUsers: 1, estimate: null });
  assert.equal(many.question, "Stop 14 bots?");
  assert.match(many.named, /and 2 more$/);
  assert.match(many.impact, /^1 person is talking to them right now\. Answers in progress will be interrupted\.$/);
  many.ask({ action: "maintenance", bots: [bot()], skipped: 0, affectedUsers: 0, estimate: null });
  assert.equal(many.question, "Put Elena into maintenance?");
  assert.equal(many.impact, "No one is talking to it right now.");
  Object.assign(many, { minutes: 0, reason: " disk " });
  many.confirm();
  assert.deepEqual(many.emitted.at(-1), [
    "confirmed",
    { action: "maintenance", names: ["elena"], minutes: null, reason: "disk" },
  ]);
});

test("a bar of checks has the newest at its end and counts what is not online", () => {
  const bar = assembled(Heartbeats, {
    beats: [
      [NOW - 10, "offline", null],
      [NOW, "online", 3],
    ],
  });
  assert.deepEqual(Object.keys(bar.paths), ["bad", "ok"]);
  assert.equal(bar.paths.ok, "M356 0h3v22h-3z");
  assert.equal(bar.label, "Last 2 health checks: 1 online, 1 not");
  bar.point({ clientX: 359, currentTarget: { getBoundingClientRect: () => ({ left: 0, width: 360 }) } });
  assert.match(bar.tip, /^Online, 3\.0 ms, /);
});

test("a restart shows how far it is, and that it takes longer than usual", () => {
  const progress = assembled(RestartProgress, { restart: restart({ requested_at: NOW - 30 }), now: NOW });
  assert.equal(progress.reached, 1);
  assert.equal(progress.time, "30 s of ~20 s");
  assert.match(progress.title, /Requested → Stopping → Starting → Health check → Online\nLonger than usual$/);
});

test("the card of a dependency says why it is not well, and when it was seen", () => {
  const redis = { name: "redis", title: "Redis", latency_ms: null, percentiles_ms: [1, 2, null], error: "refused" };
  const card = (changes, isStale = false) =>
    assembled(ServiceCard, { service: { ...redis, seen_at: NOW - 60, ...changes }, now: NOW, isStale });
  assert.equal(card({ status: "unhealthy" }).note, "refused");
  assert.equal(card({ status: "healthy" }).note, "");
  assert.equal(card({ status: "healthy" }, true).note, "last seen 1 min ago");
  assert.equal(card({ status: "not_configured" }, true).shown, "not_configured");
  assert.deepEqual(card({ status: "healthy" }).percentiles[2], ["p99", "–"]);
});

test("a bot without an emoji has its initials and keeps its hue", () => {
  assert.equal(initials("Ryan Chen"), "RC");
  assert.equal(initials("Élodie (beta)"), "É");
  assert.equal(initials("42"), "");
  assert.equal(hueOf("elena"), hueOf("elena"));
});
