// The parts of the chat page: the list of bots, the bubbles, what is written, and what was asked for.
import assert from "node:assert/strict";
import test from "node:test";
import { BotList, publicStatus } from "we-chat-bots";
import { Composer } from "we-chat-composer";
import { MessageEditor } from "we-chat-editor";
import { MessageList } from "we-chat-list";
import { Stranded, titleOf } from "we-chat-stranded";
import { connection } from "we-chat-thread-connection";
import { questions } from "we-chat-thread-questions";
import { socketed } from "we-socket";
import { assembled } from "./assembled.js";
import { NOW } from "./bots.js";

test("the list of bots says what was said last, and what became of it", () => {
  const list = (message, typing = {}) =>
    assembled(BotList, { last: { elena: message }, typing }).preview({ name: "elena", description: "A painter" });
  assert.equal(list(undefined), "A painter");
  assert.equal(list({ role: "user", excerpt: "Hi" }), "You: Hi");
  assert.equal(list({ role: "bot", excerpt: "Hello" }), "Hello");
  assert.equal(list({ role: "user", excerpt: "Hi", status: "failed" }), "Not answered: Hi");
  assert.equal(list({ role: "bot", excerpt: "Hello" }, { elena: true }), "typing…");
  assert.equal(publicStatus("of a later version").label, "Offline");
});

test("bubbles that belong together have one head, a new day a line, and an answer to an earlier question quotes it", () => {
  const message = (seq, role, at, changes = {}) => ({ id: `id${seq}`, seq, role, at, text: `text ${seq}`, ...changes });
  const messages = [
    message(1, "user", NOW),
    message(2, "user", NOW + 5),
    message(3, "bot", NOW + 9, { reply_to: "id1" }),
    message(4, "bot", NOW + 10, { reply_to: "id2" }),
    message(5, "user", NOW + 2 * 86_400),
  ];
  const { rows, stop } = assembled(MessageList, { messages, hasOlder: false, inFlight: null });
  assert.deepEqual(
    rows.map(({ isFirst }) => isFirst),
    [true, false, true, false, true],
  );
  assert.deepEqual(
    rows.map(({ dayWord }) => dayWord !== ""),
    [true, false, false, false, true],
  );
  assert.deepEqual(
    rows.map(({ quote }) => quote !== null),
    [false, false, true, false, false],
  );
  assert.equal(
    rows.findIndex(({ isLatestOwn }) => isLatestOwn),
    4,
  );
  assert.equal(stop, "m:id5");
});

const memory = () => ({ draft: () => "", keepDraft() {}, edit: () => null, keepEdit() {}, isDraft: () => true });
const input = { focus() {}, style: {} };

test("characters are counted as the server counts them", () => {
  const composer = assembled(Composer, { bot: { name: "elena", title: "Elena" }, memory: memory(), maxChars: 5 });
  composer.text = "🌊🌊🌊🌊🌊";
  assert.deepEqual([composer.counter, composer.canSend], ["5 / 5", true]);
  composer.text += "!";
  assert.deepEqual([composer.isTooLong, composer.canSend], [true, false]);
  composer.text = "  ";
  assert.equal(composer.canSend, false);
});

test("Enter sends, and neither with Shift nor while a character is composed", () => {
  const composer = assembled(Composer, { bot: {}, memory: memory(), maxChars: 50, $refs: { input } });
  const press = (more) => composer.keydown({ key: "Enter", preventDefault() {}, ...more });
  composer.text = "Hello";
  press({ shiftKey: true });
  press({ isComposing: true });
  assert.deepEqual(composer.emitted, []);
  press({});
  assert.deepEqual([composer.emitted, composer.text], [[["send", "Hello"]], ""]);
});

test("an edit says that the message was changed elsewhere, and saves over what it shows", () => {
  const message = { id: "1", text: "one", version: 1 };
  const editor = assembled(MessageEditor, { message, memory: memory(), maxChars: 50, $refs: { input } });
  editor.save();
  assert.deepEqual(editor.emitted, [["done"]]);
  editor.text = "two";
  editor.message = { ...message, text: "theirs", version: 2 };
  assert.ok(editor.hasChanged);
  editor.save();
  assert.deepEqual(editor.emitted.at(-1), ["save", { text: "two", version: 2 }]);
  assert.equal(editor.canSave, false);
});

test("what was not sent to a bot that left is listed with its draft", () => {
  assert.equal(titleOf("ryan_chen-2"), "Ryan Chen 2");
  const entries = [{ client_id: "c", text: "one", at: NOW }];
  const texts = (draft) => assembled(Stranded, { of: { name: "ryan", entries, draft } }).texts.map(({ text }) => text);
  assert.deepEqual([texts(" "), texts("two")], [["one"], ["one", "two"]]);
});

/** A socket to which handlers are put and from which events come. */
function socket() {
  const handlers = new Map();
  return {
    handlers,
    on: (event, handler) => handlers.set(event, handler),
    off: (event, handler) => (!handler || handlers.get(event) === handler) && handlers.delete(event),
  };
}

test("a component hears the socket as long as it is mounted", () => {
  globalThis.window = { socket: socket() };
  const heard = [];
  const one = assembled(socketed, { heard: () => ({ fleet: (message) => heard.push(message) }) });
  socketed.mounted.call(one);
  const { handlers } = window.socket;
  handlers.get("fleet")("news");
  handlers.get("disconnect")();
  assert.deepEqual([heard, one.isConnected], [["news"], false]);
  handlers.get("connect")();
  assert.equal(one.isConnected, true);
  socketed.unmounted.call(one);
  assert.equal(handlers.size, 0);
});

/** The chat page without a document: what it asks for is in `emitted`. */
function page() {
  const made = assembled({ mixins: [connection, questions] }, { place: { isBehind: false, stop() {} }, pumpAll() {} });
  made.threadOf = () => ({ isLoading: true });
  return made;
}
const questionsOf = (one) => one.emitted.map(([, question]) => question.what);

test("what was asked for without a connection is asked again when the page has caught up", () => {
  const one = page();
  one.disconnected();
  one.ask("react", { message_id: "1", emoji: "👍" });
  one.ask("missed", { seq: 3 });
  assert.deepEqual(questionsOf(one), ["missed"]);
  one.place.isBehind = true;
  one.connected();
  one.askAgain();
  assert.deepEqual(questionsOf(one), ["missed"]);
  one.place.isBehind = false;
  one.askAgain();
  assert.deepEqual(questionsOf(one), ["missed", "react"]);
});

test("what was answered, or seen to have happened, is not asked again", () => {
  const one = page();
  one.ask("delete", { message_id: "1" });
  one.ask("edit", { message_id: "2" });
  one.ask("read", { bot: "elena", seq: 4 });
  one.answeredTo({ what: "edit", message_id: "2" });
  one.happened({ kind: "deleted", id: "1" });
  one.happened({ kind: "read", bot: "elena" });
  assert.equal(one.asked.size, 0);
});
