// All clients written in JavaScript: a line for each call, and `CALLS CLIENTS FAILURES` in the file that is named.
'use strict';

const { writeFileSync } = require('node:fs');

const calls = require('./calls');
const { services } = require('./client');
const { Checklist } = require('./checklist');
const story = require('./story');

async function main() {
  const check = new Checklist('btcpay-greenfield-node-client', services);
  await calls.run(check);
  await story.run(check);
  check.end();
  writeFileSync(process.argv[2], `${check.calls} 1 ${check.failures.length}\n`);
}

main().then(() => process.exit()); // a receiver of a story that broke off would listen for ever
