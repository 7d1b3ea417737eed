export function YesNo({ is }: { is: boolean }) {
  return is ? 'yes' : <span className="muted">no</span>;
}
