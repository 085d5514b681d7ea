"""A client's functions, each of which has to be called or has to be named as outside of what Tollway answers."""

import contextlib
import inspect
import json
import traceback

import wire


def name_of(function):
    """`Class.function` of a bound method, of an object or of a class."""
    owner = function.__self__
    owner = owner if inspect.isclass(owner) else type(owner)
    return f"{owner.__name__}.{function.__name__}"


class Checklist:
    """The functions of one client, and what came of calling them."""

    def __init__(self, client, functions, refusal):
        """`refusal` turns an exception of the client into (status, body), or into None if it isn't an answer's."""
        self.client = client
        self.functions = set(functions)
        self.refusal = refusal
        self.called = set()
        self.calls = 0
        self.failures = []

    def works(self, function, *args, then=None, **kwargs):
        """Has to succeed, and its answer to satisfy `then`. Gives the answer back."""
        answer, error, line = self._call(function, args, kwargs)
        if error is not None:
            return self._failed(line, self._words(error))
        try:
            if then is not None and not then(answer):
                return self._failed(line, f"this is not what was asked for: {shown(answer)}")
        except Exception as wrong:  # an answer of another shape
            return self._failed(line, f"{type(wrong).__name__} {wrong} in {shown(answer)}")
        self._passed(line)
        return answer

    def refused(self, status, code, function, *args, **kwargs):
        """Has to be refused in this way."""
        answer, error, line = self._call(function, args, kwargs)
        if error is None:
            return self._failed(line, f"not refused, but answered {shown(answer)}")
        refusal = self.refusal(error)
        if refusal is None or refusal[0] != status or code_of(refusal[1]) != code:
            return self._failed(line, f"not refused with {status} {code}, but: {self._words(error)}")
        return self._passed(line, f"{status} {code}")

    def outside(self, room, function, **known):
        """Belongs to a room that isn't there: 404 (or 405, if the path has other methods) without any harm."""
        arguments = {
            name: known.get(name, {} if name == "body" else "x")
            for name, parameter in inspect.signature(function).parameters.items()
            if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        }
        answer, error, line = self._call(function, (), arguments)
        if error is None:
            return self._failed(line, f"outside ({room}), but answered {shown(answer)}: it belongs to another row now")
        refusal = self.refusal(error)
        if refusal is None or refusal[0] not in (404, 405) or code_of(refusal[1]) != "generic-error":
            return self._failed(line, f"outside ({room}), but: {self._words(error)}")
        return self._passed(line, f"outside: {room}")

    @contextlib.contextmanager
    def room(self, name):
        """A part that may break off without taking the others along."""
        try:
            yield
        except Exception as error:
            trace = traceback.extract_tb(error.__traceback__)[-1]
            self.failures.append(f"{self.client}: {name} broke off: {error!r} at {trace.filename}:{trace.lineno}")
            print(f"{name} BROKE OFF: {error!r}", flush=True)

    def expect(self, what, true):
        """Something beside a call that has to be so."""
        if not true:
            self._failed(what, "is not so")
        return true

    def end(self):
        """Names what was forgotten; the number of failures."""
        for name in sorted(self.functions - self.called):
            self.failures.append(f"{self.client}: {name} is in no row of the table")
        for name in sorted(self.called - self.functions):
            self.failures.append(f"{self.client}: {name} is no function of the installed package")
        for failure in self.failures:
            print(f"FAILED {failure}")
        print(f"{self.client}: {self.calls} calls, {len(self.failures)} failures", flush=True)
        return len(self.failures)

    def _call(self, function, args, kwargs):
        name = name_of(function)
        self.called.add(name)
        self.calls += 1
        before = len(wire.seen)
        answer = error = None
        try:
            answer = function(*args, **kwargs)
        except Exception as raised:  # each client has its own
            error = raised
        requests = wire.seen[before:]
        line = " ".join(requests[0][:2]) if requests else "no request"
        return answer, error, f"{line} [{name}]"

    def _passed(self, line, words=""):
        print(f"{line} … ok{words and f' ({words})'}", flush=True)

    def _failed(self, line, words):
        print(f"{line} … FAILED: {words}", flush=True)
        self.failures.append(f"{self.client}: {line}: {words}")

    def _words(self, error):
        refusal = self.refusal(error)
        return f"{refusal[0]} {refusal[1]}" if refusal else f"{type(error).__name__}: {error}"


def shown(answer):
    """An answer in one line, the beginning of it if it is long."""
    words = " ".join(repr(answer).split())
    return words if len(words) <= 600 else f"{words[:600]} …"


def code_of(body):
    """The `code` of an error object, or the paths of an array of faults."""
    try:
        body = json.loads(body)
    except ValueError:
        return None
    return [fault["path"] for fault in body] if isinstance(body, list) else body.get("code")
