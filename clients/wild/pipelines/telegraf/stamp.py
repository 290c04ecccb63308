"""Numbers metrics: reads lines of Influx's protocol and writes each with a field id."""

import asyncio
import json
import os
import sys

import nats

SUBJECT = os.environ["WILD_STAMP"]


async def main():
    nc = await nats.connect(os.environ["NATS_URL"])
    # [write] processors.execd of Telegraf: a program in Python
    for line in sys.stdin:
        series, fields, when = line.rstrip("\n").rsplit(" ", 2)  # no blanks within fields here
        try:
            answer = json.loads((await nc.request(SUBJECT, b"{}", timeout=2)).data)
        except nats.errors.Error as e:
            answer = {"code": "NO_ANSWER", "error": str(e)}
        if "code" in answer:  # a metric without an id is not to go on
            print(f"{answer['code']}: {answer['error']}", file=sys.stderr, flush=True)
            continue
        print(f"{series} id={answer['id']}i,{fields} {when}", flush=True)  # without the i it is a float
    # [/write]
    await nc.close()


asyncio.run(main())
