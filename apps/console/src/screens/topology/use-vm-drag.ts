import { useEffect, useRef, useState, type PointerEvent } from 'react';
import type { Vm } from '@v3vee/contracts';
import { hostAt, type Layout } from './layout';

export interface Drag {
  vm: Vm;
  /** Of the pointer, in the drawing. */
  x: number;
  y: number;
  /** The host under it. */
  over: string | undefined;
}

/** Fewer pixels than this are a click. */
const THRESHOLD = 6;

/**
 * Dragging a VM with a mouse or a pen. Whoever has neither uses the VM's menu.
 * @param onDrop host that it was let go over
 */
export function useVmDrag(layout: Layout, onDrop: (vm: Vm, host: string) => void) {
  const canvas = useRef<HTMLDivElement>(null);
  const begun = useRef<{ vm: Vm; x: number; y: number } | undefined>(undefined);
  const wasDragged = useRef(false);
  const [drag, setDrag] = useState<Drag>();
  const end = () => {
    begun.current = undefined;
    setDrag(undefined);
  };
  useEffect(() => {
    if (!drag) return;
    const cancel = (event: KeyboardEvent) => {
      if (event.key === 'Escape') end();
    };
    addEventListener('keydown', cancel);
    return () => removeEventListener('keydown', cancel);
  }, [drag]);
  const place = ({ clientX, clientY }: PointerEvent) => {
    const { left, top } = (canvas.current as HTMLDivElement).getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  };
  return {
    canvas,
    drag,
    handlers: (vm: Vm, isMovable: boolean) => ({
      draggable: false,
      onPointerDown: (event: PointerEvent) => {
        wasDragged.current = false;
        if (!isMovable || event.button !== 0 || event.pointerType === 'touch') return;
        begun.current = { vm, ...place(event) };
      },
      onPointerMove: (event: PointerEvent) => {
        const from = begun.current;
        if (!from) return;
        const { x, y } = place(event);
        if (!drag && Math.hypot(x - from.x, y - from.y) < THRESHOLD) return;
        if (!wasDragged.current) event.currentTarget.setPointerCapture(event.pointerId);
        wasDragged.current = true;
        setDrag({ vm, x, y, over: hostAt(layout, x, y)?.host.name });
      },
      onPointerUp: () => {
        if (drag?.over !== undefined && drag.over !== vm.host) onDrop(vm, drag.over);
        end();
      },
      onPointerCancel: end,
      onClick: (event: React.MouseEvent) => {
        if (wasDragged.current) event.preventDefault();
      },
    }),
  };
}
