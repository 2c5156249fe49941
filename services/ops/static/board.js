// Keeps the board fresh: the server pushes it (server-sent events) when something has changed. Only parts that changed
// are replaced, so what is open stays open and what is read does not jump. Without this script the page reloads itself.
const live = document.getElementById("live");
const stale = document.getElementById("stale");
const patience = 5000; // until the page says that its figures are old
let source = null;
let late = null;

function listen() {
  if (document.hidden || source !== null) return;
  source = new EventSource(live.dataset.url);
  source.addEventListener("open", isFresh);
  source.addEventListener("error", isLate);
  source.addEventListener("board", (event) => {
    isFresh();
    const fresh = new DOMParser().parseFromString(event.data, "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) replace(part);
  });
}

function close() {
  source?.close();
  source = null;
}

function isFresh() {
  clearTimeout(late);
  late = null;
  stale.hidden = true;
}

function isLate() {
  late ??= setTimeout(() => { stale.hidden = false; }, patience);
  if (source?.readyState !== EventSource.CLOSED) return; // the browser opens it again by itself
  close();
  setTimeout(seeWhy, patience);
}

// The stream was refused: the session is over, or the service can't answer now.
async function seeWhy() {
  try {
    const answer = await fetch(live.dataset.url, { credentials: "same-origin" });
    if (answer.redirected) return location.reload(); // to the sign-in page and back
  } catch {
    // not there: listen tries again
  }
  listen();
}

function replace(part) {
  const old = live.querySelector(`[data-part="${part.dataset.part}"]`);
  if (old === null) return;
  for (const details of old.querySelectorAll("details[id]")) {
    const same = part.querySelector(`#${CSS.escape(details.id)}`);
    if (same !== null) same.open = details.open;
  }
  const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
  if (!old.isEqualNode(part)) {
    old.replaceWith(document.adoptNode(part));
    if (focused !== "") document.getElementById(focused)?.focus({ preventScroll: true });
  }
}

listen();
document.addEventListener("visibilitychange", () => (document.hidden ? close() : listen()));
window.addEventListener("pagehide", close);
window.addEventListener("pageshow", listen);
