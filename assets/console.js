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
