"""pygreenfield as it is installed: its functions, and an object for each caller."""

import inspect
import types

import pygreenfield
from pygreenfield.rest import ApiException


def functions():
    """All functions of its API classes; each has a twin `…_with_http_info` below it."""
    return {
        f"{name}.{function}"
        for name, api in vars(pygreenfield).items()
        if inspect.isclass(api) and name.endswith("Api")
        for function in vars(api)
        if not function.startswith("_") and not function.endswith("_with_http_info")
    }


def refusal(error):
    """Status and body of an error that the server answered."""
    return (error.status, error.body) if isinstance(error, ApiException) and error.status else None


def caller(url, key=None, login=("", "")):
    """Every API class by its name, for one key or log-in."""
    configuration = pygreenfield.Configuration()
    configuration.host = url
    configuration.api_key = {"Authorization": key} if key else {}
    configuration.api_key_prefix = {"Authorization": "token"}
    configuration.username, configuration.password = login
    client = pygreenfield.ApiClient(configuration)
    if key:  # Of some functions that need a key, its description didn't say so.
        client.set_default_header("Authorization", f"token {key}")
    return types.SimpleNamespace(
        **{
            name: api(client)
            for name, api in vars(pygreenfield).items()
            if inspect.isclass(api) and name.endswith("Api")
        }
    )


def webhook_id(caller, store, url):
    """Its class of a webhook loses the id; the list, which it leaves as it came, has it."""
    hooks = caller.WebhooksApi.webhokks_get_webhooks(store)
    return next(hook["id"] for hook in hooks if hook["url"] == url)
