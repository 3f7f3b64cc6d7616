// In: a JSON list of [schema, value]. Out: for each, null when the value fits, else what the validator of editors says.
'use strict';

const Ajv = require('ajv/dist/2020').default;

const asked = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const answers = asked.map(([schema, value]) => {
  const fits = new Ajv({ strict: true, strictTypes: false, strictTuple: false, allErrors: true }).compile(schema);
  return fits(value) ? null : JSON.stringify(fits.errors);
});
process.stdout.write(JSON.stringify(answers));
