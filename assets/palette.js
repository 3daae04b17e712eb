// The command palette (Ctrl or ⌘ + K): go to a page, find a bot, restart it, open its logs. Also the list of shortcuts (?).
//
// Pages come from the navigation, so that it offers what the person may see; bots from the API, asked for at each opening.
import { affectedText } from "we-bot-actions";
import { fit } from "we-fit";
import { span } from "we-format";
import { LABELS } from "we-labels";
import { t } from "we-language";

const rail = () => document.querySelector(".we-rail");
const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
const MAX_SHOWN = 12;
const NO_RESULTS = t("No results.");
const CHORD_MS = 1200;

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Ask the API; rejects with words for a person. */
async function ask(path, options) {
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Error(answer?.error?.message ?? t("Something went wrong on our side."));
  return answer;
}

class Palette {
  constructor() {
    this.input = element("input", {
      type: "text",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "we-palette-list",
      "aria-autocomplete": "list",
      "aria-label": t("Command"),
      placeholder: t("Go to a page, find a bot, restart it …"),
      autocomplete: "off",
      spellcheck: "false",
    });
    this.list = element("ul", { id: "we-palette-list", role: "listbox", "aria-label": t("Commands"), tabindex: "-1" });
    this.note = element("p", { class: "we-muted", role: "status" });
    this.dialog = element(
      "dialog",
      { class: "we-palette", "aria-label": t("Command palette"), "data-testid": "palette" },
      this.input,
      this.list,
      this.note,
    );
    document.body.append(this.dialog);
    this.input.addEventListener("input", () => this.show());
    this.input.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("click", (event) => {
      const item = event.target.closest("[data-index]");
      if (item) this.run(this.shown[Number(item.dataset.index)]);
    });
    this.dialog.addEventListener("click", (event) => event.target === this.dialog && this.dialog.close());
  }

  async open() {
    if (this.dialog.open || document.querySelector("dialog[open]")) return;
    this.commands = this.pages();
    this.input.value = "";
    this.note.textContent = "";
    this.dialog.showModal();
    this.show();
    try {
      const { bots } = await ask("/api/admin/status");
      this.commands = [...this.pages(), ...Object.entries(bots).flatMap(([name, bot]) => this.ofBot(name, bot))];
      if (this.dialog.open) this.show();
    } catch (error) {
      this.note.textContent = t("Couldn't load the bots: {error}", { error: error.message });
    }
  }

  pages() {
    return [...rail().querySelectorAll(".we-nav a")].map((link) => ({
      text: link.textContent,
      detail: t("Page"),
      run: () => location.assign(link.getAttribute("href")),
    }));
  }

  ofBot(name, bot) {
    const title = bot.display_name ?? name;
    const key = encodeURIComponent(name);
    const to = (path) => () => location.assign(path);
    const commands = [
      {
        text: title,
        detail: t("Bot · {status}", { status: LABELS.bot[bot.status]?.label ?? bot.status }),
        also: name,
        run: to(`/admin/bots/${key}`),
      },
      { text: t("Logs of {name}", { name: title }), detail: t("Logs"), also: name, run: to(`/admin/logs?bots=${key}`) },
    ];
    if (rail().dataset.mayRestart) {
      commands.push({
        text: t("Restart {name}", { name: title }),
        detail: t("Action"),
        also: name,
        run: () => this.confirm(name, title),
        stays: true,
      });
    }
    return commands;
  }

  show() {
    const typed = this.input.value.trim().toLowerCase();
    const scored = this.commands.map((command) => {
      const fits = [fit(command.text, typed), command.also ? fit(command.also, typed) : null].filter(
        (one) => one !== null,
      );
      return [fits.length ? Math.max(...fits) : null, command];
    });
    const found = scored.filter(([score]) => score !== null).sort(([one], [other]) => other - one);
    this.shown = found.slice(0, MAX_SHOWN).map(([, command]) => command);
    this.index = 0;
    this.list.replaceChildren(
      ...this.shown.map((command, index) =>
        element(
          "li",
          { role: "option", id: `we-palette-${index}`, "data-index": index },
          element("span", {}, command.text),
          element("span", { class: "we-muted" }, command.detail),
        ),
      ),
    );
    if (!this.shown.length) this.note.textContent = NO_RESULTS;
    else if (this.note.textContent === NO_RESULTS) this.note.textContent = "";
    this.mark();
  }

  mark() {
    [...this.list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === this.index)));
    this.input.setAttribute("aria-activedescendant", this.shown.length ? `we-palette-${this.index}` : "");
    this.list.children[this.index]?.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.index = (this.index + step + this.shown.length) % Math.max(1, this.shown.length);
      this.mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (this.shown[this.index]) this.run(this.shown[this.index]);
    }
  }

  run(command) {
    if (!command.stays) this.dialog.close();
    command.run();
  }

  async confirm(name, title) {
    try {
      const impact = await ask(`/api/admin/bots/${encodeURIComponent(name)}/impact`);
      this.dialog.close();
      confirmRestart(name, title, impact);
    } catch (error) {
      this.note.textContent = error.message;
    }
  }
}

