// Signing out, also without a connection. The cookie of a session is out of reach of scripts, so what counts until the
// server has ended it is a mark in this browser: whoever opens a page meanwhile sees that they are signed out, and the
// session is ended before anything else. In a page's head only the texts that it shows stand before it.
"use strict";

// NiceGUI's script reads this storage before anything else, and a page where that fails stays dead. What is kept in the
// stand-in lives as long as the page.
try {
  sessionStorage.setItem("we-probe", "1");
  sessionStorage.removeItem("we-probe");
} catch {
  Object.defineProperty(window, "sessionStorage", { configurable: true, value: {} });
}

const SIGNED_OUT = "we-signed-out";
const PATIENCE_MS = 1_500; // so long the page may stay as it is
const MARK_S = 365 * 24 * 3600; // about as long as browsers keep a cookie
const AGAIN_MS = 3_000;
const LIMIT_MS = 10_000; // an answer that comes later is none
const home = () => (location.pathname.startsWith("/admin") ? "/admin/login" : "/");

function markSignedOut(is) {
  try {
    // In a cookie, too, which has room when the storage is full, and outlives its being cleared.
    document.cookie = `${SIGNED_OUT}=1; Path=/; SameSite=Strict; Max-Age=${is ? MARK_S : 0}`;
    if (is) localStorage.setItem(SIGNED_OUT, String(Date.now()));
    else localStorage.removeItem(SIGNED_OUT);
  } catch {
    // blocked: it counts for as long as this page is open
  }
}

function isMarkedSignedOut() {
  try {
    return document.cookie.split("; ").includes(`${SIGNED_OUT}=1`) || localStorage.getItem(SIGNED_OUT) !== null;
  } catch {
    return false;
  }
}

/** Have the server end the session; resolves to whether it has. */
async function endSession() {
  try {
    const answer = await fetch("/api/logout", { method: "POST", signal: AbortSignal.timeout(LIMIT_MS) });
    return answer.ok || answer.status === 401;
  } catch {
    return false;
  }
}

/** The texts of the page's language, also where the page ended before it had them. */
async function texts() {
  const address = document.querySelector(`meta[name="we-catalogue-${document.documentElement.lang}"]`)?.content;
  if (address && !globalThis.weCatalogue) {
    const script = Object.assign(document.createElement("script"), { src: address });
    await new Promise((resolve) => {
      script.onload = script.onerror = resolve;
      document.head.append(script);
    });
  }
  return weText;
}

let isShown = false;

/** Show that one is signed out, in place of everything, and go on trying to end the session. */
async function showSignedOut() {
  if (isShown) return;
  isShown = true;
  window.socket?.disconnect();
  document.body.replaceChildren();
  const { t } = await texts();
  document.title = t("Signed out");
  document.body.className = "we-plain";
  const state = t(
    "The server can’t be reached right now. Nothing from your account is shown on this device, and your session ends as soon as you're back online.",
  );
  document.body.innerHTML = `<main class="we-sign-in we-signed-out" data-testid="signed-out">
      <div><h1>${t("You’re signed out")}</h1><p class="we-muted" role="status">${state}</p></div>
      <button type="button" class="we-button we-primary">${t("Try now")}</button></main>`;
  document.querySelector(".we-signed-out button").addEventListener("click", endSoon);
}

let isEnding = false;
let isSigningOut = false; // this page is on its way to where one signs in

async function endSoon() {
  if (isEnding) return;
  isEnding = true;
  const isEnded = await endSession();
  isEnding = false;
  if (!isEnded) return void setTimeout(endSoon, AGAIN_MS);
  markSignedOut(false);
  location.replace(home());
}

function signOut() {
  isSigningOut = true;
  markSignedOut(true);
  endSoon();
  setTimeout(showSignedOut, navigator.onLine ? PATIENCE_MS : 0);
}

addEventListener("online", () => isMarkedSignedOut() && endSoon());
// Signed out in another tab: nothing stays in this one.
addEventListener("storage", ({ key, newValue }) => {
  if (key !== SIGNED_OUT) return;
  if (newValue === null) return location.replace(home());
  showSignedOut();
  setTimeout(() => isMarkedSignedOut() && endSoon(), AGAIN_MS); // that tab may be closed by then
});
addEventListener("pageshow", ({ persisted }) => persisted && isMarkedSignedOut() && location.reload());

if (isMarkedSignedOut()) {
  document.write("<plaintext hidden>"); // the rest of the page is text, and runs nothing
  endSoon();
  addEventListener("DOMContentLoaded", showSignedOut);
}
