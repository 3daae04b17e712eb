// Conversations in the browser: what an event does to a thread, where a page stands, and what waits to be sent.
import assert from "node:assert/strict";
import test, { mock } from "node:test";
import { Memory } from "we-chat-memory";
import { answering, changed, emptyThread, keyOf, merged, streaming, without } from "we-chat-store";
import { continued, heard } from "we-chat-thread-events";
import { marks } from "we-chat-thread-marks";
import { outbox } from "we-chat-thread-outbox";
import { Place } from "we-chat-thread-place";
import { assembled } from "./assembled.js";
import { Storage } from "./setup.js";

const line = (seq, changes = {}) => ({
  ...{
    id: `id${seq}`,
    client_id: null,
    role: "user",
    text: `text ${seq}`,
    at: seq,
    seq,
    status: "answered",
    version: 1,
  },
  ...{ reply_to: null, reactions: [], ...changes },
});
const thread = (...messages) => continued(emptyThread(), messages, null);
const texts = ({ messages }) => messages.map(({ text }) => text);

test("what is on its way stands after what is stored, and becomes it without a second bubble", () => {
  const sending = line(null, { id: null, client_id: "c1", text: "new", status: "sending", at: 0 });
  const before = merged(thread(line(2), line(1)), [sending]);
  assert.deepEqual(texts(before), ["text 1", "text 2", "new"]);
  const after = merged(before, [line(3, { client_id: "c1", text: "new" })]);
  assert.deepEqual(texts(after), ["text 1", "text 2", "new"]);
  assert.equal(keyOf(after.messages[2]), keyOf(sending));
});

test("what is known of a stored message stays", () => {
  assert.deepEqual(texts(merged(thread(line(1, { text: "edited", version: 2 })), [line(1)])), ["edited"]);
});

test("every event may come twice", () => {
  const events = [
    { kind: "message", lines: [line(2, { status: "pending" })] },
    { kind: "reaction", id: "id1", emoji: "👍", is_added: true },
    { kind: "edited", id: "id1", changes: { text: "edited", version: 2 } },
    { kind: "answer", question: { id: "id2", status: "answered" }, lines: [line(3, { role: "bot", reply_to: "id2" })] },
    { kind: "deleted", id: "id3" },
  ];
  const once = events.reduce(heard, thread(line(1)));
  const twice = events.flatMap((event) => [event, event]).reduce(heard, thread(line(1)));
  assert.deepEqual(once.messages, twice.messages);
  assert.deepEqual(once.messages[0].reactions, ["👍"]);
  assert.deepEqual(texts(once), ["edited", "text 2"]);
});

test("what happens while a page of history is on its way is not lost", () => {
  const loading = heard({ ...thread(line(5)), isLoading: true }, { kind: "deleted", id: "id4" });
  assert.deepEqual(texts(continued(loading, [line(4), line(3)], 3)), ["text 3", "text 5"]);
});

test("an answer grows piece by piece, counted as the server counts, and one that does not fit is left out", () => {
  const piece = (offset, text) => ({ kind: "delta", id: "a", reply_to: "id1", offset, text });
  const asked = thread(line(1, { status: "pending" }));
  const grown = [piece(0, "Hi 🌊"), piece(4, "!"), piece(9, "lost")].reduce(heard, asked);
  assert.equal(streaming(grown).text, "Hi 🌊!");
  assert.equal(answering(grown).id, "id1");
  const failed = heard(grown, { kind: "failed", question: { id: "id1", status: "failed", error: "no answer" } });
  assert.deepEqual([streaming(failed), failed.messages[0].error], [null, "no answer"]);
  assert.equal(heard(asked, piece(3, "late")), asked);
});

test("a thread is never changed in its place", () => {
  const before = thread(line(1));
  const rest = without(
    changed(before, () => true, { text: "x" }),
    () => true,
  );
  assert.deepEqual([texts(before), texts(rest)], [["text 1"], []]);
  assert.throws(() => before.messages[0] && Object.assign(before.messages[0], { text: "x" }), TypeError);
});

test("events that come early wait for the one that is missing, and it is asked for", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const place = new Place({ epoch: "e", seq: 3 }, (after) => asked.push(after.seq));
  assert.deepEqual(place.take({ seq: 5 }), []);
  assert.ok(place.isBehind);
  assert.deepEqual(place.take({ seq: 2 }), []);
  t.mock.timers.tick(3_000);
  assert.deepEqual(asked, [3, 3]);
  assert.deepEqual(place.take({ seq: 4 }), [{ seq: 4 }, { seq: 5 }]);
  assert.ok(!place.isBehind);
  place.compare({ epoch: "e", seq: 5 });
  assert.ok(!place.isBehind);
  place.compare({ epoch: "another", seq: 0 });
  assert.ok(place.isBehind);
  place.moveTo({ epoch: "another", seq: 0 });
  assert.deepEqual(place.take({ seq: 1 }), [{ seq: 1 }]);
});

/** A browser with nothing in it, and so much room. */
function browser(room) {
  for (const name of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(globalThis, name, { value: new Storage(room), configurable: true });
  }
}

test("unsent messages keep the order of their writing, and other people's are not seen", () => {
  browser();
  const memory = new Memory("alice");
  for (const text of ["one", "two", "three"]) {
    memory.keepUnsent({ client_id: text, bot: "elena", text, at: memory.nextAt(), tab: memory.tab });
  }
  memory.keepUnsent({ client_id: "zero", bot: "elena", text: "zero", at: 1, tab: "another" });
  assert.deepEqual(
    new Memory("alice").outbox().map(({ text }) => text),
    ["zero", "one", "two", "three"],
  );
  assert.deepEqual(new Memory("bob").outbox(), []);
  memory.forgetUnsent("two");
  assert.equal(memory.entry("two"), null);
  localStorage.setItem("we-chat:alice:unsent:broken", "{");
  assert.equal(memory.outbox().length, 3);
  memory.clear();
  assert.equal(memory.countUnsent(), 0);
});

