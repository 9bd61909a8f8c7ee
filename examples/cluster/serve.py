"""Starts the cluster and leaves it running until it is interrupted."""

import argparse
import shutil
import signal
import sys
import tempfile

from check import seed
from cluster import TOKENS, Cluster


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--servers", type=int, default=2)
    parser.add_argument("--pgbouncer", action="store_true", help="servers reach the primary through PgBouncer")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="onbehalf-cluster-")
    try:
        with Cluster(options.binary, folder, options.servers, options.pgbouncer) as cluster:
            proxy, patient = seed(cluster)[0]
            print(f"http://127.0.0.1:{cluster.port}/FHIR/R4 with the bearer token {TOKENS[0]}; among its invented people "
                  f"are {proxy} and {patient}.")
            for part in cluster.started:
                print(f"  {part.name}: process {part.process.pid}, log {part.log}")
            print("Interrupt it to stop; nothing is left.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
