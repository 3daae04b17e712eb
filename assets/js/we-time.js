// <we-time datetime="2026-01-31T12:00:00Z">: how long ago, the exact moment on hover, kept current.
import { ago, exactly } from "we-format";

class Time extends HTMLElement {
  static observedAttributes = ["datetime"];

  connectedCallback() {
    this.timer = setInterval(() => this.show(), 5000);
    this.show();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  attributeChangedCallback() {
    this.show();
  }

  show() {
    const at = Date.parse(this.getAttribute("datetime")) / 1000;
    if (Number.isNaN(at)) return;
    this.textContent = ago(at, Date.now() / 1000);
    this.title = exactly(at);
  }
}

if (!customElements.get("we-time")) customElements.define("we-time", Time);
