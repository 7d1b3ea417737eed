/** What runs in pages, as text: this library is checked without a browser's types. */

/** Before a page's own scripts: notes its long tasks, and when all VMs are on the screen (painted). */
export const observer = (vms: number): string => `(() => {
  const seen = (globalThis.v3Seen = { longTasks: [], contentAt: 0 });
  new PerformanceObserver(list => {
    for (const { startTime, duration } of list.getEntries()) seen.longTasks.push([startTime, startTime + duration]);
  }).observe({ type: 'longtask', buffered: true });
  const watcher = new MutationObserver(() => {
    if (document.querySelectorAll('[data-vm]').length < ${vms}) return;
    watcher.disconnect();
    requestAnimationFrame(() => setTimeout(() => (seen.contentAt = performance.now())));
  });
  watcher.observe(document, { childList: true, subtree: true });
})()`;

export const seen = `({ ...globalThis.v3Seen, now: performance.now() })`;

/** When frames are made for some time, ms. */
export const frames = (seconds: number): string => `new Promise(resolve => {
  const times = [];
  const frame = time => {
    times.push(time);
    if (time - times[0] < ${seconds * 1000}) requestAnimationFrame(frame);
    else resolve(times);
  };
  requestAnimationFrame(frame);
})`;

/** Addresses within the console that the page leads to. */
export const links = `[...document.querySelectorAll('a[href^="#/"]')].map(a => a.getAttribute('href').slice(2))`;

/** Of axe's rules that apply to the page: those that it keeps, and those that it does not. */
export const axeRun = `axe.run().then(({ passes, violations }) => {
  // Results say the impact of what was violated only; the rules know theirs.
  const impacts = new Map(axe._audit.rules.map(({ id, impact }) => [id, impact]));
  const of = found => found.map(({ id, tags, nodes }) => ({ id, tags, impact: impacts.get(id) ?? null, nodes: nodes.length }));
  return { passed: of(passes), violated: of(violations) };
})`;
