// What the frame of every page does in the browser.
"use strict";

const FRAME_ACTIONS = { theme: () => toggleTheme(), "sign-out": () => signOut() };

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