test("a storage that is full loses nothing while the page lives, and says so", () => {
  browser(10);
  const told = [];
  const memory = new Memory("alice", (is) => told.push(is));
  memory.keepUnsent({ client_id: "c", bot: "elena", text: "a long text", at: 1, tab: "t" });
  assert.equal(memory.entry("c").text, "a long text");
  localStorage.enlarge();
  memory.keepUnsent({ client_id: "c", bot: "elena", text: "a long text", at: 1, tab: "t" });
  assert.deepEqual(told, [true, false]);
});

test("a draft of this tab is not taken by another", () => {
  browser();
  const memory = new Memory("alice");
  memory.keepDraft("elena", "mine");
  localStorage.setItem("we-chat:alice:draft:elena", "theirs");
  assert.equal(memory.draft("elena"), "mine");
  memory.keepDraft("elena", "", "mine");
  assert.equal(localStorage.getItem("we-chat:alice:draft:elena"), "theirs");
});

/** A page with an outbox, whose questions to the server are in `asked`. */
function writing({ roster = ["elena"] } = {}) {
  const page = assembled(outbox, {
    ...{
      memory: new Memory("alice"),
      isConnected: true,
      chosen: "elena",
      latest: {},
      threads: {},
      asked: [],
      isAtEnd: true,
    },
    ...{ scrollSoon() {}, lookSoon() {}, roster: Object.fromEntries(roster.map((name) => [name, {}])) },
  });
  page.threadOf = (name) => page.threads[name] ?? thread();
  page.keep = (name, of) => (page.threads[name] = of);
  page.ask = (what, about) => page.asked.push([what, about.text]);
  Object.defineProperty(page, "thread", { get: () => page.threadOf(page.chosen) });
  return page;
}
const idOf = (page, text) => page.memory.outbox().find((entry) => entry.text === text).client_id;

test("one message is on its way at a time, the next when it is stored", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  browser();
  const page = writing();
  page.send("one");
  page.send("two");
  assert.deepEqual(page.asked, [["send", "one"]]);
  page.settle(idOf(page, "one"));
  assert.deepEqual(page.asked, [
    ["send", "one"],
    ["send", "two"],
  ]);
  page.settle(idOf(page, "two"));
  assert.deepEqual(page.memory.outbox(), []);
});

test("what is not confirmed in time is sent again, first of all", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  browser();
  const page = writing();
  page.send("one");
  page.send("two");
  t.mock.timers.tick(20_000);
  assert.deepEqual(
    page.asked.map(([, text]) => text),
    ["one", "one"],
  );
  assert.match(page.thread.messages[0].error, /Couldn't confirm/);
});

test("what is refused for the moment is sent again, and what is refused for good lets the next one go", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  browser();
  const page = writing();
  page.send("one");
  page.send("two");
  page.refuseSend("elena", idOf(page, "one"), "too many", true, 2);
  assert.equal(page.asked.length, 1);
  t.mock.timers.tick(2_000);
  page.refuseSend("elena", idOf(page, "one"), "too long", false, null);
  assert.deepEqual(
    page.asked.map(([, text]) => text),
    ["one", "one", "two"],
  );
  assert.equal(page.thread.messages[0].can_retry, false);
});

test("without a connection nothing is sent, and what waits for a bot that left is kept", () => {
  browser();
  const page = writing();
  page.isConnected = false;
  page.send("later");
  assert.deepEqual(page.asked, []);
  page.roster = {};
  assert.deepEqual(
    page.stranded.map(({ name, entries }) => [name, entries.length]),
    [["elena", 1]],
  );
});

test("a message of another tab is left to it for a while", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  browser();
  const page = writing();
  page.memory.keepUnsent({ client_id: "x", bot: "elena", text: "theirs", at: 1, tab: "another" });
  page.pump("elena");
  assert.deepEqual(page.asked, []);
  t.mock.timers.tick(3_001);
  assert.deepEqual(page.asked, [["send", "theirs"]]);
});

test("what was written a day ago waits for its author", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  browser();
  const page = writing();
  page.memory.keepUnsent({
    client_id: "x",
    bot: "elena",
    text: "old",
    at: Date.now() / 1000 - 90_000,
    tab: page.memory.tab,
  });
  page.resendOutbox();
  assert.deepEqual(page.asked, []);
  assert.equal(page.thread.messages[0].status, "unsent");
});

test("a clearing of the storage discards nothing that waits", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  browser();
  const page = writing();
  page.send("kept");
  browser();
  page.hearStorage({ key: null, newValue: null });
  assert.deepEqual(
    page.memory.outbox().map(({ text }) => text),
    ["kept"],
  );
});

test("unread counts move forward only, and count each answer once", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const overview = { elena: { last: { seq: 10 }, unread: 2, read_up_to: 6 } };
  const page = assembled(marks, { start: JSON.stringify({ overview }), chosen: null, asked: [], latest: {} });
  page.ask = (what) => page.asked.push(what);
  for (const seq of [9, 11, 11, 12]) page.countAnswer("elena", seq);
  assert.equal(page.unread.elena, 4);
  page.hearMark({ bot: "elena", up_to: 11 });
  assert.equal(page.unread.elena, 1);
  page.hearMark({ bot: "elena", up_to: 5 });
  assert.equal(page.readsOf("elena").upTo, 11);
  mock.timers.reset();
});
