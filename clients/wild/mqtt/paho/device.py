"""An MQTT device that wants ids: by itself, and through bridge.py."""

import asyncio
import os
import queue
import subprocess
import sys
from importlib.metadata import version
from urllib.parse import urlparse

import nats
import paho.mqtt.client as mqtt

STORE = "wild"
BROKER = urlparse(os.environ["WILD_MQTT_URL"])


def row(name, done, seen):
    print("row:", name)
    print("version:", version("paho-mqtt"))
    print("done:", done)
    print("seen:", seen, flush=True)


class Device:
    """A connected client whose events are waited for."""

    def __init__(self, protocol, name):
        self.events = queue.Queue()
        self.name = name
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=protocol)
        self.client.on_connect = lambda _c, _u, _f, reason, _p: self.events.put(str(reason))
        self.client.on_subscribe = lambda *_: self.events.put("subscribed")
        self.client.on_publish = lambda *_: self.events.put("published")
        self.client.on_message = lambda _c, _u, m: self.events.put((m.topic, m.payload.decode()))
        self.client.on_disconnect = lambda _c, _u, _f, reason, _p: self.events.put(f"disconnected: {reason}")
        self.client.connect(BROKER.hostname, BROKER.port)
        self.client.loop_start()
        self.connected = self.next()

    def next(self):
        return self.events.get(timeout=20)

    def wait(self, event):
        while (got := self.next()) != event:
            if isinstance(got, str) and got.startswith("disconnected"):
                raise RuntimeError(got)

    def subscribe(self, topic):
        self.client.subscribe(topic, qos=1)
        self.wait("subscribed")

    def ask(self, store, key, payload):
        """Returns what the bridge answers."""
        self.client.publish(f"ask/{store}/{key}/{self.name}", payload, qos=1)
        while not isinstance(got := self.next(), tuple):
            pass
        return got[1]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


async def next_id(key):
    nc = await nats.connect(os.environ["WILD_EDGE_URL"])
    reply = await nc.request(f"seq.{STORE}.{key}", headers={"Accept": "text/plain"}, timeout=10)
    await nc.close()
    return reply.data.decode()


def alone():
    five = Device(mqtt.MQTTv5, "five")
    row("paho-mqtt, MQTT 5", "connect", f"refused: {five.connected}")
    five.close()
    device = Device(mqtt.MQTTv311, "alone")
    device.subscribe("ids/#")
    device.client.publish(f"seq/{STORE}/alone", "{}", qos=1)
    device.wait("published")
    device.close()
    row(
        "paho-mqtt, MQTT 3.1.1",
        f"publish to `seq/{STORE}/alone`: MQTT 3.1.1 has no field for a reply's topic",
        f"the server takes the message, seqd drops it, and no id is spent: the next one is {asyncio.run(next_id('alone'))}",
    )


def bridged():
    bridge = subprocess.Popen([sys.executable, "bridge.py"], stdout=subprocess.PIPE, text=True)
    try:
        bridge.stdout.readline()
        device, other = Device(mqtt.MQTTv311, "device7"), Device(mqtt.MQTTv311, "device8")
        for d in (device, other):
            d.subscribe(f"ids/{d.name}")
        got = device.ask(STORE, "bridged", "order-7")
        row("paho-mqtt, MQTT 3.1.1, and the bridge", f"publish `order-7` to `ask/{STORE}/bridged/device7`", f"`{got}` on `ids/device7`")
        row("the same again", "publish `order-7` once more", f"`{device.ask(STORE, 'bridged', 'order-7')}`")
        row("another device", f"publish `order-7` to `ask/{STORE}/bridged/device8`", f"`{other.ask(STORE, 'bridged', 'order-7')}`")
        row("no payload", "publish nothing, twice", f"`{device.ask(STORE, 'bridged', '')}`, then `{device.ask(STORE, 'bridged', '')}`")
        row("a payload that is too long", "publish 65 bytes", f"`{device.ask(STORE, 'bridged', 'x' * 65)}`")
        row("no worker", "publish to `ask/nosuch/bridged/device7`", f"`{device.ask('nosuch', 'bridged', 'order-7')}`")
        device.close()
        other.close()
    finally:
        bridge.kill()
        bridge.wait()


async def heard(topics):
    """Returns the subjects at which NATS hears what is published to these topics."""
    nc = await nats.connect(os.environ["WILD_EDGE_URL"])
    came = asyncio.Queue()
    await nc.subscribe("map.>", cb=came.put)
    await nc.flush()
    device = Device(mqtt.MQTTv311, "mapped")
    subjects = {}
    for topic in topics:
        device.client.publish(topic, b"", qos=1)
        event = await asyncio.to_thread(device.next)
        if event != "published":
            subjects[topic] = event
            break
        subjects[topic] = (await asyncio.wait_for(came.get(), 20)).subject
    device.close()
    await nc.close()
    return subjects


def mapping():
    subjects = asyncio.run(heard(["map/a/b", "map/a.b", "map/a=20b", "map/a//b", "map/a/", "map/a b"]))
    row(
        "topics and subjects",
        "publish to topics that a key may come from",
        "; ".join(f"`{topic}`: `{subject}`" if "disc" not in subject else f"`{topic}`: {subject}" for topic, subject in subjects.items()),
    )


alone()
bridged()
mapping()
