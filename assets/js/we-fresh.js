// <we-fresh datetime="2026-01-31T12:00:00Z" limit="10">: the first of its children while what it says is so many seconds
// old at most and the page is connected, else the second.
import { clock } from "we-clock";

const LOOK_EVERY_MS = 1_000;

class Fresh extends HTMLElement {
  static observedAttributes = ["datetime"];

  connectedCallback() {
    this.timer = setInterval(() => this.show(), LOOK_EVERY_MS);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.show();
  }

  show() {
    const age = clock() - Date.parse(this.getAttribute("datetime")) / 1000;
    const isOld = !window.socket?.connected || age > Number(this.getAttribute("limit"));
    const [fresh, old] = this.children;
    fresh.hidden = isOld;
    old.hidden = !isOld;
  }
}

if (!customElements.get("we-fresh")) customElements.define("we-fresh", Fresh);
