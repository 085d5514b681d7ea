"""An endpoint for webhooks as a shop would have one: it checks each signature and keeps what came in its order."""

import hashlib
import hmac
import http.server
import json
import threading


class Receiver:
    """Listens on a free port of this machine from the moment it is made."""

    def __init__(self):
        self.secret = None
        self._came = []
        self._changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver._take(self.headers, body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, headers, body):
        with self._changed:
            self._came.append((headers, body))
            self._changed.notify_all()

    def events(self, member, value):
        """What came about one object, such as `invoiceId`; each body was signed with the secret."""
        with self._changed:
            came = list(self._came)
        found = []
        for headers, body in came:
            digest = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
            assert headers["BTCPay-Sig"] == f"sha256={digest}", f"signature {headers['BTCPay-Sig']} of {body!r}"
            assert headers["Content-Type"] == "application/json", headers["Content-Type"]
            assert headers["User-Agent"].startswith("BTCPayServer/"), headers["User-Agent"]
            event = json.loads(body)
            if event.get(member) == value:
                found.append(event)
        return found

    def wait(self, member, value, types, seconds=30):
        """Waits until these events about one object have come, in this order and no others; gives them back."""
        enough = lambda: len(self.events(member, value)) >= len(types)
        with self._changed:
            self._changed.wait_for(enough, seconds)
        events = self.events(member, value)
        came = [event["type"] for event in events]
        assert came == types, f"about {member} {value} came {came}, not {types}"
        return events

    def close(self):
        self._server.shutdown()
