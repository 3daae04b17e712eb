/** How well `text` fits what was typed: null when a letter is missing, else the higher the better. */
export function fit(text, typed) {
  const hay = text.toLowerCase();
  if (!typed) return 0;
  const at = hay.indexOf(typed);
  if (at >= 0) return 100 - at - hay.length / 100 + (at === 0 || hay[at - 1] === " " ? 50 : 0);
  let from = 0;
  for (const letter of typed.replaceAll(" ", "")) {
    from = hay.indexOf(letter, from) + 1;
    if (from === 0) return null;
  }
  return -hay.length / 100;
}
