import asyncio
import os
import sys
from importlib.metadata import version

from natsrpy import Nats

subject = os.environ["WILD_SUBJECT"]


# [write]
async def ids(nc, subject, n=1):
    reply = await nc.request(subject, b"", headers={"Accept": "text/plain", "Seq-Count": str(n)}, timeout=2)
    if "Nats-Service-Error" in reply.headers:
        raise RuntimeError(reply.headers["Nats-Service-Error"])
    first, *last = map(int, reply.payload.split())
    return range(first, (last or [first])[0] + 1)
# [/write]


async def main():
    nc = Nats(addrs=[os.environ["NATS_URL"]])
    await nc.startup()
    print("row: natsrpy")
    print("version:", version("natsrpy"))
    print(f"id: yes: `{await ids(nc, subject, 3)}`")
    reply = await nc.request(subject, b'{"n":0}')
    print(f"error: a reply like any other, with the header `Nats-Service-Error-Code: {reply.headers['Nats-Service-Error-Code']}`; its `status` is {reply.status}")
    try:
        await nc.request("seq.nosuch.key", b"")
    except Exception as e:
        print(f"nobody: `{type(e).__name__}` at once, told by its text alone: {e}")
    await nc.shutdown()


asyncio.run(main())
sys.stdout.flush()
os._exit(0)  # without Python's own tidying up, in which its threads were seen to panic
