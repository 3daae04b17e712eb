// Forms that sign in: JSON to our own API, whose answer sets the HttpOnly cookie; then on to the page asked for.
"use strict";

/** The page asked for, if it is one of ours under `home`; anything else could lead to another site. */
function target(home) {
  const wanted = new URLSearchParams(location.search).get("next");
  // A page that shows the form in its own place, as the chat does, is opened again with what it was asked for.
  if (!wanted) return location.pathname === home ? home + location.search : home;
  if (!wanted.startsWith("/")) return home;
  const url = new URL(wanted, location.origin);
  const isOurs = url.origin === location.origin && (url.pathname === home || url.pathname.startsWith(home.replace(/\/$/, "") + "/"));
  return isOurs ? url.pathname + url.search : home;
}

/** Post JSON; resolves when it worked, rejects with a message to show. */
async function post(path, values) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(values),
    });
  } catch {
    throw new Error("The server cannot be reached. Please try again.");
  }
  if (response.ok) return;
  const answer = await response.json().catch(() => null);
  throw new Error(answer?.error?.message ?? "Something went wrong on our side.");
}

function picked(form, names) {
  const values = {};
  for (const name of names) {
    const value = form.elements[name]?.value;
    if (value) values[name] = value;
  }
  return values;
}

for (const form of document.querySelectorAll("form[data-sign-in]")) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const error = form.querySelector(".we-form-error");
    const button = form.querySelector("button[type=submit]");
    error.textContent = "";
    button.disabled = true;
    try {
      if (form.dataset.first) {
        await post(form.dataset.first, picked(form, ["code", "username", "password"]));
        delete form.dataset.first; // spent: a second try only signs in
      }
      await post(form.dataset.signIn, picked(form, ["username", "display_name", "password", "totp"]));
      location.assign(target(form.dataset.home));
    } catch (failure) {
      error.textContent = failure.message;
      button.disabled = false;
      form.querySelector("input[type=password]")?.select();
    }
  });
}
