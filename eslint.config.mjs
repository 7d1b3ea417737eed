import eslint from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/** A layer may use only what is listed: dependencies point one way, from the apps down to the contracts. */
const layers = [
  { sourceTag: 'layer:foundation', onlyDependOnLibsWithTags: ['layer:foundation'] },
  { sourceTag: 'layer:core', onlyDependOnLibsWithTags: ['layer:foundation', 'layer:core'] },
  {
    sourceTag: 'layer:service',
    onlyDependOnLibsWithTags: ['layer:foundation', 'layer:core', 'layer:service'],
  },
  {
    sourceTag: 'layer:kit',
    onlyDependOnLibsWithTags: ['layer:foundation', 'layer:core', 'layer:service', 'layer:kit'],
  },
  {
    sourceTag: 'layer:app',
    onlyDependOnLibsWithTags: ['layer:foundation', 'layer:core', 'layer:service', 'layer:kit'],
  },
];
/** The inner libraries are plain TypeScript: no web framework, no ORM. */
const plain = ['layer:foundation', 'layer:core'].map(sourceTag => ({
  sourceTag,
  bannedExternalImports: ['@nestjs/*', 'typeorm', 'express'],
}));
/** The engine's internals are touched in one adapter only. */
const engine = ['layer:foundation', 'layer:service', 'layer:kit', 'layer:app'].map(sourceTag => ({
  sourceTag,
  bannedExternalImports: ['v86'],
}));

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.nx/**'] },
  {
    files: ['apps/*/src/**/*.{ts,tsx}', 'libs/*/src/**/*.ts'],
    extends: [eslint.configs.recommended, ...tseslint.configs.recommended, prettier],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        { enforceBuildableLibDependency: false, allow: [], depConstraints: [...layers, ...plain, ...engine] },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/consistent-type-imports': 'off',
      'no-console': 'error',
      eqeqeq: ['error', 'smart'],
      'max-lines': ['error', { max: 450, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['apps/console/src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
  { files: ['libs/lab/**', 'apps/cli/**', '**/*.spec.ts'], rules: { 'no-console': 'off' } },
);
