// <we-fresh datetime="2026-01-31T12:00:00Z" limit="10">: the first of its children while what it says is so many seconds
// old at most and the page is connected, else the second. While a page was never connected, as where a proxy blocks its
// socket, nothing that was told is lost: the first and the third, if there is one, which says as of when the page is.
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
    const [fresh, old, loaded] = this.children;
    const isAsLoaded = Boolean(loaded) && !window.did_handshake;
    const isOld = !isAsLoaded && (!window.socket?.connected || age > Number(this.getAttribute("limit")));
    fresh.hidden = isOld;
    old.hidden = !isOld;
    if (loaded) loaded.hidden = !isAsLoaded;
  }
}

if (!customElements.get("we-fresh")) customElements.define("we-fresh", Fresh);
