import type { BusUser } from '@v3vee/contracts';

/**
 * The `authorization` block of a NATS server's configuration: each user may say and hear what is its own, nothing else.
 * @param password the password as configuration text: a quoted string, or `$NAME` for the server's environment
 */
export function natsAuthorization(users: readonly BusUser[], password: (user: string) => string): string {
  const list = (subjects: readonly string[]) =>
    subjects.map(subject => `\n            ${JSON.stringify(subject)}`).join('');
  return [
    'authorization {',
    '  users: [',
    ...users.map(
      ({ user, publish, subscribe }) => `    {
      user: ${JSON.stringify(user)}
      password: ${password(user)}
      permissions: {
        publish: { allow: [${list(publish)}
        ] }
        subscribe: { allow: [${list(subscribe)}
        ] }
      }
    }`,
    ),
    '  ]',
    '}',
    '',
  ].join('\n');
}
