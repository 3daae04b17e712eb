// <we-local at="1767225600"><input type="datetime-local"></we-local>: the field begins with this moment, in Unix seconds,
// as it is in the reader's time zone; empty for none.

/** What a datetime-local field shows for Unix seconds. */
export function fieldTime(at) {
  if (!at) return "";
  const date = new Date(at * 1000);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

class Local extends HTMLElement {
  static observedAttributes = ["at"];

  connectedCallback() {
    queueMicrotask(() => this.show()); // the field comes after its element
  }

  attributeChangedCallback() {
    this.show();
  }

  show() {
    const field = this.querySelector("input");
    if (field) field.defaultValue = fieldTime(Number(this.getAttribute("at")));
  }
}

if (!customElements.get("we-local")) customElements.define("we-local", Local);
