// Colours of a terminal as plain data: text stays text, nothing of a line is ever markup.

const CODES = /\x1b\[([\d;:]*)m/g;

/** [[text, classes], …] of a line with SGR codes. */
export function coloured(text) {
  if (!text.includes("\x1b")) return [[text, ""]];
  const parts = [];
  let colour = "";
  let isBold = false;
  let start = 0;
  const add = (end) => end > start && parts.push([text.slice(start, end), `${colour}${isBold ? " we-log-bold" : ""}`]);
  for (const found of text.matchAll(CODES)) {
    add(found.index);
    start = found.index + found[0].length;
    for (const code of found[1].split(/[;:]/).map(Number)) {
      if (code === 0) [colour, isBold] = ["", false];
      else if (code === 1) isBold = true;
      else if (code === 22) isBold = false;
      else if (code === 39) colour = "";
      else if (code >= 30 && code <= 37) colour = `we-ansi-${code - 30}`;
      else if (code >= 90 && code <= 97) colour = `we-ansi-${code - 90}`;
      else if (code === 38 || code === 48) break; // 256 and true colours: left out
    }
  }
  add(text.length);
  return parts;
}
