// Judges catalog files as Backstage does: its parser, its policies, its schemas, in the order of its pipeline.
// In: a JSON list of texts. Out: for each, a list of {error} or {data, ref, refused, relations}, one per document.
'use strict';

const path = require('path');
const yaml = require('yaml');
const model = require('@backstage/catalog-model');
const { mcpServerApiEntityValidator } = require('@backstage/catalog-model/alpha');

const scaffolder = path.dirname(require.resolve('@backstage/plugin-scaffolder-common/package.json'));
const template = require(path.join(scaffolder, 'dist', 'Template.v1beta3.schema.json.cjs.js')).default;

const envelope = model.entityEnvelopeSchemaValidator();
const policy = model.EntityPolicies.allOf([
  new model.SchemaValidEntityPolicy(),
  new model.DefaultNamespaceEntityPolicy(),
  new model.NoForeignRootFieldsEntityPolicy(),
  new model.FieldFormatEntityPolicy(),
]);
const templateValidator = model.entityKindSchemaValidator(template);

const isMcpServer = entity => entity.spec && entity.spec.type === 'mcp-server';

const kinds = [
  { check: e => (isMcpServer(e) ? mcpServerApiEntityValidator : model.apiEntityV1alpha1Validator).check(e) },
  model.componentEntityV1alpha1Validator,
  model.resourceEntityV1alpha1Validator,
  model.groupEntityV1alpha1Validator,
  model.locationEntityV1alpha1Validator,
  model.userEntityV1alpha1Validator,
  model.systemEntityV1alpha1Validator,
  model.domainEntityV1alpha1Validator,
  { check: async e => templateValidator(e) === e },
];

// What BuiltinKindsEntityProcessor and ScaffolderEntitiesProcessor read: field, default kind, forth, back.
const owner = ['owner', 'Group', 'ownedBy', 'ownerOf'];
const system = ['system', 'System', 'partOf', 'hasPart'];
const dependencies = [
  ['dependsOn', undefined, 'dependsOn', 'dependencyOf'],
  ['dependencyOf', undefined, 'dependencyOf', 'dependsOn'],
];
const fields = {
  Component: [
    owner,
    system,
    ['subcomponentOf', 'Component', 'partOf', 'hasPart'],
    ['providesApis', 'API', 'providesApi', 'apiProvidedBy'],
    ['consumesApis', 'API', 'consumesApi', 'apiConsumedBy'],
    ...dependencies,
  ],
  API: [owner, system],
  Resource: [owner, system, ...dependencies],
  System: [owner, ['domain', 'Domain', 'partOf', 'hasPart']],
  Domain: [owner, ['subdomainOf', 'Domain', 'partOf', 'hasPart']],
  Group: [
    ['parent', 'Group', 'childOf', 'parentOf'],
    ['children', 'Group', 'parentOf', 'childOf'],
    ['members', 'User', 'hasMember', 'memberOf'],
  ],
  User: [['memberOf', 'Group', 'memberOf', 'hasMember']],
  Template: [owner],
};

function relations(entity) {
  const self = model.stringifyEntityRef(entity);
  const found = new Set();
  for (const [field, defaultKind, forth, back] of fields[entity.kind] || []) {
    if (!entity.spec[field]) continue;
    for (const target of [entity.spec[field]].flat()) {
      const ref = model.parseEntityRef(target, { defaultKind, defaultNamespace: entity.metadata.namespace });
      found.add(`${self} ${forth} ${model.stringifyEntityRef(ref)}`);
      found.add(`${model.stringifyEntityRef(ref)} ${back} ${self}`);
    }
  }
  return [...found].sort();
}

async function judge(said) {
  try {
    envelope(said);
    // The location's annotations are added before anybody looks at the others.
    let entity = { ...said, metadata: { ...said.metadata, annotations: { ...said.metadata.annotations } } };
    entity = await policy.enforce(entity);
    model.entitySchemaValidator()(entity);
    let known = false;
    for (const kind of kinds) known = known || (await kind.check(entity));
    if (!known) throw new Error('No processor recognized the entity');
    return { ref: model.stringifyEntityRef(entity), relations: relations(entity) };
  } catch (error) {
    return { refused: String(error.message) };
  }
}

async function documents(text) {
  const found = [];
  let parsed;
  try {
    parsed = yaml.parseAllDocuments(text, { merge: false });
    for (const document of Array.isArray(parsed) ? parsed : []) {
      if (document.errors.length) {
        found.push({ error: String(document.errors[0]) });
        continue;
      }
      const data = document.toJSON();
      if (data === null) continue;
      if (typeof data !== 'object' || Array.isArray(data)) found.push({ error: 'expected object at root' });
      else found.push({ data, ...(await judge(data)) });
    }
  } catch (error) {
    found.push({ error: String(error) });
  }
  return found;
}

async function main() {
  const texts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const answers = [];
  for (const text of texts) answers.push(await documents(text));
  process.stdout.write(JSON.stringify(answers));
}

main();
