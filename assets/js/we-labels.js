// The words, colours and icons that the server uses, too: `console/labels.py` puts them into the page's head.
import { t } from "we-language";

const WORDS = new Set(["label", "title"]);

/** The same with its words in the page's language; a word that stands for itself is one, too. */
const spoken = (value, key) => {
  if (typeof value === "string") return WORDS.has(key) && value ? t(value) : value;
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, spoken(one, name)]));
};

const told = spoken(JSON.parse(document.getElementById("we-labels").textContent));
const words = (table) => Object.fromEntries(Object.entries(table).map(([state, word]) => [state, t(word)]));
export const LABELS = { ...told, steps: words(told.steps), containers: words(told.containers) };
