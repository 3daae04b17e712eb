// Where the reader of a thread is: at its end, which is followed, or not.
import assert from "node:assert/strict";
import { test } from "node:test";
import "./setup.js";
import { scroll } from "we-chat-thread-scroll";
import { assembled } from "./assembled.js";

function thread() {
  const box = { scrollHeight: 2000, clientHeight: 500, scrollTop: 1500 };
  const one = assembled(scroll, {
    $refs: { scroll: box },
    thread: { nextBefore: null, isLoading: false },
    markSoon() {},
    rememberSoon() {},
  });
  one.scrolled();
  return { one, to: (top) => ((box.scrollTop = top), one.scrolled()), box };
}

test("a small step up leaves the end, and the same place told again does not lead back to it", () => {
  const { one, to } = thread();
  assert.equal(one.isAtEnd, true);
  to(1460);
  assert.equal(one.isAtEnd, false);
  to(1460);
  assert.equal(one.isAtEnd, false);
  to(1470);
  assert.equal(one.isAtEnd, true);
});

test("a reader far from the end is never treated as being at the end", () => {
  const { one, to, box } = thread();
  to(900);
  assert.equal(one.isAtEnd, false);
  to(1000);
  assert.equal(one.isAtEnd, false);
  to(1499);
  assert.equal(one.isAtEnd, true);
  box.scrollHeight = 3000;
  to(1499);
  assert.equal(one.isAtEnd, false);
});
