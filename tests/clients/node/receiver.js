// An endpoint for webhooks as a shop would have one: it checks each signature and keeps what came in its order.
'use strict';

const { createHmac } = require('node:crypto');
const { createServer } = require('node:http');

class Receiver {
  /** Listens on a free port of this machine. */
  static async open() {
    const receiver = new Receiver();
    receiver.came = [];
    receiver.waiting = new Set();
    receiver.server = createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        receiver.came.push({ headers: request.headers, body: Buffer.concat(parts) });
        response.end();
        for (const look of receiver.waiting) look();
      });
    });
    await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/hook`;
    return receiver;
  }

  /** What came about one object, such as `invoiceId`; each body was signed with the secret. */
  events(member, value) {
    for (const { headers, body } of this.came) {
      const digest = createHmac('sha256', this.secret).update(body).digest('hex');
      if (headers['btcpay-sig'] !== `sha256=${digest}`)
        throw new Error(`signature ${headers['btcpay-sig']} of ${body}`);
      if (headers['content-type'] !== 'application/json') throw new Error(`Content-Type: ${headers['content-type']}`);
      if (!headers['user-agent'].startsWith('BTCPayServer/')) throw new Error(`User-Agent: ${headers['user-agent']}`);
    }
    return this.about(member, value);
  }

  about(member, value) {
    return this.came.map(({ body }) => JSON.parse(body)).filter((event) => event[member] === value);
  }

  /** Waits until these events about one object have come, in this order and no others; gives them back. */
  async wait(member, value, types, seconds = 30) {
    await new Promise((resolve) => {
      const end = () => {
        this.waiting.delete(look);
        clearTimeout(timer);
        resolve();
      };
      const look = () => {
        if (this.about(member, value).length >= types.length) end();
      };
      const timer = setTimeout(end, seconds * 1000);
      this.waiting.add(look);
      look();
    });
    const events = this.events(member, value);
    const came = events.map((event) => event.type);
    if (came.join() !== types.join()) throw new Error(`about ${member} ${value} came ${came}, not ${types}`);
    return events;
  }

  close() {
    this.server.close();
    this.server.closeAllConnections();
  }
}

module.exports = { Receiver };
