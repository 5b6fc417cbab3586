// What record types, scopes and states are called for people.

export const TYPES = {
  recovery: "Recovery",
  sleep: "Sleep and naps",
  cycle: "Strain",
  workout: "Workouts",
  profile: "Profile",
  body_measurement: "Body",
};

export const SCOPES = {
  "read:recovery": ["Recovery", "score, HRV, resting heart rate, blood oxygen, skin temperature"],
  "read:sleep": ["Sleep", "stages, need, performance, naps"],
  "read:cycles": ["Strain", "day strain, energy, heart rate"],
  "read:workout": ["Workouts", "sport, duration, strain, zones"],
  "read:profile": ["Profile", "name and e-mail address"],
  "read:body_measurement": ["Body", "height, weight, highest heart rate"],
  offline: ["Lasting access", "so that new days arrive while you are away"],
};

export const TYPE_STATES = {
  ok: ["Up to date", "good"],
  new: ["Not fetched yet"],
  failing: ["Failing", "bad"],
  scope_missing: ["Not allowed", "warn"],
  parked: ["Waits for WHOOP", "warn"],
  not_connected: ["Not connected"],
};

export const CONNECTIONS = {
  connected: ["Connected", "good"],
  needs_reconnect: ["Needs to reconnect", "bad"],
  not_connected: ["Not connected"],
};

export const STANDINGS = {
  needs_reconnect: ["Needs to reconnect", "bad"],
  deletions_held: ["Deletions held back", "bad"],
  failing: ["Failing", "bad"],
  webhooks_parked: ["Webhooks given up", "warn"],
  stale: ["Older than a day", "warn"],
  paused: ["History paused"],
  history_arriving: ["History arriving"],
  not_connected: ["Not connected"],
  ok: ["Fine", "good"],
};

export const RUNS = { sync: "Sync", backfill: "History", reconcile: "Comparison with WHOOP", import: "Import" };

// What a person does here about a finding, where the advice for whoever runs the installation names a command.
export const REMEDIES = {
  not_connected: "Connect WHOOP, under Connection, or import an export.",
  token_gone: "Connect again, under Connection.",
  token_not_renewable: "Connect again, under Connection, and leave lasting access ticked.",
  token_unanswered: "It settles by itself at the next sync; Sync now does it at once.",
  token_expired: "It is renewed by itself at the next sync; Sync now does it at once.",
  overdue: "Sync now asks at once. If it happens again, tell whoever runs this installation.",
  no_worker: "Whoever runs this installation has to look: nothing is fetched until a worker is up.",
  sync_on_request: "Turn on automatic sync in Settings, or use Sync now.",
  plan_manual: "Use Sync now, or ask whoever runs this installation for automatic sync.",
  history_paused: "Go on with it under History.",
  history_failed: "It is tried again by itself. If it does not help, tell whoever runs this installation.",
  webhooks_absent: "Nothing is lost: asking brings everything, only later. Whoever runs this installation can set webhooks up.",
  webhooks_waiting: "Sync now brings what they tell of.",
  no_record: "If you wore the strap, open the WHOOP app so that it uploads, then use Sync now.",
};

export const LANES = {
  person: "People waiting",
  webhook: "Webhooks, newly connected",
  scheduled: "Schedule",
  reconcile: "Comparison",
  backfill: "History",
};
