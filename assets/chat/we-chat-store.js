// What one page knows of its conversations: pure data, no DOM. Messages come by history and by event, in any order
// and more than once; merging them is idempotent.
//
// A message is as console/pages/chat/data.py makes it; `at` is in Unix seconds. Statuses of the server: pending,
// answered, failed, interrupted. Of this page alone, with no `seq`: sending, unsent for what was never stored, and
// streaming for an answer that is still being said.

export function emptyThread() {
  // `meanwhile` is what happened while a page of history was on its way, which may have been read before it.
  return Object.freeze({ messages: [], nextBefore: null, isLoaded: false, isLoading: false, error: "", meanwhile: [] });
}

/** What stays the same from the first keystroke to the stored message, so that a bubble is never drawn twice. */
export function keyOf(message) {
  return message.role === "user" && message.client_id ? `c:${message.client_id}` : `m:${message.id}`;
}

const placeOf = (message) => message.seq ?? (message.status === "streaming" ? Infinity : Number.MAX_SAFE_INTEGER);

/** Those with a place in the stream by their place, then those on their way as they were written, then what is being said. */
function inOrder(a, b) {
  const places = [placeOf(a), placeOf(b)];
  return places[0] === places[1] ? a.at - b.at : places[0] - places[1];
}

/** A thread with messages put in. What is known of a stored one stays: what changes it says so by itself. */
export function merged(thread, messages) {
  const byKey = new Map(thread.messages.map((message) => [keyOf(message), message]));
  for (const message of messages) {
    const key = keyOf(message);
    const known = byKey.get(key);
    if (!known || known.seq === null) byKey.set(key, Object.freeze(message));
  }
  return Object.freeze({ ...thread, messages: [...byKey.values()].sort(inOrder) });
}

/** A thread with those of its messages changed for which `isMeant` is true. */
export function changed(thread, isMeant, changes) {
  const messages = thread.messages.map((message) =>
    isMeant(message) ? Object.freeze({ ...message, ...changes }) : message,
  );
  return Object.freeze({ ...thread, messages });
}

/** A thread without those of its messages for which `isMeant` is true. */
export function without(thread, isMeant) {
  return Object.freeze({ ...thread, messages: thread.messages.filter((message) => !isMeant(message)) });
}

/** The own message that the bot answers now, if there is one. Its answer may be there already, growing. */
export function answering(thread) {
  return thread.messages.find((message) => message.role === "user" && message.status === "pending") ?? null;
}

/** The answer that is being said, if the bot says it in pieces. */
export function streaming(thread) {
  return thread.messages.find((message) => message.status === "streaming") ?? null;
}
