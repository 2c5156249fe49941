// What ajv says of documents by JSON Schemas.
// stdin: {schemas, questions}: schemas are JSON Schemas with an $id (draft 2019-09 or draft-07), a question is [$id, document],
// the $id perhaps with "#/$defs/…". stdout: for each question the list of what is wrong, [] if nothing.
import {readFileSync} from 'node:fs';
import Ajv from 'ajv';
import Ajv2019 from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';

const {schemas, questions} = JSON.parse(readFileSync(0, 'utf8'));
const isDraft07 = schemas.every(schema => schema.$schema.startsWith('http://json-schema.org/draft-07/'));
const ajv = new (isDraft07 ? Ajv : Ajv2019)({allErrors: true, strict: false, unicodeRegExp: false});
addFormats(ajv);
for(const schema of schemas) {
  ajv.addSchema({...schema, $schema: schema.$schema.replace(/2019-09\/schema#$/, '2019-09/schema')});
}

const compiled = new Map();
function validatorOf(id) {
  if(!compiled.has(id)) {
    compiled.set(id, ajv.compile({$ref: id}));
  }
  return compiled.get(id);
}

process.stdout.write(JSON.stringify(questions.map(([id, document]) => {
  const validate = validatorOf(id);
  validate(document);
  return (validate.errors ?? []).map(error => `${error.instancePath}: ${error.message}`);
})));
