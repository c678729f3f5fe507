"""`make run`, with the functions of `make build`: it shows orders reaching their end, and Ctrl-C
ends it.

With `ENDPOINT` the system stays where it was deployed, and the same command deploys it again.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request
from pathlib import Path

import cloud
from api import Api

RUN = Path(__file__).with_name("run.py")
READY_WITHIN_S = 120


class Run(unittest.TestCase):
    def test_orders_reach_their_end_and_ctrl_c_leaves_nothing_behind(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder, temporary = Path(name, "local"), Path(name, "tmp")
            temporary.mkdir()
            process = subprocess.Popen(
                [sys.executable, str(RUN), "--port", "0", "--folder", str(folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                env={**os.environ, "TMPDIR": str(temporary)},
            )
            too_slow = threading.Timer(READY_WITHIN_S, process.kill)
            too_slow.start()
            try:
                said = ""
                while "Ctrl-C" not in said:
                    line = process.stdout.readline()
                    self.assertTrue(line, said)
                    said += line

                self.assertNotIn("\x1b", said, "colours outside of a terminal")
                for title in (
                    "all is well",
                    "the card is declined",
                    "out of stock",
                    "the carrier refuses",
                ):
                    self.assertIn(title, said)
                self.assertEqual(
                    (1, 3),
                    (
                        len(re.findall(r"\d ✓ confirmed\b", said)),
                        len(re.findall(r"\d ✗ cancelled\b", said)),
                    ),
                    said,
                )
                for moment in ("sent", "recorded", "accepted", "visible"):
                    self.assertRegex(said, rf"(?m)^ +\d+ ms .. {moment} ")
                api_url = Path(folder, "api-url").read_text(encoding="utf-8").strip()
                system = json.loads(Path(folder, "system.json").read_text(encoding="utf-8"))
                self.assertEqual(
                    (api_url, True), (system["api_url"], api_url.startswith(system["endpoint"]))
                )
                self.assertIn("EventsTableName", system["outputs"])
                self.assertEqual(
                    3, len(re.findall(rf"(?m)^  curl .*{re.escape(api_url)}/", said)), said
                )
                with urllib.request.urlopen(
                    re.search(r"(?m)^  curl (\S+/orders/\S+)$", said)[1], timeout=10
                ) as answer:
                    self.assertIn(json.load(answer)["status"], ("pending", "confirmed"))

                process.send_signal(signal.SIGINT)
                rest, _ = process.communicate()
                self.assertEqual(0, process.returncode, rest)
                self.assertEqual([], list(temporary.iterdir()))
                self.assertEqual(
                    [], [name for name in ("api-url", "system.json") if Path(folder, name).exists()]
                )
                with socket.socket() as probe:
                    address = re.search(r"//([\d.]+):(\d+)", api_url)
                    self.assertNotEqual(
                        0,
                        probe.connect_ex((address[1], int(address[2]))),
                        "something still listens",
                    )
            finally:
                too_slow.cancel()
                process.kill()
                process.stdout.close()
                process.wait()

    def test_on_another_cloud_it_runs_twice_and_the_system_keeps_running(self) -> None:
        with tempfile.TemporaryDirectory() as name, cloud.Cloud(
            0, Path(name, "cloud.log")
        ) as other:
            folder = Path(name, "local")
            for moment in ("creating the stack", "updating the stack"):
                ended = subprocess.run(
                    [
                        sys.executable,
                        str(RUN),
                        "--endpoint",
                        other.endpoint,
                        "--folder",
                        str(folder),
                    ],
                    capture_output=True,
                    text=True,
                    timeout=READY_WITHIN_S,
                )
                self.assertEqual((0, ""), (ended.returncode, ended.stderr), ended.stdout)
                self.assertIn(moment, ended.stdout)
                self.assertRegex(ended.stdout, r"(?m)^ +\d+ ms .. visible ")
                self.assertIn(
                    f"The system keeps running; its URL is in {folder / 'api-url'}.", ended.stdout
                )
                api_url = Path(folder, "api-url").read_text(encoding="utf-8").strip()
                api = Api(other.endpoint, host=api_url.partition("://")[2])
                self.addCleanup(api.connection.close)
                self.assertEqual("MUG-01", api.call("GET", "/stock/MUG-01").body["sku"])


if __name__ == "__main__":
    unittest.main()
