// The sandbox that the tests run on: where it is, and what its customer does.
'use strict';

const { execFile } = require('node:child_process');
const { promisify } = require('node:util');

const {
  TOLLWAY_URL: url,
  TOLLWAY_STORE: store,
  TOLLWAY_API_KEY: apiKey,
  CUSTOMER_URL: customerUrl,
  CUSTOMER_STORE: customerStore,
  CUSTOMER_API_KEY: customerApiKey,
  REGTEST: regtest,
  SANDBOX: dir,
} = process.env;

const execute = promisify(execFile);

async function run(script, ...args) {
  return (await execute(`${regtest}/${script}`, ['--dir', dir, ...args])).stdout;
}

/** The customer pays an invoice, an address or a unified URI. */
async function pay(target, sats) {
  return JSON.parse(await run('pay', target, ...(sats ? [String(sats)] : [])));
}

/** So many blocks more, and both nodes have seen them; the height. */
async function mine(blocks = 1) {
  const height = Number(await run('mine', String(blocks)));
  for (const [at, key] of [
    [url, apiKey],
    [customerUrl, customerApiKey],
  ]) {
    await until(`the node of ${at} has seen block ${height}`, async () => {
      return (await get(`${at}/api/v1/server/lightning/BTC/info`, key)).blockHeight >= height;
    });
    await until(`${at} is ready`, async () => (await get(`${at}/api/v1/health`, key)).synchronized);
  }
  return height;
}

/** Asks without any client, for what the clients have no function for. */
async function ask(method, at, key, body) {
  const headers = { authorization: `token ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(at, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${at}: ${answer.status} ${await answer.text()}`);
  const text = await answer.text();
  return text && JSON.parse(text);
}

const get = (at, key) => ask('GET', at, key);

/** Asks again and again until the answer is true, and gives it back. */
async function until(what, probe, seconds = 30) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await probe();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`gave up after ${seconds} s waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

module.exports = { url, store, apiKey, customerUrl, customerStore, customerApiKey, pay, mine, ask, until };
