// The bar of a bot's last health checks: one path a colour, so that five hundred bars stay light.
import { exactly, latency } from "we-format";
import { botStatus } from "we-status";
import { t } from "we-language";

export const SLOTS = 90;
const STEP = 4;
const WIDTH = 3;
const HEIGHT = 22;

export const Heartbeats = {
  props: { beats: Array },
  data: () => ({ tip: "" }),
  computed: {
    paths() {
      const offset = SLOTS - this.beats.length;
      const paths = {};
      this.beats.forEach(([, status], index) => {
        const colour = botStatus(status).tone;
        paths[colour] = (paths[colour] ?? "") + `M${(offset + index) * STEP} 0h${WIDTH}v${HEIGHT}h-${WIDTH}z`;
      });
      return paths;
    },
    empty() {
      const missing = SLOTS - this.beats.length;
      return Array.from(
        { length: missing },
        (_, slot) => `M${slot * STEP} ${HEIGHT / 2 - 2}h${WIDTH}v4h-${WIDTH}z`,
      ).join("");
    },
    label() {
      if (!this.beats.length) return t("No health checks yet");
      const online = this.beats.filter(([, status]) => status === "online").length;
      const count = this.beats.length;
      return t("Last {count} health checks: {online} online, {others} not", { count, online, others: count - online });
    },
  },
  methods: {
    point(event) {
      const box = event.currentTarget.getBoundingClientRect();
      const slot = Math.floor(((event.clientX - box.left) / box.width) * SLOTS) - (SLOTS - this.beats.length);
      const beat = this.beats[slot];
      this.tip = beat ? `${botStatus(beat[1]).label}, ${latency(beat[2])}, ${exactly(beat[0])}` : "";
    },
  },
  template: `
    <div class="we-beats" role="img" :aria-label="label" :title="tip || label" @mousemove="point">
      <svg viewBox="0 0 ${SLOTS * STEP} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
        <path v-if="empty" :d="empty" class="we-fill-none"></path>
        <path v-for="(d, colour) in paths" :key="colour" :d="d" :class="'we-fill-' + colour"></path>
      </svg>
    </div>`,
};
