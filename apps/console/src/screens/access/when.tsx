import { formatAge, formatSeconds, formatTime } from '../../model/quantities';

/** An instant as somebody thinks of it; all of it where it is pointed at. */
export function When({ at, now, isAgo = false }: { at: string; now: number; isAgo?: boolean }) {
  const left = (Date.parse(at) - now) / 1000;
  const text =
    left > 0 ? `in ${formatSeconds(left)}` : isAgo ? `${formatAge(at, now)} ago` : formatTime(at, now);
  return (
    <time className="nowrap" dateTime={at} title={new Date(at).toLocaleString()}>
      {text}
    </time>
  );
}
