// Keeps the page itself, so that it opens without a network. What it shows is never kept here: see app/offline.js.
const CACHE = `circadia-${"{{version}}"}`;
const SHELL = ["{{shell}}"];
const PAGES = /^\/($|day\/|trends$|sleep$|strain$|insights$|data$|settings$|admin$|welcome$)/;

const page = () => new Request("/", { headers: { Accept: "text/html" }, cache: "reload" });

// While a release is under way an older process may answer: it gives its own file, and does not call it immutable. Then
// nothing is kept, and the browser tries again later.
async function keep(cache, path) {
  const answer = await fetch(path);
  if (!answer.ok || !answer.headers.get("Cache-Control")?.includes("immutable")) throw new Error(`${path} is not of this version`);
  await cache.put(path, answer);
}

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => Promise.all([...SHELL.map((path) => keep(cache, path)), cache.add(page())]))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) {
    event.respondWith(caches.match(event.request).then((kept) => kept ?? fetch(event.request)));
  } else if (event.request.mode === "navigate" && PAGES.test(url.pathname)) {
    event.respondWith(fetch(event.request).catch(() => caches.match(page(), { ignoreVary: true })));
  }
});
