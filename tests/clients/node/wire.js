// What the client really sends, seen below it on Node's own channel, so that the client itself stays as it is.
'use strict';

const channels = require('node:diagnostics_channel');

/** One {method, path} for each request. */
const seen = [];

channels.subscribe('http.client.request.start', ({ request }) => {
  seen.push({ method: request.method, path: request.path });
});

module.exports = { seen };
