// What one page knows of its conversations: pure data, no DOM. Messages come by history and by event, in any order
// and more than once; merging them is idempotent.
//
// A message is {id, client_id, role, html, excerpt, at, seq, status, error}; `at` is in Unix seconds. Statuses of the
// server: pending, answered, failed, interrupted. Of this page alone: sending, and unsent for what was never stored.

export function emptyThread() {
  return Object.freeze({ messages: [], nextBefore: null, isLoaded: false, isLoading: false, isTyping: false, error: "" });
}

/** What stays the same from the first keystroke to the stored message, so that a bubble is never drawn twice. */
export function keyOf(message) {
  return message.role === "user" && message.client_id ? `c:${message.client_id}` : `m:${message.id}`;
}

/** Those with a place in the stream by their place, then those of this page alone in the order they were written. */
function inOrder(a, b) {
  return (a.seq ?? Infinity) - (b.seq ?? Infinity) || a.at - b.at || 0;
}

/** A thread with messages put in; `isNews` says that they are newer than what is there, as an event is. */
export function merged(thread, messages, isNews) {
  const byKey = new Map(thread.messages.map((message) => [keyOf(message), message]));
  for (const message of messages) {
    const key = keyOf(message);
    const known = byKey.get(key);
    if (!known || isNews || known.seq === null) byKey.set(key, Object.freeze(message));
  }
  return Object.freeze({ ...thread, messages: [...byKey.values()].sort(inOrder) });
}

/** A thread with one of its messages changed. */
export function changed(thread, key, changes) {
  const messages = thread.messages.map((message) => (keyOf(message) === key ? Object.freeze({ ...message, ...changes }) : message));
  return Object.freeze({ ...thread, messages });
}

/** A thread without one of its messages. */
export function without(thread, key) {
  return Object.freeze({ ...thread, messages: thread.messages.filter((message) => keyOf(message) !== key) });
}

/** Whether the bot still has something to say. */
export function isAwaited(thread) {
  return thread.isTyping || thread.messages.some((message) => message.role === "user" && message.status === "pending");
}
