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

export const LANES = {
  person: "People waiting",
  webhook: "Webhooks",
  scheduled: "Schedule",
  reconcile: "Comparison",
  backfill: "History",
};
