// What is livelier with a script. Everything works without.

const live = () => document.querySelectorAll('[data-live]');

/** Moments are written in UTC; who points at one sees the time here. */
function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
  }
}

/** Fetches the page again and puts its live parts in place of those that are shown. Returns whether anything still moves. */
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!answer.ok || answer.redirected) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of live()) {
    const next = fresh.getElementById(part.id);
    // Whoever is in the middle of something there keeps it.
    if (next === null || part.contains(document.activeElement) || part.querySelector('details[open]')) continue;
    if (next.outerHTML !== part.dataset.shown) {
      next.dataset.shown = next.outerHTML;
      part.replaceWith(next);
      showLocalTimes(next);
    }
  }
}

function keepFresh() {
  const pace = Math.min(...[...live()].map((part) => Number(part.dataset.live)));
  if (!Number.isFinite(pace)) return;
  setTimeout(async () => {
    // A server that is gone for a moment is asked again.
    if (!document.hidden) await refresh().catch(() => undefined);
    keepFresh();
  }, pace * 1000);
}

showLocalTimes(document);
keepFresh();

/** A box that chooses all others of a name in its form. */
for (const all of document.querySelectorAll('[data-chooses]')) {
  all.hidden = false;
  all.addEventListener('change', () => {
    for (const box of all.form.querySelectorAll(`input[name="${all.dataset.chooses}"]`)) box.checked = all.checked;
  });
}
