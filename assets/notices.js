// What everybody should know, on top of every page: an announcement, and that the chat is in maintenance.
//
// A page brings it in a <meta name="we-notices">, its socket tells what changes, and a page without a socket (where
// one signs in) asks once. All of it is text, never markup.
"use strict";

(() => {
  const { t } = weText;
  const ICONS = { info: "note", success: "done", warning: "incident", maintenance: "maintenance" };
  const WORDS = {
    info: t("Announcement"),
    success: t("Announcement"),
    warning: t("Warning"),
    maintenance: t("Maintenance"),
  };
  const sheet = document.querySelector('meta[name="we-icons"]').content;
  let box = null;

  function place() {
    if (box?.isConnected) return box;
    box = document.createElement("section");
    box.className = "we-notices";
    box.setAttribute("aria-label", t("Notices"));
    box.setAttribute("aria-live", "polite");
    box.dataset.testid = "notices";
    document.body.prepend(box);
    new ResizeObserver(() =>
      document.documentElement.style.setProperty("--we-notices", `${box.offsetHeight}px`),
    ).observe(box);
    return box;
  }

  function line(tone, text) {
    const row = document.createElement("p");
    row.className = `we-notice-line we-notice-${tone}`;
    row.dataset.testid = `notice-${tone === "maintenance" ? tone : "announcement"}`;
    const icon = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    icon.setAttribute("class", "we-icon");
    icon.setAttribute("aria-hidden", "true");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    use.setAttribute("href", `${sheet}#${ICONS[tone] ?? "note"}`);
    icon.append(use);
    const word = document.createElement("strong");
    word.textContent = WORDS[tone] ?? WORDS.info;
    const said = document.createElement("span");
    said.textContent = text;
    row.append(icon, word, said);
    return row;
  }

  function show({ announcement, tone, maintenance }) {
    if (!announcement && !maintenance && box === null) return;
    const lines = [];
    if (maintenance) lines.push(line("maintenance", maintenance));
    if (announcement) lines.push(line(tone, announcement));
    place().replaceChildren(...lines);
  }

  async function ask() {
    const answer = await fetch("/api/announcement").catch(() => null);
    if (answer?.ok) show(await answer.json());
  }

  onSocket("notices", show);
  document.addEventListener("DOMContentLoaded", () => {
    const brought = document.querySelector('meta[name="we-notices"]');
    if (brought) show(JSON.parse(brought.content));
    if (document.querySelector(".we-sign-in")) ask();
  });
})();
