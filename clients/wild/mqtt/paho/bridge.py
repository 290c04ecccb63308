"""Asks for MQTT devices. A device publishes to ask/STORE/KEY/DEVICE and hears ids/DEVICE."""

import asyncio
import os

import nats


async def main():
    nc = await nats.connect(os.environ["WILD_EDGE_URL"])

    # [write] a bridge from MQTT, in Python
    async def ask(m):  # topic ask/STORE/KEY/DEVICE; the payload may name what the id is for
        _, store, key, device = m.subject.split(".")
        headers = {"Accept": "text/plain", "Seq-Timeout-Ms": "2000"}
        if m.data:  # a message that comes twice gets one id, and another device another
            headers["Idempotency-Key"] = f"{device}:{m.data.decode()}"
        try:
            reply = (await nc.request(f"seq.{store}.{key}", timeout=2, headers=headers)).data
        except nats.errors.Error as e:
            reply = f"error: {e}".encode()
        await nc.publish(f"ids.{device}", reply)

    await nc.subscribe("ask.*.*.*", queue="bridge", cb=ask)
    # [/write]
    await nc.flush()
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
