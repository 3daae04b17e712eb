// What the browser code finds in a page, for tests without one: its modules by name, the labels in the page's head, and
// a storage.
import { registerHooks } from "node:module";

const FOLDERS = { "we-chat-": "chat", "we-": "js" };

registerHooks({
  resolve(specifier, context, next) {
    const start = Object.keys(FOLDERS).find((one) => specifier.startsWith(one));
    const address = start && new URL(`../../assets/${FOLDERS[start]}/${specifier}.js`, import.meta.url).href;
    return next(address ?? specifier, context);
  },
});

/** A storage with so much room for values; what does not fit is refused, as browsers do. */
export class Storage {
  #room;

  constructor(room = Infinity) {
    this.#room = room;
  }

  enlarge() {
    this.#room = Infinity;
  }

  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }

  setItem(key, value) {
    if (String(value).length > this.#room) throw new DOMException("full", "QuotaExceededError");
    this[key] = String(value);
  }

  removeItem(key) {
    delete this[key];
  }
}

/** An element with attributes and classes, and no document around it. */
class Element {
  #attributes = new Map();
  isConnected = true;
  children = [];
  classList = new (class extends Set {
    toggle = (name, is) => (is ? this.add(name) : this.delete(name));
  })();

  getAttribute = (name) => this.#attributes.get(name) ?? null;
  hasAttribute = (name) => this.#attributes.has(name);

  setAttribute(name, value) {
    this.#attributes.set(name, value);
    if (this.constructor.observedAttributes.includes(name)) this.attributeChangedCallback();
  }
}
const elements = new Map();

const labels = process.env.WE_LABELS;
if (!labels) throw new Error("The labels are missing: run these tests by pytest tests/assets.");
const head = { "we-labels": { textContent: labels } };

Object.assign(globalThis, {
  HTMLElement: Element,
  customElements: { get: (name) => elements.get(name), define: (name, kind) => elements.set(name, kind) },
  document: {
    body: {},
    documentElement: { clientWidth: 1200 },
    visibilityState: "visible",
    getElementById: (id) => head[id] ?? null,
    querySelector: () => null,
    addEventListener() {},
    removeEventListener() {},
  },
  location: { search: "", pathname: "/admin" },
  history: { state: null, replaceState: (_, __, address) => (globalThis.location.search = search(address)) },
});
Object.defineProperty(globalThis, "localStorage", { value: new Storage(), configurable: true });
Object.defineProperty(globalThis, "sessionStorage", { value: new Storage(), configurable: true });

await import("../../assets/language.js");

const search = (address) => (address.includes("?") ? address.slice(address.indexOf("?")) : "");