function confirmRestart(name, title, impact) {
  const note = element("p", { class: "we-form-error", role: "alert" });
  const cancel = element("button", { class: "we-button", type: "button" }, t("Cancel"));
  const yes = element(
    "button",
    { class: "we-button we-danger", type: "button", "data-testid": "palette-confirm" },
    t("Restart {name}", { name: title }),
  );
  const dialog = element(
    "dialog",
    { class: "we-dialog", "aria-label": t("Restart {name}?", { name: title }), "data-testid": "palette-restart" },
    element("h2", {}, t("Restart {name}?", { name: title })),
    element("p", {}, affectedText(impact.affected_users, 1, true)),
    element(
      "p",
      { class: "we-muted" },
      t("It is usually back in about {estimate}.", { estimate: span(impact.estimate_s) }),
    ),
    note,
    element("div", { class: "we-dialog-actions" }, cancel, yes),
  );
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  yes.addEventListener("click", async () => {
    yes.disabled = true;
    try {
      await ask(`/api/admin/bots/${encodeURIComponent(name)}/restart`, { method: "POST" });
      location.assign("/admin/restarts");
    } catch (error) {
      note.textContent = error.message;
      yes.disabled = false;
    }
  });
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
}

const GO = {
  f: "/admin",
  l: "/admin/logs",
  i: "/admin/incidents",
  a: "/admin/alerts",
  r: "/admin/restarts",
  h: "/admin/changes",
  m: "/admin/matrix",
  n: "/admin/analytics",
  o: "/admin/report",
  k: "/admin/checks",
  u: "/admin/users",
  c: "/admin/conversations",
  d: "/admin/audit",
  s: "/admin/settings",
  y: "/admin/system",
};
const SHORTCUTS = [
  [
    t("Everywhere"),
    [
      [isMac ? "⌘ K" : "Ctrl K", t("Command palette")],
      ["?", t("These shortcuts")],
      ["/", t("Find on this page")],
      ["d", t("Dark or light")],
    ],
  ],
  [t("Go to"), Object.entries(GO).map(([key, path]) => [`g ${key}`, path])],
  [
    t("Fleet"),
    [
      ["j k ↓ ↑", t("Next or previous bot")],
      ["Enter", t("Open the bot")],
      ["x", t("Select it")],
      ["r", t("Restart it")],
      ["l", t("Open its logs")],
      ["t", t("Send a test message")],
    ],
  ],
  [
    t("Logs"),
    [
      ["Space", t("Pause or resume")],
      ["End", t("Follow the newest lines")],
    ],
  ],
];

function showShortcuts() {
  if (document.querySelector("dialog[open]")) return;
  const names = Object.fromEntries(
    [...rail().querySelectorAll(".we-nav a")].map((link) => [link.getAttribute("href"), link.textContent]),
  );
  const groups = SHORTCUTS.map(([title, keys]) => {
    const rows = keys
      .filter(([, text]) => !text.startsWith("/admin") || names[text])
      .flatMap(([key, text]) => [
        element("dt", {}, ...key.split(" ").flatMap((one) => [element("kbd", {}, one), " "])),
        element("dd", {}, names[text] ?? text),
      ]);
    return element("section", {}, element("h3", {}, title), element("dl", { class: "we-facts" }, ...rows));
  });
  const close = element("button", { class: "we-button", type: "button" }, t("Close"));
  const dialog = element(
    "dialog",
    { class: "we-dialog we-shortcuts", "aria-label": t("Keyboard shortcuts"), "data-testid": "shortcuts" },
    element("h2", {}, t("Keyboard shortcuts")),
    element("div", { class: "we-panels" }, ...groups),
    element("div", { class: "we-dialog-actions" }, close),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

// Where the navigation, or the tabs of a page, are wider than the screen, show where one is.
new MutationObserver((_, observer) => {
  const currents = document.querySelectorAll(":is(.we-nav, .we-tabs) [aria-current]");
  if (!currents.length) return;
  observer.disconnect();
  currents.forEach(centre);
}).observe(document, { childList: true, subtree: true });

/** Scroll a strip of links, and nothing else, so that one of them stands in its middle. */
function centre(current) {
  const strip = current.parentElement;
  strip.scrollLeft = current.offsetLeft - strip.offsetLeft - (strip.clientWidth - current.offsetWidth) / 2;
}

let palette = null;
let chordAt = -Infinity;

function openPalette() {
  palette ??= new Palette();
  palette.open();
}

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable], dialog[open]");
}

document.addEventListener(
  "keydown",
  (event) => {
    if (!rail()) return;
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (performance.now() - chordAt < CHORD_MS && event.key in GO) {
      const link = rail().querySelector(`.we-nav a[href="${GO[event.key]}"]`);
      chordAt = -Infinity;
      event.stopImmediatePropagation(); // the letter was the chord's, not the page's
      if (link) location.assign(link.href);
    } else if (event.key === "g") chordAt = performance.now();
    else if (event.key === "?") showShortcuts();
    else if (event.key === "d") toggleTheme();
  },
  { capture: true },
);

document.addEventListener("click", (event) => {
  if (event.target.closest?.('[data-we="palette"]')) openPalette();
});
