// Keeps the board fresh without loading the page again. Only parts that changed are replaced,
// so what is open stays open and what is being read does not jump. Without this script the page reloads itself.
const live = document.getElementById("live");
const stale = document.getElementById("stale");
const pause = 2000;

async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await fetch(live.dataset.url, { headers: { accept: "text/html" }, credentials: "same-origin" });
    if (answer.redirected) return location.reload(); // the session is over: to the sign-in page and back
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of fresh.querySelectorAll("[data-part]")) replace(part);
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
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

async function forever() {
  await refresh();
  setTimeout(forever, pause);
}

setTimeout(forever, pause);
document.addEventListener("visibilitychange", refresh);
