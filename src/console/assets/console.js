// What is livelier with a script. Everything works without.

const live = () => document.querySelectorAll('[data-live]');

/** Moments are written in UTC; who points at one sees the time here. */
function showLocalTimes(root) {
  for (const time of root.querySelectorAll('time[datetime]')) {
    time.title = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'long' });
  }
}

/** Each live part as the server wrote it, so that what did not change is neither replaced nor read out again. */
const shown = new Map();

/** Fetches the page again and puts its live parts in place of those that are shown. */
async function refresh() {
  const answer = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (answer.redirected) throw new Error('You were signed out.');
  if (!answer.ok) throw new Error(`The service answers ${answer.status}.`);
  const fresh = new DOMParser().parseFromString(await answer.text(), 'text/html');
  for (const part of live()) {
    const next = fresh.getElementById(part.id);
    // Whoever is in the middle of something there keeps it.
    if (next === null || part.contains(document.activeElement) || part.querySelector('details[open]')) continue;
    const html = next.outerHTML;
    if (html === shown.get(part.id)) continue;
    shown.set(part.id, html);
    part.replaceWith(next);
    showLocalTimes(next);
  }
}

const stale = document.createElement('p');
stale.className = 'notice warn';
stale.setAttribute('role', 'status');
let freshAt = new Date();

/** What is shown may be old, and says so: from the second time on, since one request may fail by itself. */
function showAge(failures, thrown) {
  if (failures < 2) return stale.remove();
  const since = `${freshAt.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  const why = thrown instanceof TypeError ? 'The service cannot be reached.' : thrown.message;
  const text = `Not up to date since ${since}. ${why} Load the page again.`;
  if (stale.textContent !== text) stale.textContent = text;
  if (!stale.isConnected) document.querySelector('h1').after(stale);
}

function keepFresh(failures = 0) {
  const pace = Math.min(...[...live()].map((part) => Number(part.dataset.live)));
  if (!Number.isFinite(pace)) return;
  setTimeout(async () => {
    if (document.hidden) return keepFresh(failures);
    try {
      await refresh();
      freshAt = new Date();
      showAge(0);
      keepFresh();
    } catch (thrown) {
      // A server that is gone for a moment is asked again.
      showAge(failures + 1, thrown);
      keepFresh(failures + 1);
    }
  }, pace * 1000);
}

for (const part of live()) shown.set(part.id, part.outerHTML);
showLocalTimes(document);
keepFresh();

/** A box that chooses all others of a name in its form. */
for (const all of document.querySelectorAll('[data-chooses]')) {
  all.hidden = false;
  all.addEventListener('change', () => {
    for (const box of all.form.querySelectorAll(`input[name="${all.dataset.chooses}"]`)) box.checked = all.checked;
  });
}
