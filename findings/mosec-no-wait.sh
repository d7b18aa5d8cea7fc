#!/usr/bin/env bash
# mosec 0.9.8: max_wait_time=0 is not "do not wait for a batch"; it is the server's default wait.
# Guess: a worker with max_batch_size=8 and max_wait_time=0 computes what is there at once; the option --wait is for
#   workers that name no wait.
# Seen: 0 counts as not named. A lone request to such a worker waits for --wait, 10 ms by default and here 400; with
#   max_wait_time=1 it waits for 1 ms.
# So: name 1 ms, the least that is taken, where latency counts; a race against mosec with 0 measures 10 ms of waiting.
set -euo pipefail
. "$(dirname "$0")/lib/setup.sh"
packages mosec==0.9.8 defspec==0.7.1 msgspec==0.23.0 offapi==0.1.4
cat > server.py <<'PY'
import sys

from mosec import Server, Worker


class Echo(Worker):
    def forward(self, data):
        return data


if __name__ == "__main__":
    wait = int(sys.argv.pop())
    server = Server()
    server.append_worker(Echo, max_batch_size=8, max_wait_time=wait)
    server.run()
PY
python <<'PY'
import http.client
import socket
import statistics
import subprocess
import sys
import time

from check import check


def lone_request_ms(max_wait_time):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "server.py", "--port", str(port), "--address", "127.0.0.1", "--wait", "400"]
    server = subprocess.Popen([*command, str(max_wait_time)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while True:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                times = []
                for _ in range(5):
                    begin = time.monotonic()
                    connection.request("POST", "/inference", body="1")
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200, answer.status
                    times.append(time.monotonic() - begin)
                return 1000 * statistics.median(times)
            except (ConnectionError, AssertionError):
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
    finally:
        server.terminate()
        server.wait()


check("a lone request waits for --wait with max_wait_time=0", lone_request_ms(0) > 350, True)
check("and with max_wait_time=1", lone_request_ms(1) > 350, False)
PY
