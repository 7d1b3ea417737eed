import { Injectable } from '@nestjs/common';
import {
  parseVnetLanguage,
  V3Error,
  vnetLinkSpec,
  type FieldError,
  type VnetStatement,
  type RoutePart,
} from '@v3vee/contracts';
import { VnetLinkRepository, VnetRouteRepository } from '@v3vee/store';
import { OverlayChanges, type OverlayEdit } from './overlay-changes.service';
import { knownLink } from './overlay-places';
import { linkWords, routeWords } from './overlay-views';

/** The control language of VNET/P, as text in and out. */
@Injectable()
export class VnetControl {
  constructor(
    private readonly routes: VnetRouteRepository,
    private readonly links: VnetLinkRepository,
    private readonly changes: OverlayChanges,
  ) {}

  /** As reading the original's files: each entry under its index, in the words that ADD takes. */
  async listing(): Promise<string> {
    const [routes, links] = await Promise.all([this.routes.all(), this.links.all()]);
    const known = links.map(knownLink);
    return lines([
      '# routes',
      ...routes.map(route => `${route.index}: ${routeWords(route, known)}`),
      '# links',
      ...links.map(link => `${link.index}: ${linkWords(link)}`),
    ]);
  }

  /**
   * Runs statements in order, all or none.
   * @param network what new links join, and new routes must belong to, if that is said
   * @returns a line for each statement: what it did, with the index
   * @throws V3Error VNET_CONTROL_INVALID, and those of routes and links, with line and column
   */
  async run(text: string, network?: string): Promise<string> {
    const statements = parseVnetLanguage(text);
    if (statements.length === 0) return '';
    const { result, inForce } = await this.changes.commit(async edit => {
      const done: string[] = [];
      for (const statement of statements) done.push(await perform(statement, edit, network));
      return done;
    });
    const later = '# the vnet service does not answer now; this is in force when it is back';
    return lines(inForce ? result : [...result, later]);
  }
}

const lines = (all: string[]): string => all.map(line => `${line}\n`).join('');

async function perform(statement: VnetStatement, edit: OverlayEdit, network?: string): Promise<string> {
  try {
    switch (statement.verb) {
      case 'add-route': {
        const route = await edit.addRoute({ ...statement.route, network });
        return `added route ${route.index}: ${routeWords(route, edit.places.links)}`;
      }
      case 'add-link': {
        const link = await edit.addLink(vnetLinkSpec.parse({ ...statement.link, network }));
        return `added link ${link.index}: ${linkWords(link)}`;
      }
      case 'delete-route': {
        const route = await edit.removeRoute(statement.index);
        return `deleted route ${route.index}: ${routeWords(route, edit.places.links)}`;
      }
      case 'delete-link': {
        const link = await edit.removeLink(String(statement.index));
        return `deleted link ${link.index}: ${linkWords(link)}`;
      }
    }
  } catch (thrown) {
    throw located(thrown, statement);
  }
}

/** What the statement means is wrong: said with the place of the part that is. */
function located(thrown: unknown, { at: { line, columns } }: VnetStatement): unknown {
  if (!(thrown instanceof V3Error)) return thrown;
  const [field] = thrown.fields ?? [];
  const column = columns[field?.path as RoutePart & keyof typeof columns] ?? columns.start;
  const message = field?.message ?? thrown.message;
  const where: FieldError = { path: '', message, line, column };
  return new V3Error(thrown.code, `line ${line}, column ${column}: ${message}`, {
    cause: thrown,
    fields: [where],
  });
}
