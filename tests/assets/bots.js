// Bots as the server tells of them, see console/live/fleet_snapshots.py.

export const NOW = 1_800_000_000;

export const bot = (changes = {}) => ({
  name: "elena",
  title: "Elena",
  description: "",
  emoji: "",
  port: 9091,
  contract: "v1",
  status: "online",
  faults: [],
  checked_at: NOW - 2,
  seen_at: NOW - 2,
  latency_ms: 12,
  error: null,
  breaker: "closed",
  calls: [0, 4, 0],
  container: null,
  restart: null,
  figures: null,
  usage: null,
  synthetic_check: null,
  policy: null,
  cause: null,
  is_declared: true,
  beats: [],
  ...changes,
});

export const container = (changes = {}) => ({
  name: "whisper-elena",
  kind: "container",
  state: "running",
  health: null,
  image: "registry.example/bots/elena:2",
  is_managed: true,
  started_at: NOW - 3600,
  exit_code: null,
  oom_killed: false,
  restart_count: 0,
  ...changes,
});

export const restart = (changes = {}) => ({
  id: "1",
  action: "restart",
  state: "stopping",
  by: "alice",
  requested_at: NOW - 5,
  finished_at: null,
  estimate_s: 20,
  duration_s: null,
  error: null,
  ...changes,
});
