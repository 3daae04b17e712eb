// What the frame of every page does in the browser.
"use strict";

/** The server says that the session of this page has ended: signing in leads back to the address it is at now. */
function sessionEnded() {
  // Whoever signs out is on the way already, and not to come back here.
  if (!isSigningOut && !isMarkedSignedOut()) location.reload();
}

const { t, nt } = weText;
const FRAME_ACTIONS = { theme: () => toggleTheme(), "sign-out": () => signOut() };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-we]");
  if (button) FRAME_ACTIONS[button.dataset.we]?.();
});

// How all is: the badges of the menu and the title of the tab. The page brings it, and its socket tells what changes.
const PULSE_WORDS = { degraded: t("Degraded"), critical: t("Critical") };
const BADGE_WORDS = {
  fleet: (count) => nt("{count} needs attention", "{count} need attention", count),
  incidents: (count) => nt("{count} open", "{count} open", count),
  alerts: (count) => nt("{count} firing", "{count} firing", count),
};
let pageTitle = null;

function showPulse(pulse) {
  pageTitle ??= document.title;
  const word = PULSE_WORDS[pulse.status];
  document.title = word ? `${word} · ${pageTitle}` : pageTitle;
  for (const badge of document.querySelectorAll("[data-badge]")) {
    const count = pulse[badge.dataset.badge] ?? 0;
    const said = count ? BADGE_WORDS[badge.dataset.badge](count) : "";
    badge.textContent = count > 99 ? "99+" : count;
    badge.hidden = count === 0;
    badge.dataset.tone = pulse.status === "critical" ? "bad" : "warn";
    const link = badge.closest("a");
    link.title = said;
    if (said) link.setAttribute("aria-description", said);
    else link.removeAttribute("aria-description");
  }
}

const heard = [];

/** Subscribe to an event as soon as NiceGUI creates its socket: the first message arrives with the connection. */
function onSocket(event, handler) {
  heard.push([event, handler]);
  window.socket?.on(event, handler);
}

let madeSocket = window.socket;
Object.defineProperty(window, "socket", {
  configurable: true,
  get: () => madeSocket,
  set(socket) {
    madeSocket = socket;
    for (const [event, handler] of heard) socket?.on(event, handler);
  },
});

onSocket("pulse", showPulse);
addEventListener("DOMContentLoaded", () => {
  const brought = document.querySelector('meta[name="we-pulse"]');
  if (brought) showPulse(JSON.parse(brought.content));
});

// Tabs that have addresses (console/widgets/tabs.py) follow the back and forward buttons.
addEventListener("popstate", () => {
  for (const tabs of document.querySelectorAll("[data-tabs]")) tabs.dispatchEvent(new CustomEvent("returned"));
});

// A button or a link of a page may have a key.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.("input, textarea, select, dialog, .q-dialog, [contenteditable]")) return;
  const found = document.querySelector(`.we-main [aria-keyshortcuts="${CSS.escape(event.key)}"]:not(:disabled)`);
  if (!found?.offsetParent) return;
  event.preventDefault();
  found.click();
});

// The language of the pages: kept in a cookie, so that the server sees it before it builds the next one.
document.addEventListener("change", ({ target }) => {
  if (!target.matches?.('select[data-we="language"]')) return;
  if (target.form) return target.form.requestSubmit(); // to load the answer to a form anew would send the form again
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `we_language=${target.value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  location.reload();
});

// A form of filters: what is not filled in does not show in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-we-filters]")) return;
  for (const control of event.target.elements) if (control.name && !control.value) control.disabled = true;
});
addEventListener("pageshow", () => {
  for (const control of document.querySelectorAll("[data-we-filters] [disabled]")) control.disabled = false;
});

// A page lives on its socket. Where a proxy lets requests through and no WebSockets, NiceGUI's script would wait for ever,
// or load the page anew every 20 seconds; instead the reader is told what is wrong.
const SOCKET_WAIT_MS = 100;
const BLOCKED_AFTER = 2; // failed attempts: one alone may be a server that restarts

function sayBlocked(is) {
  const said = document.querySelector(".we-blocked");
  if (!is) return said?.remove();
  dispatchEvent(new Event("we-blocked"));
  if (said) return;
  const box = document.createElement("section");
  box.className = "we-blocked";
  box.setAttribute("role", "alert");
  box.dataset.testid = "connection-blocked";
  const blocked = t(
    "This page loaded, but its WebSocket connection is blocked, so most of it can't update or respond to clicks.",
  );
  const advice = t(
    "If you run this server behind a reverse proxy, allow WebSocket upgrades (see “Reverse proxy” in docs/deploy.md). Otherwise try another network or browser: company proxies and browser extensions can block WebSockets. This page keeps trying.",
  );
  box.innerHTML = `<h2>${t("Live connection is blocked")}</h2><p>${blocked}</p><p>${advice}</p>
    <p><a class="we-button we-primary" href="">${t("Try again")}</a></p>`;
  document.body.append(box);
}

function watchConnection(socket) {
  const others = socket.listeners("connect_error");
  let failed = 0;
  socket.off("connect_error");
  socket.on("connect_error", async (error) => {
    const isNeverLive = !window.did_handshake;
    if (!isNeverLive || error.message !== "timeout") for (const other of others) other(error);
    if (!isNeverLive || error.message === "Implicit handshake failed") return;
    failed += 1;
    if (failed < BLOCKED_AFTER && error.message !== "timeout") return;
    const answer = await fetch("/health/ready", { cache: "no-store" }).catch(() => null);
    if (answer?.ok && !window.did_handshake) sayBlocked(true);
  });
  socket.on("connect", () => sayBlocked(false));
}

(function waitForSocket() {
  if (window.socket) watchConnection(window.socket);
  else if (!document.body?.classList.contains("we-plain")) setTimeout(waitForSocket, SOCKET_WAIT_MS);
})();
