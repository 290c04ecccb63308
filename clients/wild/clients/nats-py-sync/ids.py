import json
import os
from importlib.metadata import version

import nats_sync

subject = os.environ["WILD_SUBJECT"]


# [write]
# It sends no headers, so n stands in the body; and it waits for ever unless it is told how long.
def ids(nc, subject, n=1):
    reply = nc.request(subject, json.dumps({"n": n}).encode(), timeout=2)
    answer = json.loads(reply.data)
    if "code" in answer:
        raise RuntimeError(f"{answer['code']}: {answer['error']}")
    first = int(answer["id"])
    return range(first, first + answer["n"])
# [/write]


nc = nats_sync.connect(os.environ["NATS_URL"])
print("row: nats-py-sync")
print("version:", version("nats-py-sync"), "with nats-py", version("nats-py"))
print(f"id: yes: `{ids(nc, subject, 3)}`")
reply = nc.request(subject, b'{"n":0}', timeout=2)
print(f"error: a reply like any other, with the header `Nats-Service-Error-Code: {reply.headers['Nats-Service-Error-Code']}`")
try:
    nc.request("seq.nosuch.key", b"", timeout=2)
except Exception as e:
    print(f"nobody: `{type(e).__name__}` at once")
