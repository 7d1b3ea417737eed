// The same transpiler settings as the build, so that what is tested is what runs.
const { readFileSync } = require('node:fs');
const { $schema, ...swc } = JSON.parse(readFileSync(`${__dirname}/.swcrc`, 'utf8'));
module.exports = { ...swc, swcrc: false };
