import { SaxesParser } from 'saxes';
import { V3Error } from '../errors';

/** An element, with where it begins. */
export interface Element {
  name: string;
  attributes: Record<string, string>;
  /** Of itself, without that of the elements in it; trimmed. */
  text: string;
  children: Element[];
  line: number;
}

export const MAX_XML_BYTES = 256 << 10;
const MAX_DEPTH = 16;
const MAX_ELEMENTS = 4096;

/**
 * A small XML document as a tree. A document type is refused, and with it all entities but XML's own five.
 * @throws V3Error INVALID_REQUEST with line and column
 */
export function parseTree(text: string): Element {
  if (Buffer.byteLength(text) > MAX_XML_BYTES)
    throw new V3Error('INVALID_REQUEST', `the file has more than ${MAX_XML_BYTES} bytes`);
  const parser = new SaxesParser();
  const at = () => ({ line: parser.line, column: parser.columnIndex + 1 });
  const refuse = (message: string) => {
    const { line, column } = at();
    throw new V3Error('INVALID_REQUEST', `line ${line}, column ${column}: ${message}`, {
      fields: [{ path: '', message, line, column }],
    });
  };
  const open: Element[] = [];
  let root: Element | undefined;
  let count = 0;
  let began = 1;
  parser.on('error', error => refuse(error.message.replace(/^\d+:\d+: /, '')));
  parser.on('doctype', () => refuse('a document type (<!DOCTYPE …>) is not taken'));
  parser.on('opentagstart', () => (began = parser.line));
  parser.on('opentag', ({ name, attributes }) => {
    if (++count > MAX_ELEMENTS) refuse(`there are more than ${MAX_ELEMENTS} elements`);
    if (open.length >= MAX_DEPTH) refuse(`elements are nested more than ${MAX_DEPTH} deep`);
    const element: Element = { name, attributes: { ...attributes }, text: '', children: [], line: began };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const append = (more: string) => {
    const last = open.at(-1);
    if (last) last.text += more;
  };
  parser.on('text', append);
  parser.on('cdata', append);
  parser.on('closetag', () => {
    const element = open.pop() as Element;
    element.text = element.text.trim();
  });
  parser.write(text).close();
  return root as Element;
}

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};
export const escapeXml = (text: string): string => text.replace(/[&<>"']/g, character => escapes[character]!);
