import { useEffect, useId, useLayoutEffect, useRef, useState, type KeyboardEvent } from 'react';
import type { Doing } from '../api/who';
import { useWhyRefused } from '../app-context';
import { Icon, type IconName } from './icon';

export interface MenuItem {
  label: string;
  icon: IconName;
  /** Undefined: it can't be done now. */
  run: (() => void) | undefined;
  /** Why it can't. */
  why?: string;
  isDangerous?: boolean;
  /** Who may not do this is told so. */
  needs?: Doing;
}

/** A button with a menu (WAI-ARIA's menu button pattern). */
export function MenuButton({
  label,
  items,
  icon = 'menu',
}: {
  label: string;
  items: readonly (MenuItem | 'line')[];
  icon?: IconName;
}) {
  const whyRefused = useWhyRefused();
  const offered = items.map(item => {
    const refusal = item === 'line' || item.needs === undefined ? undefined : whyRefused(item.needs);
    return refusal === undefined ? item : { ...(item as MenuItem), run: undefined, why: refusal };
  });
  const [isOpen, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const close = (isFocusBack: boolean) => {
    setOpen(false);
    if (isFocusBack) button.current?.focus();
  };
  useLayoutEffect(() => {
    const menu = list.current;
    const anchor = button.current?.getBoundingClientRect();
    if (!isOpen || !menu || !anchor) return;
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(8, Math.min(anchor.right - width, innerWidth - width - 8))}px`;
    const below = anchor.bottom + 4;
    menu.style.top = `${Math.max(8, below + height > innerHeight - 8 ? anchor.top - height - 4 : below)}px`;
    // Where nothing can be done, Escape still has to leave it.
    (menu.querySelector<HTMLElement>('button:not(:disabled)') ?? menu).focus();
  }, [isOpen]);
  useEffect(() => {
    if (!isOpen) return;
    const outside = (event: PointerEvent) => {
      const target = event.target as Node;
      if (!list.current?.contains(target) && !button.current?.contains(target)) setOpen(false);
    };
    const away = () => setOpen(false);
    addEventListener('pointerdown', outside);
    addEventListener('resize', away);
    addEventListener('scroll', away, true);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('resize', away);
      removeEventListener('scroll', away, true);
    };
  }, [isOpen]);
  const move = (event: KeyboardEvent) => {
    if (event.key === 'Escape' || event.key === 'Tab') return close(true);
    const all = [...(list.current?.querySelectorAll<HTMLButtonElement>('button:not(:disabled)') ?? [])];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    all[(step + all.length) % all.length]?.focus();
  };
  return (
    <>
      <button
        ref={button}
        type="button"
        className="button quiet icon-only"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        <Icon name={icon} />
      </button>
      {isOpen && (
        <div
          ref={list}
          id={id}
          className="menu"
          role="menu"
          aria-label={label}
          tabIndex={-1}
          onKeyDown={move}
        >
          {offered.map((item, index) =>
            item === 'line' ? (
              <hr key={index} />
            ) : (
              <button
                key={item.label}
                type="button"
                role="menuitem"
                className={item.isDangerous ? 'danger' : undefined}
                disabled={!item.run}
                title={item.run ? undefined : item.why}
                onClick={() => {
                  close(true);
                  item.run?.();
                }}
              >
                <Icon name={item.icon} />
                {item.label}
              </button>
            ),
          )}
        </div>
      )}
    </>
  );
}
