// <we-time datetime="2026-01-31T12:00:00Z">: how long ago, the exact moment on hover, kept current.
// With `exact` the other way round.
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
    const texts = [ago(at, Date.now() / 1000), exactly(at)];
    [this.textContent, this.title] = this.hasAttribute("exact") ? texts.reverse() : texts;
  }
}

if (!customElements.get("we-time")) customElements.define("we-time", Time);
