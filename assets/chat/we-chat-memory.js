// What a browser remembers for one person: messages that the server has not confirmed, drafts, and where one was. Each
// message has a key of its own, so that tabs which write at the same moment take nothing from each other. Storage may be
// full or blocked: then it is kept here, for as long as the page lives, and `onFailing` is told whether anything is.

export class Memory {
  constructor(userId, onFailing = () => {}) {
    this.prefix = `we-chat:${userId}:`;
    this.onFailing = onFailing;
    this.loose = new Map(); // what could not be stored: key → value
    this.lastAt = 0;
    this.tab = this.#session("tab") ?? newId();
    this.#keepSession("tab", this.tab);
    this.#takeOver();
  }

  // Messages on their way: {client_id, bot, text, at, tab}, with `refusal: {error, can_retry}` when they will not be sent.

  /** All of them, in the order of writing. */
  outbox() {
    const entries = this.#keys("unsent:").map((key) => parsed(this.#read(key)));
    return entries.filter(isEntry).sort((a, b) => a.at - b.at);
  }

  entry(clientId) {
    const entry = parsed(this.#read(`unsent:${clientId}`));
    return isEntry(entry) ? entry : null;
  }

  /** A moment later than that of every message that waits, whatever the clock says: it is the order of writing. */
  nextAt() {
    const last = this.outbox().at(-1)?.at ?? 0;
    this.lastAt = Math.max(Date.now() / 1000, last + 0.001, this.lastAt + 0.001);
    return this.lastAt;
  }

  keepUnsent(entry) {
    this.#write(`unsent:${entry.client_id}`, JSON.stringify(entry));
  }

  forgetUnsent(clientId) {
    this.#write(`unsent:${clientId}`, null);
  }

  /** The id of the message that a key of the storage is about. */
  unsentOf(key) {
    return key?.startsWith(`${this.prefix}unsent:`) ? key.slice(this.prefix.length + "unsent:".length) : null;
  }

  // Drafts. Each tab has its own, and a new tab begins with the last one that was written anywhere.

  draft(bot) {
    return this.#session(`draft:${bot}`) ?? this.#read(`draft:${bot}`) ?? "";
  }

  /** `before` is what was there: what another tab wrote meanwhile is not taken away with it. */
  keepDraft(bot, text, before = "") {
    this.#keepSession(`draft:${bot}`, text || null);
    if (text) this.#write(`draft:${bot}`, text);
    else if (this.#read(`draft:${bot}`) === before) this.#write(`draft:${bot}`, null);
  }

  forgetDraft(bot) {
    this.#keepSession(`draft:${bot}`, null);
    this.#write(`draft:${bot}`, null);
  }

  /** The bots for which there are drafts. */
  drafted() {
    return this.#keys("draft:")
      .map((key) => key.slice("draft:".length))
      .filter((bot) => this.draft(bot).trim());
  }

  isDraft(key, bot) {
    return key === `${this.prefix}draft:${bot}`;
  }

  // Of this tab alone: where one was, and messages that are being edited.

  place() {
    return parsed(this.#session("place"));
  }

  keepPlace(place) {
    this.#keepSession("place", JSON.stringify(place));
  }

  edit(id) {
    return parsed(this.#session(`edit:${id}`));
  }

  keepEdit(id, edit) {
    this.#keepSession(`edit:${id}`, edit && JSON.stringify(edit));
  }

  /** How many texts are lost when all is forgotten. */
  countUnsent() {
    return this.outbox().length + this.drafted().length;
  }

  /** Leave nothing behind for the next person at this machine. */
  clear() {
    this.loose.clear();
    for (const storage of [() => localStorage, () => sessionStorage]) {
      try {
        const box = storage();
        for (const key of Object.keys(box)) if (key.startsWith(this.prefix)) box.removeItem(key);
      } catch {
        // blocked: there is nothing to clear
      }
    }
  }

  /** Messages that a version before kept in one list. */
  #takeOver() {
    const entries = parsed(this.#read("outbox"));
    if (!Array.isArray(entries)) return;
    for (const entry of entries) if (isEntry(entry)) this.keepUnsent(entry);
    this.#write("outbox", null);
  }

  #keys(start) {
    const keys = new Set([...this.loose.keys()].filter((key) => key.startsWith(start)));
    try {
      const whole = this.prefix + start;
      for (const key of Object.keys(localStorage)) if (key.startsWith(whole)) keys.add(key.slice(this.prefix.length));
    } catch {
      // blocked: what there is, is here
    }
    return [...keys];
  }

  #read(key) {
    if (this.loose.has(key)) return this.loose.get(key);
    try {
      return localStorage.getItem(this.prefix + key);
    } catch {
      return null;
    }
  }

  #write(key, value) {
    const wasFailing = this.loose.size > 0;
    this.loose.delete(key);
    try {
      if (value === null) localStorage.removeItem(this.prefix + key);
      else localStorage.setItem(this.prefix + key, value);
    } catch {
      if (value !== null) this.loose.set(key, value);
    }
    const isFailing = this.loose.size > 0;
    if (isFailing !== wasFailing) this.onFailing(isFailing);
  }

  #session(key) {
    try {
      return sessionStorage.getItem(this.prefix + key);
    } catch {
      return null;
    }
  }

  #keepSession(key, value) {
    try {
      if (value === null) sessionStorage.removeItem(this.prefix + key);
      else sessionStorage.setItem(this.prefix + key, value);
    } catch {
      // It is lost with the tab. Texts are in the other storage, too, or said to be at risk.
    }
  }
}

const isEntry = (entry) => Boolean(entry && entry.client_id && entry.bot && typeof entry.text === "string");

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A random id. `crypto.randomUUID` exists only where the connection is secure; `getRandomValues` always does. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Put text on the clipboard; resolves to whether it worked. The second way is for connections that are not secure. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement("textarea"), { value: text, readOnly: true });
    area.style.cssText = "position:fixed;opacity:0";
    document.body.append(area);
    area.select();
    const isCopied = document.execCommand("copy");
    area.remove();
    return isCopied;
  }
}
