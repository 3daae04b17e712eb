// What a browser remembers for one user: drafts, and messages that the server has not confirmed. Storage may be full,
// blocked or shared with other tabs, so every access may fail and nothing depends on it.

const OUTBOX_CAP = 50;

export class Memory {
  constructor(userId) {
    this.prefix = `we-chat:${userId}:`;
  }

  draft(bot) {
    return this.#read(`draft:${bot}`) ?? "";
  }

  keepDraft(bot, text) {
    this.#write(`draft:${bot}`, text || null);
  }

  /** Messages on their way: {client_id, bot, text, at}, the oldest first. */
  outbox() {
    try {
      const entries = JSON.parse(this.#read("outbox") ?? "[]");
      return Array.isArray(entries) ? entries : [];
    } catch {
      return [];
    }
  }

  keepUnsent(entry) {
    const others = this.outbox().filter((other) => other.client_id !== entry.client_id);
    this.#write("outbox", JSON.stringify([...others, entry].slice(-OUTBOX_CAP)));
  }

  forgetUnsent(clientId) {
    const entries = this.outbox();
    const others = entries.filter((entry) => entry.client_id !== clientId);
    if (others.length !== entries.length) this.#write("outbox", others.length ? JSON.stringify(others) : null);
  }

  /** Leave nothing behind for the next person at this machine. */
  clear() {
    try {
      for (const key of Object.keys(localStorage)) if (key.startsWith(this.prefix)) localStorage.removeItem(key);
    } catch {
      // blocked: there is nothing to clear
    }
  }

  #read(key) {
    try {
      return localStorage.getItem(this.prefix + key);
    } catch {
      return null;
    }
  }

  #write(key, value) {
    try {
      if (value === null) localStorage.removeItem(this.prefix + key);
      else localStorage.setItem(this.prefix + key, value);
    } catch {
      // full or blocked: not remembered
    }
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
