// A card for one dependency: status, answer time, and how that went lately.
import { ago, exactly, latency, span } from "we-format";
import { StatusMark, serviceStatus } from "we-status";
import { SPEAKING, nt, t } from "we-language";

const WIDTH = 120;
const HEIGHT = 28;

const Sparkline = {
  props: { values: Array },
  computed: {
    top() {
      return Math.max(1, ...this.values.filter((value) => value !== null)) * 1.1;
    },
    line() {
      const step = WIDTH / Math.max(1, this.values.length - 1);
      let isDrawing = false;
      return this.values
        .map((value, index) => {
          if (value === null) {
            isDrawing = false;
            return "";
          }
          const command = isDrawing ? "L" : "M";
          isDrawing = true;
          return `${command}${(index * step).toFixed(1)} ${(HEIGHT - 2 - (value / this.top) * (HEIGHT - 4)).toFixed(1)}`;
        })
        .join("");
    },
    gaps() {
      const step = WIDTH / Math.max(1, this.values.length - 1);
      return this.values
        .map((value, index) => (value === null ? `M${(index * step).toFixed(1)} 0v${HEIGHT}` : ""))
        .join("");
    },
  },
  template: `
    <svg class="we-spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" aria-hidden="true">
      <path :d="gaps" class="we-spark-gap"></path><path :d="line" class="we-spark-line"></path>
    </svg>`,
};

export const ServiceCard = {
  components: { Sparkline, StatusMark },
  mixins: [SPEAKING],
  props: { service: Object, now: Number, isStale: Boolean },
  computed: {
    shown() {
      return this.isStale && this.service.status !== "not_configured" ? "unknown" : this.service.status;
    },
    status() {
      const status = serviceStatus(this.shown, this.service.fault);
      return this.service.role === "job" && this.shown === "healthy" ? { ...status, label: t("Done") } : status;
    },
    href() {
      const { container, name } = this.service;
      return container ? `/admin/parts/${encodeURIComponent(container)}` : `/admin/services/${name}`;
    },
    hasLatency() {
      return !this.service.container || this.service.latency_ms !== null;
    },
    note() {
      if (this.shown === "not_configured") return t("Set its address to monitor it");
      if (this.shown === "healthy" || this.shown === "stopped") return "";
      const seen = this.service.seen_at
        ? t("last seen {when}", { when: ago(this.service.seen_at, this.now) })
        : t("never seen");
      return (this.shown === "unhealthy" && this.service.error) || seen;
    },
    exact() {
      return this.service.checked_at ? t("Checked {when}", { when: exactly(this.service.checked_at) }) : "";
    },
    /** A queue of workers has jobs in the place of an answer time. */
    jobs() {
      const queue = this.service.queue;
      return queue ? nt("{count} job", "{count} jobs", queue.depth) : "";
    },
    oldest() {
      const waited = this.service.queue?.oldest_s;
      if (typeof waited !== "number") return t("No job is waiting");
      return t("Oldest job waiting for {duration}", { duration: span(waited) });
    },
    percentiles() {
      return ["p50", "p95", "p99"].map((name, index) => [name, latency(this.service.percentiles_ms[index])]);
    },
  },
  methods: { latency },
  template: `
    <article class="we-card" :data-testid="'service-' + service.name" :data-status="shown" :title="exact">
      <div class="we-card-head"><h3><a class="we-row-link" :href="href">{{ t(service.title) }}</a></h3><StatusMark :of="status" /></div>
      <div v-if="note" class="we-card-note" :title="note">{{ note }}</div>
      <div v-else-if="hasLatency" class="we-card-figures">
        <Sparkline :values="service.latencies_ms" /><span class="we-number">{{ jobs || latency(service.latency_ms) }}</span>
      </div>
      <div v-if="service.container" class="we-card-note" :title="service.container">{{ service.container }}</div>
      <div v-else-if="jobs && shown !== 'not_configured'" class="we-card-percentiles"><span>{{ oldest }}</span></div>
      <div v-else-if="shown !== 'not_configured'" class="we-card-percentiles" :title="t('Last hour')">
        <span v-for="[name, value] in percentiles" :key="name"><span class="we-muted">{{ name }}</span> {{ value }}</span></div>
    </article>`,
};
