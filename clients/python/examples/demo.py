"""Asks for ten ids of one key, one after the other:

python examples/demo.py -s sequencer_demo
"""

from __future__ import annotations

import argparse
import os
import sys

import seqd

KEY = "key666"


def main() -> int:
    parser = argparse.ArgumentParser(description="ask for ten ids of one key")
    parser.add_argument("-s", metavar="STORE", dest="store", required=True, help="store to ask, e.g. sequencer_demo")
    default = os.environ.get("NATS_URL") or "nats://127.0.0.1:4222"
    parser.add_argument("--nats-url", default=default, help="NATS server (default $NATS_URL, or %(default)s)")
    args = parser.parse_args()
    try:
        with seqd.connect(args.nats_url) as nc:
            client = seqd.Client(nc)
            print(f"Try to get next id.Key:{KEY}")
            for _ in range(10):
                print(f"Next id:next_id:{client.next(args.store, KEY)}")
            print("Demo success!")
    except seqd.NotConnectedError as e:
        print(f"demo: {e}; start a server with: seqd dev, or name another one with --nats-url", file=sys.stderr)
        return 1
    except seqd.Error as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
