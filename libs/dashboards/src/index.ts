export {
  familyRows,
  mergeFamilies,
  metricFamilies,
  type DocumentedFamily,
  type MetricFamily,
} from './families';
export { DASHBOARD_FOLDER, readDashboards, type DashboardJson } from './files';
export { Grafana, type Annotation, type GrafanaOptions } from './grafana';
export { prometheusConfig, type PrometheusConfigOptions } from './prometheus-config';
export { familyOf, namesIn, queriesOf, withAllChosen, type PanelQuery } from './queries';
