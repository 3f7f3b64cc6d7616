// Makes every call that Backstage's own catalog client has against a running portal.
// In: {baseUrl, token, repository}. Out: by the name of each step, what went over the wire and what came of it.
'use strict';

const { CatalogClient, CATALOG_FILTER_EXISTS } = require('@backstage/catalog-client');

const steps = {};
let wire = [];

async function step(name, act) {
  wire = [];
  const told = {};
  try {
    const result = await act();
    told.result = result === undefined ? null : result;
    told.undefined = result === undefined;
  } catch (error) {
    const cause = error.cause && { name: error.cause.name, message: error.cause.message };
    told.error = { name: error.name, message: error.message, cause };
  }
  told.wire = wire;
  steps[name] = told;
  return told.result;
}

async function all(pages) {
  const found = [];
  for await (const page of pages) found.push(page);
  return found;
}

const names = entities => entities.map(entity => entity.metadata.name);

async function main({ baseUrl, token, repository }) {
  const fetchApi = {
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      const asked = { method: (init && init.method) || 'GET', url: url.replace(baseUrl, ''), body: init && init.body };
      wire.push({ ...asked, status: answer.status, link: answer.headers.get('link') });
      return answer;
    },
  };
  const client = new CatalogClient({ discoveryApi: { getBaseUrl: async () => baseUrl }, fetchApi });
  const as = { token };
  const component = { kind: 'component' };
  const byName = { field: 'metadata.name', order: 'asc' };

  // Entities
  await step('getEntities', async () => names((await client.getEntities(undefined, as)).items));
  await step('getEntities filtered', async () =>
    names(
      (await client.getEntities(
        { filter: [{ kind: 'Component', 'metadata.tags': ['java'] }, { kind: ['API', 'Group'], 'metadata.name': CATALOG_FILTER_EXISTS }], order: byName },
        as,
      )).items,
    ),
  );
  await step('getEntities fields', async () => (await client.getEntities({ filter: { 'metadata.name': 'checkout' }, fields: ['kind', 'metadata.name'] }, as)).items);
  await step('getEntities page', async () => names((await client.getEntities({ filter: component, order: byName, limit: 2, offset: 1 }, as)).items));
  await step('getEntities wrong', () => client.getEntities({ filter: { '': 'a' } }, as));
  await step('getEntityByRef', async () => (await client.getEntityByRef('Component:Default/Checkout', as)).metadata.name);
  await step('getEntityByRef missing', () => client.getEntityByRef('component:default/nobody', as));
  await step('getEntityByName', async () => (await client.getEntityByName({ kind: 'component', name: 'checkout' }, as)).kind);
  await step('getEntitiesByRefs', async () =>
    (await client.getEntitiesByRefs({ entityRefs: ['group:default/payments', 'component:default/nobody', 'Component:default/checkout', 'component:default/checkout'], fields: ['metadata.name'] }, as)).items.map(one => one ?? null),
  );
  await step('getEntitiesByRefs many', async () => {
    const refs = Array.from({ length: 2500 }, (_, number) => `component:default/svc-${String(number).padStart(5, '0')}`);
    return (await client.getEntitiesByRefs({ entityRefs: refs }, as)).items.filter(Boolean).length;
  });
  await step('getEntitiesByRefs filtered', async () =>
    (await client.getEntitiesByRefs({ entityRefs: ['group:default/payments', 'component:default/checkout'], filter: component }, as)).items.map(one => (one ? one.kind : null)),
  );
  await step('getEntitiesByRefs query', async () =>
    (await client.getEntitiesByRefs({ entityRefs: ['group:default/payments', 'component:default/checkout'], query: { kind: 'group' }, filter: { 'metadata.name': 'payments' } }, as)).items.map(one => (one ? one.kind : null)),
  );

  // Queries, forward and back
  const first = await step('queryEntities', () => client.queryEntities({ filter: component, orderFields: byName, limit: 3, fields: ['metadata.name'] }, as));
  const second = await step('queryEntities next', () => client.queryEntities({ cursor: first.pageInfo.nextCursor, limit: 3, fields: ['metadata.name'] }, as));
  await step('queryEntities back', () => client.queryEntities({ cursor: second.pageInfo.prevCursor, limit: 3, fields: ['metadata.name'] }, as));
  await step('queryEntities text', async () => {
    const found = await client.queryEntities({ filter: component, orderFields: [byName], fullTextFilter: { term: '0003', fields: ['metadata.name', 'metadata.title'] } }, as);
    return [names(found.items), found.totalItems];
  });
  await step('queryEntities without total', async () => (await client.queryEntities({ limit: 1, totalItems: 'exclude' }, as)).totalItems);
  await step('queryEntities plain', async () => (await client.queryEntities(undefined, as)).totalItems);
  await step('queryEntities cursor wrong', () => client.queryEntities({ cursor: Buffer.from('{"a":1}').toString('base64') }, as));
  const predicate = { $all: [{ kind: 'component' }, { $not: { 'metadata.name': { $hasPrefix: 'svc-0000' } } }, { $any: [{ 'spec.type': { $in: ['service', 'website'] } }, { relations: { $contains: { type: 'ownedBy', targetRef: 'group:default/payments' } } }] }] };
  const posted = await step('queryEntities predicate', () => client.queryEntities({ query: predicate, orderFields: byName, limit: 4, fields: ['metadata.name'] }, as));
  const later = await step('queryEntities predicate next', () => client.queryEntities({ cursor: posted.pageInfo.nextCursor, limit: 4, fields: ['metadata.name'] }, as));
  await step('queryEntities predicate back', () => client.queryEntities({ cursor: later.pageInfo.prevCursor, limit: 4, fields: ['metadata.name'] }, as));
  await step('queryEntities predicate and filter', async () => (await client.queryEntities({ query: { kind: 'component' }, filter: [{ 'spec.owner': 'group:payments' }] }, as)).totalItems);
  await step('queryEntities predicate wrong', () => client.queryEntities({ query: { $foo: [] } }, as));
  await step('streamEntities', async () => (await all(client.streamEntities({ filter: component, pageSize: 7 }, as))).map(names));
  await step('streamEntities predicate', async () => (await all(client.streamEntities({ query: { kind: 'component' }, orderFields: byName, pageSize: 7 }, as))).map(names));

  // Facets and ancestors
  await step('getEntityFacets', async () => (await client.getEntityFacets({ facets: ['kind', 'spec.lifecycle'], filter: [{ kind: 'component' }, { kind: 'user' }] }, as)).facets);
  await step('getEntityFacets predicate', async () => (await client.getEntityFacets({ facets: ['metadata.tags'], query: { kind: 'component' } }, as)).facets);
  await step('getEntityAncestors', async () => {
    const found = await client.getEntityAncestors({ entityRef: 'component:default/checkout' }, as);
    return { root: found.rootEntityRef, items: found.items.map(one => [one.entity.kind, one.parentEntityRefs]) };
  });
  await step('getEntityAncestors missing', () => client.getEntityAncestors({ entityRef: 'component:default/nobody' }, as));

  // Refresh, validation, analysis
  await step('refreshEntity', () => client.refreshEntity('component:default/checkout', as));
  await step('refreshEntity missing', () => client.refreshEntity('component:default/nobody', as));
  const good = { apiVersion: 'backstage.io/v1alpha1', kind: 'Component', metadata: { name: 'a' }, spec: { type: 'service', lifecycle: 'production', owner: 'payments' } };
  await step('validateEntity', () => client.validateEntity(good, 'url:https://a.example/catalog-info.yaml', as));
  await step('validateEntity bad', () => client.validateEntity({ ...good, metadata: { name: 'a b' } }, 'url:https://a.example/catalog-info.yaml', as));
  await step('validateEntity file', () => client.validateEntity(good, 'file:/catalog-info.yaml', as));
  await step('analyzeLocation', () => client.analyzeLocation({ location: { type: 'url', target: 'https://github.com/shop/new' } }, as));
  await step('analyzeLocation known', async () => (await client.analyzeLocation({ location: { type: 'url', target: repository } }, as)).existingEntityFiles.map(one => [one.entity.metadata.name, one.isRegistered, one.location.type]));

  // Locations
  const target = 'https://github.com/shop/new/blob/main/catalog-info.yaml';
  await step('addLocation dry', () => client.addLocation({ target, dryRun: true }, as));
  const added = await step('addLocation', () => client.addLocation({ type: 'url', target }, as));
  await step('addLocation again', () => client.addLocation({ type: 'url', target }, as));
  await step('addLocation refresh', () => client.addLocation({ type: 'url', target, onConflict: 'refresh' }, as));
  await step('addLocation wrong', () => client.addLocation({ type: 'svn', target }, as));
  await step('getLocations', () => client.getLocations(undefined, as));
  await step('getLocationByRef', () => client.getLocationByRef(`url:${added.location.target}`, as));
  await step('getLocationByRef missing', () => client.getLocationByRef('url:https://nobody.example/a/b', as));
  await step('getLocationById', () => client.getLocationById(added.location.id, as));
  await step('getLocationById missing', () => client.getLocationById('nobody', as));
  await step('getLocationByEntity', () => client.getLocationByEntity('component:default/checkout', as));
  await step('getLocationByEntity missing', () => client.getLocationByEntity('component:default/nobody', as));
  await step('queryLocations', () => client.queryLocations({ query: { target: { $hasPrefix: 'https://github.com/' } } }, as));
  await step('streamLocations', async () => (await all(client.streamLocations({ limit: 1 }, as))).map(page => page.length));
  await step('updateLocation', () => client.updateLocation(added.location.id, { target }, as));
  await step('updateLocation elsewhere', () => client.updateLocation(added.location.id, { target: 'https://github.com/shop/other' }, as));
  await step('removeLocationById', () => client.removeLocationById(added.location.id, as));
  await step('removeLocationById again', () => client.removeLocationById(added.location.id, as));
  await step('removeEntityByUid unknown', () => client.removeEntityByUid('nobody', as));
  await step('removeEntityByUid', async () => client.removeEntityByUid((await client.getEntityByRef('component:default/checkout', as)).metadata.uid, as));

  // Nobody in particular
  await step('without a token', () => client.getEntities());
  await step('with a wrong token', () => client.getEntities(undefined, { token: 'nonsense' }));
}

const said = JSON.parse(require('fs').readFileSync(0, 'utf8'));
main(said).then(() => process.stdout.write(JSON.stringify(steps)));
