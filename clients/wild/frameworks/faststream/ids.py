import asyncio
import os
from importlib.metadata import version

from faststream.nats import NatsBroker

subject = os.environ["WILD_SUBJECT"]


# [write]
# An error is no exception here: it is a dict with a code.
async def ids(broker, subject, n=1):
    reply = await broker.request({"n": n}, subject, timeout=2)
    answer = await reply.decode()
    if "code" in answer:
        raise RuntimeError(f"{answer['code']}: {answer['error']}")
    first = int(answer["id"])
    return range(first, first + answer["n"])
# [/write]


async def main():
    async with NatsBroker(os.environ["NATS_URL"], logger=None) as broker:
        print("row: FastStream")
        print("version:", version("faststream"))
        print(f"id: yes: `{await ids(broker, subject, 3)}`")
        reply = await broker.request({"n": 0}, subject)
        print(f"error: nothing is raised: `decode()` returns `{await reply.decode()}`")
        try:
            await broker.request({}, "seq.nosuch.key")
        except Exception as e:
            print(f"nobody: `{type(e).__name__}` at once")
        reply = await broker.request(b"", subject)
        print(f"note: `request(b\"\", …)` gets msgpack, which `decode()` returns as {type(await reply.decode()).__name__}")
        reply = await broker.request("", subject, headers={"Accept": "text/plain"})
        print(f"note: as text, one id is decoded to {type(await reply.decode()).__name__}, and a range to {type(await (await broker.request('', subject, headers={'Accept': 'text/plain', 'Seq-Count': '3'})).decode()).__name__}")


asyncio.run(main())
