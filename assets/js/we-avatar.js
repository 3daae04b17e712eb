// A bot's emoji, or its initials where the machine has no font for emoji (many servers and thin clients have none).

let hasFont = null;

/** Whether emoji come out in colour. Source: a glyph of a colour font paints pixels that are not grey. */
function hasEmojiFont() {
  if (hasFont !== null) return hasFont;
  const context = Object.assign(document.createElement("canvas"), { width: 20, height: 20 }).getContext("2d", {
    willReadFrequently: true,
  });
  context.font = "16px sans-serif, 'Noto Color Emoji'";
  context.textBaseline = "top";
  context.fillStyle = "#000";
  context.fillText("🌊", 0, 0);
  const { data } = context.getImageData(0, 0, 20, 20);
  hasFont = data.some((value, index) => index % 4 === 0 && (value !== data[index + 1] || value !== data[index + 2]));
  return hasFont;
}

/** A hue that stays with a name. */
export function hueOf(name) {
  let hash = 0;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

export function initials(title) {
  const words = title.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  return [words[0], words.length > 1 ? words.at(-1) : null]
    .map((word) => word?.[0] ?? "")
    .join("")
    .toUpperCase();
}

export const Avatar = {
  props: { name: String, title: String, emoji: String },
  computed: {
    isEmoji() {
      return Boolean(this.emoji) && hasEmojiFont();
    },
    text() {
      return this.isEmoji ? this.emoji : initials(this.title) || "?";
    },
    hue() {
      return hueOf(this.name);
    },
  },
  template: `<span class="we-avatar" :class="{ 'we-avatar-emoji': isEmoji }" :style="{ '--we-hue': hue }" aria-hidden="true">{{ text }}</span>`,
};
