// What ajv says of documents by JSON Schemas.
// It is asked (answering.mjs) {schemas, questions}: schemas are JSON Schemas with an $id (draft 2019-09 or draft-07), a question
// is [$id, document], the $id perhaps with "#/$defs/…". Its answer: for each question the list of what is wrong, [] if nothing.
import Ajv from 'ajv';
import Ajv2019 from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import {answerEach} from './answering.mjs';

const known = new Map(); // by the text of the schemas: compiling them takes longer than all questions

function validatorsOf(schemas) {
  const text = JSON.stringify(schemas);
  if(!known.has(text)) {
    const isDraft07 = schemas.every(schema => schema.$schema.startsWith('http://json-schema.org/draft-07/'));
    const ajv = new (isDraft07 ? Ajv : Ajv2019)({allErrors: true, strict: false, unicodeRegExp: false});
    addFormats(ajv);
    for(const schema of schemas) {
      ajv.addSchema({...schema, $schema: schema.$schema.replace(/2019-09\/schema#$/, '2019-09/schema')});
    }
    known.set(text, {ajv, compiled: new Map()});
  }
  return known.get(text);
}

await answerEach(({schemas, questions}) => {
  const {ajv, compiled} = validatorsOf(schemas);
  return questions.map(([id, document]) => {
    if(!compiled.has(id)) {
      compiled.set(id, ajv.compile({$ref: id}));
    }
    const validate = compiled.get(id);
    validate(document);
    return (validate.errors ?? []).map(error => `${error.instancePath}: ${error.message}`);
  });
});
