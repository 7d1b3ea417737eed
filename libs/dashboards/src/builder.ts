/** The few kinds of panels that the dashboards have, on Grafana's own builders. Used when they are built, never later. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  type Dashboard,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** What Grafana is told to look in; whoever has several chooses. */
const datasource = { type: 'prometheus', uid: '${datasource}' };
/** Of 24 columns. */
const WIDTH = 8;

/** An expression, and what its lines are called: `{{label}}` stands for a label. */
type Query = readonly [expr: string, legend: string];
type PanelSpec = {
  kind: 'lines' | 'number';
  title: string;
  unit: string;
  help: string;
  queries: readonly Query[];
};

/** @param unit one of Grafana's units */
export const lines = (title: string, unit: string, help: string, ...queries: Query[]): PanelSpec => ({
  ...{ kind: 'lines', title, unit, help, queries },
});
export const number = (title: string, unit: string, help: string, expr: string): PanelSpec => ({
  ...{ kind: 'number', title, unit, help, queries: [[expr, '']] },
});

export interface DashboardSpec {
  /** Stays the same, so that links to it do. */
  uid: string;
  title: string;
  description: string;
  /** Labels to choose values of, each with the metric that has them all. */
  choose?: Record<string, string>;
  rows: Record<string, PanelSpec[]>;
}

export function dashboard({ uid, title, description, choose = {}, rows }: DashboardSpec): Dashboard {
  const builder = new DashboardBuilder(`V3VEE / ${title}`)
    .uid(uid)
    .description(description)
    .tags(['v3vee'])
    .readonly()
    .refresh('5s')
    .time({ from: 'now-15m', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'));
  const chosen: string[] = [];
  for (const [label, metric] of Object.entries(choose)) {
    // A VM of the hosts chosen before it.
    const narrowed = chosen.map(name => `${name}=~"$${name}"`).join(', ');
    builder.withVariable(
      new QueryVariableBuilder(label)
        .datasource(datasource)
        .query(`label_values(${metric}${narrowed && `{${narrowed}}`}, ${label})`)
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.*'),
    );
    chosen.push(label);
  }
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row));
    for (const panel of panels) builder.withPanel(panelOf(panel));
  }
  return builder.build();
}

function panelOf({ kind, title, unit, help, queries }: PanelSpec): StatBuilder | TimeseriesBuilder {
  const panel = kind === 'number' ? new StatBuilder() : new TimeseriesBuilder().min(0).fillOpacity(10);
  panel.title(title).description(help).unit(unit).datasource(datasource);
  panel.span(kind === 'number' ? WIDTH / 2 : WIDTH).height(kind === 'number' ? 4 : 7);
  for (const [expr, legend] of queries) {
    panel.withTarget(new DataqueryBuilder().datasource(datasource).expr(expr).legendFormat(legend));
  }
  return panel;
}

/** Of a counter, over what Grafana takes for a fitting window. */
export const rate = (counter: string): string => `rate(${counter}[$__rate_interval])`;
/** As `rate`, by labels. */
export const rateBy = (labels: string, counter: string): string => `sum by (${labels}) (${rate(counter)})`;
/** What nothing was counted of yet is nought, not absent. */
export const orNought = (expr: string): string => `${expr} or vector(0)`;
/** @param histogram its name without `_bucket`, and a selector @param labels beside `le` */
export const quantile = (q: number, histogram: string, selector = '', labels = ''): string =>
  `histogram_quantile(${q}, sum by (${labels ? `${labels}, ` : ''}le) (${rate(`${histogram}_bucket${selector}`)}))`;
