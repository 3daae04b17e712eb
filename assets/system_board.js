// The System page: this service's processes, requests, workers and slow statements, and what it stands on.
//
// The server pushes everything every two seconds as one "system" message, the same for all viewers.
import { ago, exactly, latency, span } from "we-format";

const STALE_S = 10;
const MIB = 1024 * 1024;

function bytes(value) {
  if (value < MIB) return `${Math.max(0, value / 1024).toFixed(0)} KiB`;
  if (value < 1024 * MIB) return `${(value / MIB).toFixed(1)} MiB`;
  return `${(value / 1024 / MIB).toFixed(2)} GiB`;
}

function rate(value) {
  if (value >= 10) return value.toFixed(0);
  return value >= 0.1 ? value.toFixed(1) : value > 0 ? "<0.1" : "0";
}

export default {
  props: { icons: String },
  data: () => ({ view: null, now: Date.now() / 1000, skewS: 0, isConnected: true, text: "" }),
  computed: {
    banner() {
      if (!this.isConnected || this.now - this.view.at > STALE_S) {
        return {
          tone: "idle",
          icon: "unknown",
          label: "Connection lost",
          text: "Trying again; the figures below are the last known.",
        };
      }
      const late = this.workers.filter((worker) => worker.is_late);
      const blocked = this.view.processes.filter((process) =>
        process.blocked.some((block) => this.now - block.at < 300),
      );
      const troubles = [...this.view.problems];
      if (late.length) troubles.push(`Late: ${late.map((worker) => worker.name).join(", ")}.`);
      if (blocked.length) {
        troubles.push(
          `Event loop stalls in the last five minutes (${blocked.map((p) => p.host + " " + p.pid).join(", ")}).`,
        );
      }
      if (!this.view.processes.some((process) => process.is_leader)) {
        troubles.push("No process leads: bots are not checked.");
      }
      if (troubles.length) {
        return { tone: "warn", icon: "degraded", label: "Needs attention", text: troubles.join(" ") };
      }
      const count = this.view.processes.length;
      return {
        tone: "ok",
        icon: "online",
        label: "Healthy",
        text: `${count} ${count === 1 ? "process" : "processes"}, every worker on time.`,
      };
    },
    workers() {
      return this.view.processes.flatMap((process) => process.workers.map((worker) => ({ ...worker, process })));
    },
    routes() {
      const several = this.view.processes.length > 1;
      const text = this.text.trim().toLowerCase();
      return this.view.processes
        .flatMap((process) =>
          process.routes.map((route) => ({ ...route, where: several ? `${process.host} ${process.pid}` : "" })),
        )
        .filter((route) => !text || route.route.toLowerCase().includes(text))
        .sort((a, b) => b.count - a.count)
        .slice(0, 60);
    },
    lanes() {
      return this.view.processes.flatMap((process) => process.lanes.map((lane) => ({ ...lane, pid: process.pid })));
    },
    blocks() {
      return this.view.processes
        .flatMap((process) => process.blocked.map((block) => ({ ...block, where: `${process.host} ${process.pid}` })))
        .sort((a, b) => b.at - a.at);
    },
    requestRate() {
      return this.view.processes.flatMap((process) => process.routes).reduce((sum, route) => sum + route.rate_per_s, 0);
    },
    cards() {
      const all = this.view.processes;
      const sum = (key) => all.reduce((total, process) => total + process[key], 0);
      const most = (key) => Math.max(...all.map((process) => process[key]));
      return [
        ["WebSockets", sum("websockets"), "open chat connections"],
        ["Answers", sum("messages_running"), `under way, ${sum("calls_waiting")} waiting for a bot`],
        ["Requests", `${rate(this.requestRate)}/s`, "over the last five minutes"],
        ["Loop lag p99", latency(most("lag_p99_ms")), `longest of a minute: ${latency(most("lag_max_ms"))}`],
        ["Memory", bytes(sum("memory_bytes")), "of all processes"],
        ["CPU", `${sum("cpu_percent").toFixed(0)}%`, "of one processor"],
      ];
    },
    isMigrated() {
      return this.view.database.migration === this.view.database.migration_head;
    },
  },
  mounted() {
    this.$nextTick(() => {
      window.socket.on("system", this.receive);
      window.socket.on("connect", this.connected);
      window.socket.on("disconnect", this.disconnected);
    });
    this.timer = setInterval(() => (this.now = Date.now() / 1000 + this.skewS), 1000);
  },
  unmounted() {
    clearInterval(this.timer);
    window.socket?.off("system", this.receive);
    window.socket?.off("connect", this.connected);
    window.socket?.off("disconnect", this.disconnected);
  },
  methods: {
    ago,
    bytes,
    exactly,
    latency,
    rate,
    span,
    receive(view) {
      this.skewS = view.at - Date.now() / 1000;
      this.now = view.at;
      this.isConnected = true;
      this.view = Object.freeze(view);
    },
    connected() {
      this.isConnected = true;
    },
    disconnected() {
      this.isConnected = false;
    },
    workerState(worker) {
      if (!worker.is_running) return { tone: "idle", icon: "offline", word: "ended" };
      if (worker.is_late) return { tone: "bad", icon: "degraded", word: "late" };
      return { tone: "ok", icon: "online", word: worker.interval_s === null ? "waiting" : "on time" };
    },
    breakerTone(lane) {
      return { closed: "ok", half_open: "warn", open: "bad" }[lane.breaker] ?? "idle";
    },
  },
  template: `
    <div class="we-board we-system" :aria-busy="view === null" data-testid="system">
      <div v-if="view === null" class="we-skeleton" role="status" aria-label="Loading">
        <div class="we-bone we-bone-banner"></div>
        <div class="we-cards"><div v-for="n in 6" :key="n" class="we-bone we-bone-card"></div></div>
        <div class="we-bone we-bone-table"></div>
      </div>
      <template v-else>
        <section class="we-banner" :class="'we-tone-' + banner.tone" role="status" data-testid="system-banner">
          <span class="we-status" :class="'we-status-' + banner.tone"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#' + banner.icon"></use></svg>
            <span>{{ banner.label }}</span></span><span class="we-headline">{{ banner.text }}</span>
        </section>
        <section class="we-cards we-figures" aria-label="In short">
          <div v-for="[label, value, note] in cards" :key="label" class="we-card"><span class="we-muted">{{ label }}</span>
            <strong class="we-figure">{{ value }}</strong><span class="we-card-note">{{ note }}</span></div>
        </section>
        <div class="we-panels">
          <section class="we-panel we-wide"><h2>Processes</h2>
            <div class="we-scroll" tabindex="0" aria-label="Processes"><table class="we-list" data-testid="processes">
              <thead><tr><th scope="col">Process</th><th scope="col">Role</th><th scope="col">Version</th><th scope="col" class="we-number">Up for</th>
                <th scope="col" class="we-number">WebSockets</th><th scope="col" class="we-number">Answers</th><th scope="col" class="we-number">Lag p50</th>
                <th scope="col" class="we-number">p99</th><th scope="col" class="we-number">Longest</th><th scope="col" class="we-number">Blocked</th>
                <th scope="col" class="we-number">CPU</th><th scope="col" class="we-number">Memory</th><th scope="col" class="we-number">Database pool</th><th scope="col">Wake-ups</th></tr></thead>
              <tbody><tr v-for="p in view.processes" :key="p.instance_id">
                <th scope="row">{{ p.host }} <span class="we-muted">{{ p.pid }}</span></th>
                <td><span class="we-status" :class="p.is_leader ? 'we-status-busy' : 'we-status-idle'"><svg class="we-icon" aria-hidden="true"><use :href="icons + (p.is_leader ? '#key' : '#online')"></use></svg>
                  <span>{{ p.is_leader ? 'leads' : 'serves' }}</span></span></td>
                <td>{{ p.version }}</td>
                <td class="we-number" :title="exactly(p.started_at)">{{ span(now - p.started_at) }}</td>
                <td class="we-number">{{ p.websockets }}</td>
                <td class="we-number">{{ p.messages_running }}</td>
                <td class="we-number">{{ latency(p.lag_p50_ms) }}</td>
                <td class="we-number">{{ latency(p.lag_p99_ms) }}</td>
                <td class="we-number">{{ latency(p.lag_max_ms) }}</td>
                <td class="we-number" :class="{ 'we-status-bad': p.blocked_count }">{{ p.blocked_count }}</td>
                <td class="we-number">{{ p.cpu_percent.toFixed(0) }}%</td>
                <td class="we-number">{{ bytes(p.memory_bytes) }}</td>
                <td class="we-number" :title="'fast lane: ' + p.pool.fast_open + ' open, ' + p.pool.fast_idle + ' idle'">{{ p.pool.used }} used, {{ p.pool.idle }} idle of {{ p.pool.size }}</td>
                <td>{{ p.realtime }}</td></tr></tbody></table></div>
          </section>

          <section v-if="blocks.length" class="we-panel we-wide"><h2>Event loop stalls</h2>
            <details v-for="block in blocks" :key="block.where + block.at" class="we-block" data-testid="blocked"><summary>
              <span class="we-status we-status-bad"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#degraded'"></use></svg>
                <span>{{ latency(1000 * block.duration_s) }}</span></span> <span :title="exactly(block.at)">{{ ago(block.at, now) }}</span>
              <span class="we-muted">{{ block.where }}</span></summary><pre class="we-stack">{{ block.stack || 'It was over before it could be looked at.' }}</pre></details>
          </section>

          <section class="we-panel we-wide"><h2>Requests <span class="we-muted">last five minutes</span></h2>
            <label class="we-filter"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#search'"></use></svg>
              <input v-model="text" type="search" placeholder="Find a route" aria-label="Find a route"></label>
            <p v-if="!routes.length" class="we-muted">{{ text ? 'No route matches.' : 'Nothing was asked for yet.' }}</p>
            <div v-else class="we-scroll" tabindex="0" aria-label="Requests by route"><table class="we-list" data-testid="routes">
              <thead><tr><th scope="col">Route</th><th scope="col" class="we-number">Requests</th><th scope="col" class="we-number">per s</th><th scope="col" class="we-number">p50</th>
                <th scope="col" class="we-number">p95</th><th scope="col" class="we-number">p99</th><th scope="col" class="we-number">Errors</th></tr></thead>
              <tbody><tr v-for="route in routes" :key="route.where + route.route"><th scope="row"><code>{{ route.route }}</code> <span class="we-muted">{{ route.where }}</span></th>
                <td class="we-number">{{ route.count }}</td><td class="we-number">{{ rate(route.rate_per_s) }}</td><td class="we-number">{{ latency(route.p50_ms) }}</td>
                <td class="we-number">{{ latency(route.p95_ms) }}</td><td class="we-number">{{ latency(route.p99_ms) }}</td>
                <td class="we-number" :class="{ 'we-status-bad': route.errors }">{{ route.errors }}</td></tr></tbody></table></div>
          </section>

          <section class="we-panel"><h2>Background workers <span class="we-muted we-number">{{ workers.length }}</span></h2>
            <div class="we-scroll we-tall" tabindex="0" aria-label="Background workers"><table class="we-list" data-testid="workers">
              <thead><tr><th scope="col">Worker</th><th scope="col">State</th><th scope="col" class="we-number">Heartbeat</th><th scope="col" class="we-number">Failures</th></tr></thead>
              <tbody><tr v-for="worker in workers" :key="worker.process.instance_id + worker.name" :data-testid="'worker-' + worker.name">
                <th scope="row"><div class="we-two"><span>{{ worker.name.replaceAll('_', ' ') }}</span>
                  <span v-if="view.processes.length > 1" class="we-muted">{{ worker.process.host }} {{ worker.process.pid }}</span></div></th>
                <td><span class="we-status" :class="'we-status-' + workerState(worker).tone"><svg class="we-icon" aria-hidden="true"><use :href="icons + '#' + workerState(worker).icon"></use></svg>
                  <span>{{ workerState(worker).word }}</span></span></td>
                <td class="we-number" :title="exactly(worker.beat_at)">{{ worker.interval_s === null ? '–' : ago(worker.beat_at, now) }}</td>
                <td class="we-number" :title="worker.error ? exactly(worker.failed_at) + ': ' + worker.error : ''">{{ worker.failures || '–' }}
                  <div v-if="worker.error" class="we-long we-status-bad">{{ worker.error }}</div></td></tr></tbody></table></div>
          </section>

          <section class="we-panel"><h2>Slow statements</h2>
            <p v-if="!view.slow_queries.length" class="we-muted">None since the start. What counts as slow is <code>SLOW_QUERY_MS</code>, on the <a class="we-anchor" href="/admin/settings">Settings</a> page.</p>
            <div v-else class="we-scroll we-tall" tabindex="0" aria-label="Slow statements"><table class="we-list" data-testid="slow-queries">
              <thead><tr><th scope="col">Statement</th><th scope="col" class="we-number">Times</th><th scope="col" class="we-number">Total</th><th scope="col" class="we-number">Longest</th><th scope="col" class="we-number">Last</th></tr></thead>
              <tbody><tr v-for="query in view.slow_queries" :key="query.statement"><td class="we-grow"><details class="we-statement"><summary><code class="we-cut">{{ query.statement }}</code></summary><code>{{ query.statement }}</code></details></td>
                <td class="we-number">{{ query.count }}</td><td class="we-number">{{ latency(1000 * query.total_s) }}</td><td class="we-number">{{ latency(1000 * query.max_s) }}</td>
                <td class="we-number" :title="exactly(query.last_at)">{{ ago(query.last_at, now) }}</td></tr></tbody></table></div>
          </section>

          <section class="we-panel"><h2>PostgreSQL</h2>
            <p v-if="!view.database" class="we-muted">It does not answer.</p>
            <template v-else><dl class="we-facts">
              <dt>Version</dt><dd>{{ view.database.version }}</dd><dt>Size</dt><dd>{{ bytes(view.database.size_bytes) }}</dd>
              <dt>Connections</dt><dd>{{ view.database.connections }} of {{ view.database.max_connections }}</dd>
              <dt>Migration</dt><dd data-testid="migration"><span class="we-status" :class="isMigrated ? 'we-status-ok' : 'we-status-bad'"><svg class="we-icon" aria-hidden="true"><use :href="icons + (isMigrated ? '#online' : '#degraded')"></use></svg>
                <span>{{ view.database.migration }}{{ isMigrated ? ', the newest' : ', but the code expects ' + view.database.migration_head }}</span></span></dd></dl>
            <div class="we-scroll" tabindex="0" aria-label="Biggest tables"><table class="we-list"><thead><tr><th scope="col">Biggest tables</th><th scope="col" class="we-number">Rows, about</th><th scope="col" class="we-number">Size</th></tr></thead>
              <tbody><tr v-for="table in view.database.tables" :key="table.name"><th scope="row"><code>{{ table.name }}</code></th><td class="we-number">{{ table.rows.toLocaleString() }}</td>
                <td class="we-number">{{ bytes(table.size_bytes) }}</td></tr></tbody></table></div></template>
          </section>

          <section class="we-panel"><h2>Redis, bots and versions</h2>
            <p v-if="!view.redis" class="we-muted">Redis does not answer.</p>
            <dl v-else class="we-facts"><dt>Redis</dt><dd>{{ view.redis.version }}</dd><dt>Memory</dt><dd>{{ bytes(view.redis.memory_bytes) }}</dd><dt>Clients</dt><dd>{{ view.redis.clients }}</dd>
              <dt>Keys</dt><dd>{{ view.redis.keys }}</dd><dt>Commands</dt><dd>{{ view.redis.operations_per_s }}/s</dd><dt>Up for</dt><dd>{{ span(view.redis.uptime_s) }}</dd></dl>
            <h3>Lanes to bots</h3>
            <p v-if="!lanes.length" class="we-muted">No calls under way, every breaker is closed.</p>
            <dl v-else class="we-facts"><template v-for="lane in lanes" :key="lane.pid + lane.bot_name"><dt>{{ lane.bot_name }}</dt>
              <dd>{{ lane.in_flight }} of {{ lane.slots }} calls, {{ lane.waiting }} waiting, <span :class="'we-status-' + breakerTone(lane)">breaker {{ lane.breaker.replace('_', '-') }}</span></dd></template></dl>
            <h3>Versions</h3>
            <dl class="we-facts"><template v-for="(version, name) in view.versions" :key="name"><dt>{{ name }}</dt><dd>{{ version }}</dd></template></dl>
          </section>
        </div>
      </template>
    </div>`,
};
