"""What a client really sends, seen below it in Python's own http.client, so that the client itself stays as it is."""

import http.client

seen = []
"""One [method, path, status] for each request; status is None until the answer is there."""

_put_request = http.client.HTTPConnection.putrequest
_get_response = http.client.HTTPConnection.getresponse


def _noting_put_request(connection, method, url, *args, **kwargs):
    connection.noted = [method, url, None]
    seen.append(connection.noted)
    return _put_request(connection, method, url, *args, **kwargs)


def _noting_get_response(connection, *args, **kwargs):
    response = _get_response(connection, *args, **kwargs)
    connection.noted[2] = response.status
    return response


http.client.HTTPConnection.putrequest = _noting_put_request
http.client.HTTPConnection.getresponse = _noting_get_response
