/** 16 × 16 outlines. */
const paths = {
  topology: 'M2.5 3.5h4v3h-4zM9.5 3.5h4v3h-4zM6 11h4v2.5H6zM4.5 6.5v2h7v-2M8 8.5V11',
  vm: 'M2 3h12v8H2zM5.5 13.5h5M8 11v2.5M5 6l1.5 1.2L5 8.4M8 8.5h2.5',
  host: 'M2.5 3h11v4h-11zM2.5 9h11v4h-11zM5 5h.01M5 11h.01M8.5 5h2.5M8.5 11h2.5',
  network: 'M8 2v4M3.5 10v3.5M12.5 10v3.5M3.5 10V8.2h9V10M8 6v2.2M6 2h4M2 13.5h3M11 13.5h3',
  capture: 'M2 5h4l1.2 6L9.6 3l1.6 5H14',
  device:
    'M4.5 4.5h7v7h-7zM6.5 2v2.5M9.5 2v2.5M6.5 11.5V14M9.5 11.5V14M2 6.5h2.5M2 9.5h2.5M11.5 6.5H14M11.5 9.5H14',
  wifi: 'M2 6.2a9 9 0 0 1 12 0M4.2 8.7a5.6 5.6 0 0 1 7.6 0M6.3 11a2.6 2.6 0 0 1 3.4 0M8 13.2h.01',
  activity: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2.2 1.3',
  lab: 'M6 2.5h4M6.8 2.5v4L3 13.5h10l-3.8-7v-4M4.8 10.2h6.4',
  events: 'M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01',
  image: 'M8 2.2 13.5 5 8 7.8 2.5 5zM2.5 8 8 10.8 13.5 8M2.5 11 8 13.8 13.5 11',
  job: 'M3 3.5h10v9H3zM6 6l2 2-2 2M9 10h2',
  settings:
    'M2.5 5h6M12.5 5h1M2.5 11h1M7.5 11h6M8.5 5a2 2 0 1 0 4 0 2 2 0 0 0-4 0M3.5 11a2 2 0 1 0 4 0 2 2 0 0 0-4 0',
  project: 'M2 4h4.2l1.4 1.6H14v7H2zM2 7.3h12',
  user: 'M8 2.8a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5M3 13.5c.4-2.6 2.4-3.8 5-3.8s4.6 1.2 5 3.8',
  token: 'M5.3 7.2a3.1 3.1 0 1 0 0 6.2 3.1 3.1 0 0 0 0-6.2M7.5 8.1l6-5.6M10.5 5.3l2.2 2.2',
  audit: 'M4 2.5h8v11H4zM6.2 5.5h3.6M6.2 8h3.6M6.2 10.5h2',
  check: 'M3 8.5 6.5 12 13 4.5',
  edit: 'M3 13l.6-3L11 2.6 13.4 5 6 12.4z',
  play: 'M5 3.5v9l7.5-4.5z',
  stop: 'M4 4h8v8H4z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  reset: 'M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3',
  snapshot: 'M2.5 5h2.3l1-1.5h4.4l1 1.5h2.3v8h-11zM8 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
  clone: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  move: 'M2 8h11M9.5 4.5 13 8l-3.5 3.5',
  terminal: 'M2 3h12v10H2zM4.5 6 7 8l-2.5 2M8.5 10.5h3',
  menu: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  bars: 'M2.5 4h11M2.5 8h11M2.5 12h11',
  close: 'M4 4l8 8M12 4l-8 8',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3a5.5 5.5 0 1 0 6.5 6.5',
  leave: 'M6.5 2.5h-4v11h4M6 8h7.5M11 5.5 13.5 8 11 10.5',
  trash: 'M3 4.5h10M6 4.5v-2h4v2M4.5 4.5l.6 9h5.8l.6-9',
  download: 'M8 2.5v8M4.8 7.5 8 10.7l3.2-3.2M2.5 13.5h11',
  plus: 'M8 3v10M3 8h10',
  cordon: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.2l7.6 7.6',
  drain: 'M2.5 3h11v4h-11zM8 9v4.5M5.5 11.5 8 14l2.5-2.5',
  antenna:
    'M8 7v7M5 14h6M8 5.2a.9.9 0 1 0 0 1.8.9.9 0 0 0 0-1.8M5.2 8.6a3.6 3.6 0 0 1 0-5.2M10.8 8.6a3.6 3.6 0 0 0 0-5.2',
  docs: 'M4 2.5h6l2.5 2.5v8.5H4zM9.5 2.5V5.5h3M6 8h4.5M6 10.5h4.5',
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
