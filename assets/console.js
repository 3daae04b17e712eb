// What the frame of every page does in the browser.
"use strict";

let isSigningOut = false;

async function signOut() {
  const home = location.pathname.startsWith("/admin") ? "/admin/login" : "/";
  isSigningOut = true;
  try {
    await fetch("/api/logout", { method: "POST" });
  } finally {
    location.assign(home);
  }
}

/** The server says that the session of this page has ended: signing in leads back to the address it is at now. */
function sessionEnded() {
  // Whoever signs out is on the way already, and not to come back here.
  if (!isSigningOut) location.reload();
}

const FRAME_ACTIONS = { theme: () => toggleTheme(), "sign-out": signOut };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-we]");
  if (button) FRAME_ACTIONS[button.dataset.we]?.();
});

// A form of filters: what is not filled in does not show in the address.
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-we-filters]")) return;
  for (const control of event.target.elements) if (control.name && !control.value) control.disabled = true;
});
addEventListener("pageshow", () => {
  for (const control of document.querySelectorAll("[data-we-filters] [disabled]")) control.disabled = false;
});
