// What the frame of every page does in the browser.
"use strict";

async function signOut() {
  const home = location.pathname.startsWith("/admin") ? "/admin/login" : "/";
  try {
    await fetch("/api/logout", { method: "POST" });
  } finally {
    location.assign(home);
  }
}

const FRAME_ACTIONS = { theme: () => toggleTheme(), "sign-out": signOut };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-we]");
  if (button) FRAME_ACTIONS[button.dataset.we]?.();
});

// How all is: the badges of the menu and the title of the tab. The page brings it, and its socket tells what changes.
const PULSE_WORDS = { degraded: "Degraded", critical: "Critical" };
const BADGE_WORDS = {
  fleet: (count) => `${count} ${count === 1 ? "needs" : "need"} attention`,
  incidents: (count) => `${count} open`,
  alerts: (count) => `${count} firing`,
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

/** From the moment that NiceGUI makes its socket: the first thing that is told comes with the connection. */
function followPulse() {
  let made = window.socket;
  made?.on("pulse", showPulse);
  Object.defineProperty(window, "socket", {
    configurable: true,
    get: () => made,
    set(socket) {
      made = socket;
      socket?.on("pulse", showPulse);
    },
  });
}

followPulse();
addEventListener("DOMContentLoaded", () => {
  const brought = document.querySelector('meta[name="we-pulse"]');
  if (brought) showPulse(JSON.parse(brought.content));
});

// A form of filters: what is not filled in does not show in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-we-filters]")) return;
  for (const control of event.target.elements) if (control.name && !control.value) control.disabled = true;
});
addEventListener("pageshow", () => {
  for (const control of document.querySelectorAll("[data-we-filters] [disabled]")) control.disabled = false;
});
