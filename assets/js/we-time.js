// <we-time datetime="2026-01-31T12:00:00Z">: how long ago, the exact moment on hover, kept current.
// With `exact` the other way round; with `clock` the time of day. With `span` how long since, and then:
//   after="of ~30 s"    what stands behind it
//   limit="30"          after so many seconds it is late, which `late="longer than usual"` says
import { clock } from "we-clock";
import { ago, clockTime, exactly, span } from "we-format";

const SHOW_EVERY_MS = 5_000;
const COUNT_EVERY_MS = 1_000;

class Time extends HTMLElement {
  static observedAttributes = ["datetime", "after", "limit"];

  connectedCallback() {
    this.timer = setInterval(() => this.show(), this.hasAttribute("span") ? COUNT_EVERY_MS : SHOW_EVERY_MS);
    this.show();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.show();
  }

  show() {
    const at = Date.parse(this.getAttribute("datetime")) / 1000;
    const now = clock();
    if (Number.isNaN(at)) return;
    if (this.hasAttribute("span")) return void this.count(at, now);
    if (this.hasAttribute("clock")) return void (this.textContent = clockTime(at, now));
    const texts = [ago(at, now), exactly(at)];
    [this.textContent, this.title] = this.hasAttribute("exact") ? texts.reverse() : texts;
  }

  count(at, now) {
    const isLate = this.hasAttribute("limit") && now - at > Number(this.getAttribute("limit"));
    const parts = [span(now - at), this.getAttribute("after")].filter(Boolean);
    this.textContent = parts.join(" ") + (isLate ? `, ${this.getAttribute("late")}` : "");
    this.classList.toggle("we-late", isLate);
    if (!this.hasAttribute("title")) this.title = exactly(at);
  }
}

if (!customElements.get("we-time")) customElements.define("we-time", Time);
