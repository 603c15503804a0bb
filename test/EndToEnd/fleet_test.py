"""What the end-to-end tests share: real processes, real sockets, real files."""
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

BIN = os.environ["FLEET_BIN"]
SOURCE = os.environ["FLEET_SOURCE"]
FIT_A_LINE = os.path.join(SOURCE, "examples/fit_a_line/fit_a_line.mlir")
MLP = os.path.join(SOURCE, "examples/mlp/mlp.mlir")
CTR = os.path.join(SOURCE, "examples/ctr/ctr.mlir")
HOUSING = os.path.join(SOURCE, "examples/fit_a_line/housing.csv")
HOUSING_DATA = "--data=" + HOUSING + "#x=0..12,y=13"


def tool(name):
    return os.path.join(BIN, name)


def free_endpoints(count):
    """Endpoints that nobody listens at; all are held until all are chosen."""
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    endpoints = ["127.0.0.1:%d" % s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return endpoints


def read_checkpoint(folder):
    """{name: (dtype, shape, bytes)} of DIR/model.safetensors."""
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    body = data[8 + size:]
    return {name: (entry["dtype"], entry["shape"],
                   body[entry["data_offsets"][0]:entry["data_offsets"][1]])
            for name, entry in header.items()}


def write_checkpoint(folder, tensors):
    """A safetensors file as another tool would write it (no checksum)."""
    os.makedirs(folder, exist_ok=True)
    header, body = {}, b""
    for name, (dtype, shape, data) in sorted(tensors.items()):
        header[name] = {"dtype": dtype, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


def floats(tensor):
    return struct.unpack("<%df" % (len(tensor[2]) // 4), tensor[2])


class FleetTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="fleet-e2e-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        self.children = []
        self.addCleanup(self.kill_children)

    def kill_children(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.communicate()

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text, mode="w"):
        with open(self.path(name), mode) as file:
            file.write(text)
        return self.path(name)

    def run_tool(self, *args, timeout=60, env=None):
        return subprocess.run([str(a) for a in args], capture_output=True, text=True,
                              timeout=timeout, errors="replace",
                              env=dict(os.environ, **(env or {})))

    def start(self, *args, env=None):
        child = subprocess.Popen([str(a) for a in args], stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, errors="replace",
                                 env=dict(os.environ, **(env or {})))
        self.children.append(child)
        return child

    def finish(self, child, timeout=60):
        out, err = child.communicate(timeout=timeout)
        return child.returncode, out, err

    def transpile(self, program, name, *flags):
        result = self.run_tool(tool("fleet-transpile"), program, "-o", self.path(name),
                               *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        return self.path(name)

    def make_clicks(self, rows):
        script = os.path.join(SOURCE, "examples/ctr/make_data.py")
        result = self.run_tool(sys.executable, script, "--rows", rows, "-o",
                               self.path("clicks.npz"))
        self.assertEqual(result.returncode, 0, result.stderr)
        entropy = float(re.search(r"entropy ([0-9.]+)", result.stdout).group(1))
        return "--data=" + self.path("clicks.npz"), entropy

    def program_with(self, source, optimizer):
        """The example `source` with another optimizer."""
        with open(source) as file:
            text = file.read()
        begin = text.index("#optim.", text.index("optim.minimize"))
        end = text.index(">", begin) + 1
        return self.write("program.mlir", text[:begin] + optimizer + text[end:])

    def assert_fails(self, result, status, *words):
        """One line of error that says `words`, and the exit status."""
        self.assertEqual(result.returncode, status, result.stderr)
        errors = [l for l in result.stderr.splitlines() if "error:" in l]
        self.assertEqual(len(errors), 1, result.stderr)
        for word in words:
            self.assertIn(word, errors[0])

    def assert_nothing_left(self, *jobs):
        """No process works on any of these folders any more."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    command = file.read()
            except OSError:
                continue
            for job in jobs:
                self.assertNotIn(job.encode() + b"\0", command)
