// Dark or light: the system's preference until the reader chooses; applied before the first paint.
"use strict";

document.documentElement.lang ||= "en"; // NiceGUI's own pages say nothing of a language

const THEME_KEY = "we-theme";
const prefersDark = matchMedia("(prefers-color-scheme: dark)");

function chosenTheme() {
  try {
    return localStorage.getItem(THEME_KEY);
  } catch {
    return null; // storage is blocked: follow the system
  }
}

function applyTheme() {
  const isDark = (chosenTheme() ?? (prefersDark.matches ? "dark" : "light")) === "dark";
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  globalThis.setDark?.(isDark); // NiceGUI's own elements, once they are there
}

function toggleTheme() {
  const isDark = document.documentElement.dataset.theme === "dark";
  try {
    localStorage.setItem(THEME_KEY, isDark ? "light" : "dark");
  } catch {
    // not remembered, but shown
  }
  applyTheme();
}

document.documentElement.lang ||= "en"; // the frame around NiceGUI's pages does not say it
applyTheme();
prefersDark.addEventListener("change", applyTheme);
addEventListener("storage", (event) => event.key === THEME_KEY && applyTheme());
document.addEventListener("DOMContentLoaded", applyTheme);
