// What an event does to a thread: pure functions. Events come in the order of their numbers, but a page of history may
// hold what they tell already, so each may be applied twice.
import { changed, merged, streaming, without } from "we-chat-store";

/** A thread after something happened in its conversation. */
export function heard(thread, event) {
  if (thread.isLoading) thread = Object.freeze({ ...thread, meanwhile: [...thread.meanwhile, event] });
  if (thread.isLoaded) return applied(thread, event);
  // Nobody looks at it, and its history will tell; but what this page wrote there has arrived.
  const ids = thread.isLoading ? [] : (event.lines ?? []).map((line) => line.client_id).filter(Boolean);
  return ids.length ? without(thread, (message) => ids.includes(message.client_id)) : thread;
}

/** A thread with a page of history, which is older than everything in it. */
export function continued(thread, messages, nextBefore) {
  const { meanwhile } = thread;
  const whole = { ...merged(thread, messages), nextBefore, isLoaded: true, isLoading: false, error: "", meanwhile: [] };
  return meanwhile.reduce(applied, Object.freeze(whole));
}

function applied(thread, event) {
  switch (event.kind) {
    case "message":
      return withLines(thread, event.lines);
    case "answer":
      return withLines(concluded(thread, event.question), event.lines);
    case "failed":
    case "retried":
      return concluded(thread, event.question);
    case "delta":
      return grown(thread, event);
    case "edited":
      return changed(thread, ({ id, version }) => id === event.id && version < event.changes.version, event.changes);
    case "deleted":
      return without(thread, ({ id }) => id === event.id);
    case "reaction":
      return reacted(thread, event);
    default:
      return thread;
  }
}

/** What is older than the part that was loaded comes with its page. */
function withLines(thread, lines) {
  return merged(
    thread,
    lines.filter((line) => thread.nextBefore === null || line.seq >= thread.nextBefore),
  );
}

/** What became of a question. Without an answer there is none: neither one that was being said, nor one cut off before. */
function concluded(thread, question) {
  const outcome = { status: question.status, code: question.code, error: question.error };
  const told = changed(thread, ({ id, role }) => id === question.id && role === "user", outcome);
  return question.status === "answered" ? told : without(told, ({ reply_to }) => reply_to === question.id);
}

/** A piece more of an answer. One that does not fit is left out: the whole answer will correct it. */
function grown(thread, delta) {
  const known = thread.messages.find(({ id }) => id === delta.id);
  if (known) {
    if (known.status !== "streaming" || known.length !== delta.offset) return thread;
    return changed(thread, (message) => message === known, {
      text: known.text + delta.text,
      length: known.length + lengthOf(delta.text),
    });
  }
  const question = thread.messages.find(({ id }) => id === delta.reply_to);
  if (delta.offset !== 0 || (question && question.status !== "pending")) return thread;
  const begun = {
    id: delta.id,
    client_id: null,
    role: "bot",
    html: null,
    text: delta.text,
    length: lengthOf(delta.text),
    excerpt: "",
    at: Date.now() / 1000,
    seq: null,
    status: "streaming",
    reply_to: delta.reply_to,
    reactions: [],
    ending: "",
  };
  const before = streaming(thread);
  return merged(
    without(thread, (message) => message === before),
    [begun],
  );
}

/** The server counts code points, a string its UTF-16 units. */
const lengthOf = (text) => Array.from(text).length;

function reacted(thread, event) {
  const message = thread.messages.find(({ id }) => id === event.id);
  if (!message) return thread;
  const others = message.reactions.filter((emoji) => emoji !== event.emoji);
  const isKnown = others.length < message.reactions.length;
  if (isKnown === event.is_added) return thread;
  return changed(thread, ({ id }) => id === event.id, {
    reactions: event.is_added ? [...others, event.emoji] : others,
  });
}
