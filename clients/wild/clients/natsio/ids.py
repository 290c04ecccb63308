import asyncio
import os
from importlib.metadata import version

import natsio

subject = os.environ["WILD_SUBJECT"]


# [write]
async def ids(nc, subject, n=1):
    reply = await nc.request(subject, timeout=2, headers={"Accept": "text/plain", "Seq-Count": str(n)})
    if reply.headers and "Nats-Service-Error" in reply.headers:
        raise RuntimeError(reply.headers["Nats-Service-Error"])
    first, *last = map(int, reply.payload.split())
    return range(first, (last or [first])[0] + 1)
# [/write]


async def main():
    nc = await natsio.connect(os.environ["NATS_URL"])
    print("row: natsio")
    print("version:", version("natsio"))
    print(f"id: yes: `{await ids(nc, subject, 3)}`")
    reply = await nc.request(subject, b'{"n":0}')
    print(f"error: a reply like any other, with the header `Nats-Service-Error-Code: {reply.headers['Nats-Service-Error-Code']}`")
    try:
        await nc.request("seq.nosuch.key")
    except Exception as e:
        print(f"nobody: `{type(e).__name__}` at once")
    await nc.close()


asyncio.run(main())
