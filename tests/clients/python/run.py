"""All clients written in Python: a line for each call, and `CALLS CLIENTS FAILURES` in the file that is named."""

import sys

import greenfield_calls
import mcp_calls
import sdk_calls


def main():
    checks = [greenfield_calls.run(), mcp_calls.run(), sdk_calls.run()]
    with open(sys.argv[1], "w", encoding="utf-8") as result:
        print(
            sum(check.calls for check in checks), len(checks), sum(len(check.failures) for check in checks), file=result
        )


main()
