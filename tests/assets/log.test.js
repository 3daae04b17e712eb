// What of a log is kept and drawn, and what is asked for.
import assert from "node:assert/strict";
import test from "node:test";
import { lined } from "we-log-lines";
import { queried } from "we-log-query";
import { assembled } from "./assembled.js";

const line = (number) => [number, "elena", false, "info", `line ${number}`];

test("a log keeps so many lines, and draws those in sight", () => {
  const log = assembled(lined, { isSingle: false, isLive: true, $nextTick: () => {} });
  log.add(Array.from({ length: 6000 }, (_, number) => line(number)));
  assert.equal(log.lines.length, 5000);
  assert.equal(log.lines[0].text, "line 1000");
  assert.equal(log.total, 5000 * 20);
  log.top = 2000;
  const shown = log.visible.map((row) => row.line.text);
  assert.ok(shown.includes("line 1100"));
  assert.ok(shown.length < 100);
  assert.equal(log.indexAt(0), 0);
  assert.equal(log.indexAt(log.total + 1), 5000);
});

test("a wrapped line is as high as its text needs", () => {
  const log = assembled(lined, { isSingle: false, isLive: true, $nextTick: () => {} });
  log.columns = 10;
  log.isWrapped = true;
  log.add([[1, "elena", false, "info", "\x1b[31m0123456789\x1b[0m01234"]]);
  assert.equal(log.rows(log.lines[0]), 2);
  assert.equal(log.total, 40);
});

test("what is asked for stands in the address, and in that of the download", () => {
  const initial = { bots: ["elena"], levels: ["error"], pattern: "a|b", at: "2026-01-02T03:04:05Z" };
  const log = assembled(queried, { isSingle: false, bots: [{ name: "elena", title: "Elena" }], initial });
  assert.equal(log.query.toString(), "bots=elena&level=error&q=a%7Cb");
  const asked = new URLSearchParams(log.download.split("?")[1]);
  assert.equal(asked.get("since"), "2026-01-02T03:03:35.000Z");
  assert.equal(asked.get("order"), "oldest");
});
