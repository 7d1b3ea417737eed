import type { DashboardJson, PanelJson } from './files';

export interface PanelQuery {
  dashboard: string;
  panel: string;
  expr: string;
}

/** Every query of every panel. */
export function queriesOf(dashboards: readonly DashboardJson[]): PanelQuery[] {
  return dashboards.flatMap(({ uid, panels }) =>
    flatten(panels).flatMap(({ title = '', targets = [] }) =>
      targets.map(({ expr }) => ({ dashboard: uid, panel: title, expr })),
    ),
  );
}

const flatten = (panels: readonly PanelJson[]): PanelJson[] =>
  panels.flatMap(panel => [panel, ...flatten(panel.panels ?? [])]);

/** What Grafana makes of a query where everything is chosen. @param window of rates, for example `30s` */
export const withAllChosen = (expr: string, window: string): string =>
  expr.replaceAll('$__rate_interval', window).replace(/\$\w+/g, '.*');

/** Names of metrics and of recorded series (with a colon) that an expression reads. */
export function namesIn(expr: string): string[] {
  // Labels, and what is chosen by them, look like names.
  const bare = expr
    .replace(/"[^"]*"/g, '')
    .replace(/\{[^}]*\}/g, '')
    .replace(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, '');
  const words = bare.match(/[a-zA-Z_][\w:]*/g) ?? [];
  return [...new Set(words.filter(word => word.includes(':') || /^(v3|nodejs|process)_/.test(word)))];
}

/** The family that a name belongs to: a histogram's series have suffixes. */
export function familyOf(name: string, known: ReadonlySet<string>): string | undefined {
  if (known.has(name)) return name;
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return known.has(base) ? base : undefined;
}
