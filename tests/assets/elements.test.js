// Elements that keep time: how long ago, how long since, and whether what is shown is still true.
import assert from "node:assert/strict";
import test from "node:test";
import { clock } from "we-clock";
import "we-fresh";
import { fieldTime } from "we-local";
import "we-time";

const at = (seconds) => new Date(Date.now() + seconds * 1000).toISOString();
/** An element with these attributes. */
function element(name, attributes) {
  const made = new (customElements.get(name))();
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

test("without word from the server its clock is this one", () => {
  assert.ok(Math.abs(clock() - Date.now() / 1000) < 1);
});

test("a time is said as how long ago, the moment on hover, or the other way round", () => {
  const ago = element("we-time", { datetime: at(-90) });
  assert.equal(ago.textContent, "1 min ago");
  assert.match(ago.title, /\d/);
  const exact = element("we-time", { exact: "", datetime: at(-90) });
  assert.equal(exact.title, "1 min ago");
  assert.match(element("we-time", { clock: "", datetime: at(60) }).textContent, /\d\d/);
  assert.equal(element("we-time", { datetime: "nonsense" }).textContent, undefined);
});

test("a span is counted, and is late after its limit", () => {
  const given = { span: "", late: "longer than usual", datetime: at(-40.5), after: "of ~30 s" };
  const inTime = element("we-time", { ...given, limit: "60" });
  assert.deepEqual([inTime.textContent, inTime.classList.has("we-late")], ["40 s of ~30 s", false]);
  const late = element("we-time", { ...given, limit: "30" });
  assert.deepEqual([late.textContent, late.classList.has("we-late")], ["40 s of ~30 s, longer than usual", true]);
});

test("what is old, or may be because there is no connection, is not shown as true", () => {
  const shows = (age, connected, limit = "10") => {
    globalThis.window = { socket: { connected } };
    const fresh = element("we-fresh", { limit });
    fresh.children = [{}, {}];
    fresh.setAttribute("datetime", age === null ? "" : at(-age));
    return fresh.children.findIndex(({ hidden }) => !hidden);
  };
  assert.deepEqual([shows(2, true), shows(12, true), shows(2, false)], [0, 1, 1]);
  assert.deepEqual([shows(null, true), shows(null, false)], [0, 1]);
});

test("a page that was never connected shows what it came with, as of then", () => {
  const shows = (page) => {
    globalThis.window = page;
    const fresh = element("we-fresh", { limit: "10" });
    fresh.children = [{}, {}, {}];
    fresh.setAttribute("datetime", at(-60));
    return fresh.children.map(({ hidden }) => !hidden);
  };
  assert.deepEqual(shows({}), [true, false, true]);
  assert.deepEqual(shows({ did_handshake: false, socket: { connected: false } }), [true, false, true]);
  assert.deepEqual(shows({ did_handshake: true, socket: { connected: false } }), [false, true, false]);
  assert.deepEqual(shows({ did_handshake: true, socket: { connected: true } }), [false, true, false]);
});

test("a field begins with a moment in the reader's time zone", () => {
  assert.equal(fieldTime(0), "");
  assert.equal(new Date(fieldTime(1_767_225_600)).getTime(), 1_767_225_600_000);
});
