#!/usr/bin/env python3
"""Builds the benchmarks, runs Fleet and its peers in turn, prints a table.

Needs nothing but Python 3 itself; PyTorch goes into a virtual environment in
the build folder. See README.md beside this file.
"""
import argparse
import array
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WORKER = os.path.join(HERE, "peers", "torch_worker.py")
COLLECTIVE_WORKER = os.path.join(HERE, "peers", "torch_collective.py")
MAX_DRIFT = 0.10
TOLERANCE = 1e-5
FRAME_BYTES = 199  # around a payload, at most: header, checksum, fill (runtime/transport/Frame.h)
# Both directions share a loopback: what a link of 1 Gb/s each way gives.
LOOPBACK = "2gbit"
MLP_FLOP = 14.9e6  # forward, both gradients; no gradient of the input
PURE = ["filelock", "typing-extensions", "sympy", "networkx", "jinja2", "fsspec",
        "numpy", "setuptools"]
# What PyTorch's wheel loads on start and a CUDA toolkit does not bring.
BESIDE_CUDA = ["nvidia-cufile", "nvidia-cusparselt-cu13", "nvidia-nvshmem-cu13",
               "nvidia-nccl-cu13"]


class Failure(Exception):
    pass


def run(*command, **options):
    return subprocess.run([str(part) for part in command], check=True, **options)


class Worker:
    """A program that times one run for every line that it is sent."""

    def __init__(self, name, count, *command, environment=None):
        self.name, self.count, self.samples = name, count, []
        self.process = subprocess.Popen(
            [str(part) for part in command], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=dict(os.environ, **(environment or {})))
        self.greeting = self.process.stdout.readline().split()
        if not self.greeting:
            self.process.wait()
            raise Failure("%s: ended with status %d" % (name, self.process.returncode))

    def measure(self, count=None):
        self.process.stdin.write("%d\n" % (count or self.count))
        self.process.stdin.flush()
        line = self.process.stdout.readline().split()
        if not line:
            raise Failure("%s: ended in the middle" % self.name)
        return [float(value) for value in line]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def interleave(workers, rounds):
    """One run of each, over and over; samples[worker][column] = values."""
    for worker in workers:
        worker.measure(max(1, worker.count // 10))  # warm
    for _ in range(rounds):
        for worker in workers:
            worker.samples.append(worker.measure())
    for worker in workers:
        worker.close()


def column(worker, index=0):
    return [sample[index] for sample in worker.samples]


def show(name, values, unit, digits=2):
    print("  %-30s median %.*f  min %.*f %s" % (
        name, digits, statistics.median(values), digits, min(values), unit))
    print("      raw " + " ".join("%.*f" % (digits, value) for value in values))


def verdict(text, met):
    print("  %s: %s" % (text, "met" if met else "MISSED"))
    return met


def check_drift(values, what):
    drift = max(values) / min(values) - 1
    print("  the limit drifted by %.1f %%" % (100 * drift))
    if drift > MAX_DRIFT:
        raise Failure("%s drifted by %.1f %%, more than %d %%: the machine is not "
                      "quiet, nothing of this row counts"
                      % (what, 100 * drift, 100 * MAX_DRIFT))


def check_losses(ours, peer):
    mine, theirs = map(float, ours.greeting), list(map(float, peer.greeting))
    worst = max(abs(a - b) / abs(b) for a, b in zip(mine, theirs))
    print("  losses of %d steps: ours and %s differ by %.1e at most"
          % (len(theirs), peer.name, worst))
    if not worst <= TOLERANCE:
        raise Failure("the losses of %s differ by more than %.0e" % (peer.name, TOLERANCE))


class Bench:
    def __init__(self, arguments):
        self.build = os.path.abspath(arguments.build)
        self.bin = os.path.join(self.build, "bin")
        self.work = os.path.join(self.build, "bench-work")
        self.rounds = arguments.rounds
        self.python = arguments.python
        self.modes = ("eager",) if arguments.eager_only else ("eager", "compile")
        self.data = {}
        self.deep = None  # the rows of row 14

    def prepare(self):
        run("cmake", "-S", ROOT, "-B", self.build, "-DFLEET_BUILD_BENCH=ON",
            stdout=subprocess.DEVNULL)
        run("cmake", "--build", self.build, "--target", "fleet-transpile", "fleet-run",
            "fleet-launch", "bench-train-step", "bench-limits", "bench-executor-overhead",
            "bench-push-pull", "bench-collective-step", "bench-aggregate", "bench-row-table",
            "bench-row-exchange",
            stdout=subprocess.DEVNULL)
        # Only where there is MPI.
        for target in ("bench-all-reduce", "FleetMpi"):
            subprocess.run(["cmake", "--build", self.build, "--target", target],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)

    def prepare_torch(self):
        if self.python is None:
            folder = os.path.join(self.build, "bench-venv")
            self.python = os.path.join(folder, "bin", "python")
            if not os.path.exists(self.python):
                run(sys.executable, "-m", "venv", folder)
            if not self.torch():
                pip = [self.python, "-m", "pip", "install", "--quiet"]
                # The wheel alone first: what it asks for beside is gigabytes of
                # CUDA libraries, which a machine with a toolkit has already.
                run(*pip, "--no-deps", "torch", *BESIDE_CUDA)
                run(*pip, *PURE, stderr=subprocess.DEVNULL)
                if not self.torch():
                    run(*pip, "torch")
        version = self.torch()
        if not version:
            raise Failure("%s cannot import torch" % self.python)
        print("peer: PyTorch %s" % version)

    def torch(self):
        result = subprocess.run([self.python, "-c", "import torch; print(torch.__version__)"],
                                capture_output=True, text=True)
        return result.stdout.strip()

    def prepare_jobs(self):
        os.makedirs(self.work, exist_ok=True)
        examples = os.path.join(ROOT, "examples")
        run(sys.executable, os.path.join(examples, "mlp", "make_data.py"), "-o", self.work)
        for name in ("fit_a_line", "mlp"):
            run(os.path.join(self.bin, "fleet-transpile"),
                os.path.join(examples, name, name + ".mlir"), "-o", self.job(name))
        housing = os.path.join(examples, "fit_a_line", "housing.csv")
        x, y = (os.path.join(self.work, name) for name in ("x.npy", "y.npy"))
        self.data = {"fit_a_line": (housing + "#x=0..12,y=13", [housing], 20),
                     "mlp": ("x=%s,y=%s" % (x, y), [x, y], 128)}

    def job(self, name):
        return os.path.join(self.work, "job-" + name)

    def initial(self, name):
        return os.path.join(self.work, "initial-" + name)

    def ours(self, name, steps, threads):
        spec, _, batch = self.data[name]
        return Worker("fleet, %d thread%s" % (threads, "s" * (threads > 1)), steps,
                      os.path.join(self.bin, "bench-train-step"),
                      os.path.join(self.job(name), "local.plan"), spec, batch, threads,
                      self.initial(name))

    def peer(self, name, mode, steps, threads):
        files = self.data[name][1] if name in self.data else []
        return Worker("torch %s, %d thread%s" % (mode, threads, "s" * (threads > 1)), steps,
                      self.python, WORKER, name, mode, threads,
                      os.path.join(self.initial(name), "model.safetensors"), *files,
                      environment={"OMP_NUM_THREADS": str(threads)})

    def peers(self, name, steps):
        found = []
        for mode in self.modes:
            for threads in (1, 2):
                try:
                    found.append(self.peer(name, mode, steps, threads))
                except Failure as failure:
                    print("  left out: %s" % failure)
        if not found:
            raise Failure("no peer runs")
        return found

    def limits(self):
        return Worker("peak of one core", 1, os.path.join(self.bin, "bench-limits"))

    def training(self, name, our_steps, peer_steps):
        ours = self.ours(name, our_steps, 1)
        two = self.ours(name, our_steps, 2)
        peers = self.peers(name, peer_steps)
        for peer in peers:
            check_losses(ours, peer)
        limits = self.limits()
        interleave([limits, ours, two] + peers, self.rounds)
        show(limits.name, column(limits), "GFLOP/s", 1)
        for worker in [ours, two] + peers:
            show(worker.name, [value / 1e3 for value in column(worker)], "us a step", 3)
        best = min((statistics.median(column(peer)), peer.name) for peer in peers)
        eager = min((statistics.median(column(peer)), peer.name) for peer in peers
                    if "eager" in peer.name)
        mine = statistics.median(column(ours))
        print("  torch / fleet: best eager %.1f (%s), best of all %.1f (%s)"
              % (eager[0] / mine, eager[1], best[0] / mine, best[1]))
        return mine, eager[0] / mine, column(limits)

    def row1(self):
        """1: fit_a_line, batches of 20, SGD"""
        mine, ratio, limits = self.training("fit_a_line", 100000, 300)
        times = {count: [] for count in (2000, 42000)}
        for _ in range(self.rounds):
            for count, samples in times.items():
                samples.append(self.cold("fit_a_line", count))
        per_step = [(long - short) / 40000 * 1e9
                    for short, long in zip(times[2000], times[42000])]
        show("fleet-run, start-up taken off", [value / 1e3 for value in per_step],
             "us a step", 3)
        check_drift(limits, "the peak of a core")
        return verdict("at least 50 times the best eager", ratio >= 50)

    def row2(self):
        """2: MLP 32-128-128-2, batches of 128, SGD"""
        mine, _, limits = self.training("mlp", 2000, 300)
        floor = MLP_FLOP / statistics.median(limits)
        print("  floor of one core %.1f us; fleet / floor %.2f"
              % (floor / 1e3, mine / floor))
        check_drift(limits, "the peak of a core")
        return verdict("at most 1.3 times the floor with one thread", mine / floor <= 1.3)

    def row7(self):
        """7: 10000 tiny instructions"""
        ours = Worker("fleet", 1, os.path.join(self.bin, "bench-executor-overhead"))
        peer = self.peer("add", "eager", 100000, 1)
        interleave([ours, peer], self.rounds)
        show("fleet", column(ours), "ns an instruction")
        show("bare calls (the limit)", column(ours, 1), "ns an instruction")
        show("torch eager, 4 floats", column(peer), "ns an operation", 1)
        mine = statistics.median(column(ours))
        print("  fleet / limit %.2f; torch / fleet %.0f"
              % (mine / statistics.median(column(ours, 1)),
                 statistics.median(column(peer)) / mine))
        check_drift(column(ours, 1), "the loop of bare calls")
        return verdict("at most 50 ns", mine <= 50)

    def row9(self):
        """9: push and pull over TCP"""
        lines = run(os.path.join(self.bin, "bench-push-pull"), max(25, self.rounds),
                    capture_output=True, text=True).stdout.splitlines()
        met = True
        for line in lines:
            print("  " + line)
            cells = line.split()
            if cells[0] in ("1048576", "16777216"):
                met = float(cells[-1]) >= 0.8 and met
        return verdict("service at least 0.8 of bare sockets at 1 MB and 16 MB", met)

    def row11(self):
        """11: gradients merged and updated by in one pass"""
        met = True
        for line in run(os.path.join(self.bin, "bench-aggregate"), self.rounds,
                        capture_output=True, text=True).stdout.splitlines():
            print("  " + line)
            cells = line.split("\t")
            if cells[1] == "in pieces":
                met = float(cells[-1]) >= 0.8 and met
        return verdict("at least 0.8 of the bare loop", met)

    def row12(self):
        """12: rows of a table, by id"""
        met = True
        for line in run(os.path.join(self.bin, "bench-row-table"), self.rounds,
                        capture_output=True, text=True).stdout.splitlines():
            print("  " + line)
            cells = line.split()
            if cells[0] in ("sgd", "adagrad"):
                met = float(cells[-1]) >= 0.6 and met
        met = verdict("at least 0.6 of the bare rows", met)
        rates = []
        for line in run(os.path.join(self.bin, "bench-row-exchange"), self.rounds,
                        capture_output=True, text=True).stdout.splitlines():
            print("  " + line)
            cells = line.split()
            if cells[0] in ("uniform", "zipf"):
                rates.append(float(cells[2]))
        return verdict("at least 20 M ids a second over TCP", min(rates) >= 20) and met

    def cold(self, name, steps):
        spec, _, batch = self.data[name]
        begin = time.perf_counter()
        run(os.path.join(self.bin, "fleet-run"), self.job(name), "--data=" + spec,
            "--batch-size=%d" % batch, "--steps=%d" % steps, "--threads=1",
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return time.perf_counter() - begin

    def cold_torch(self, name):
        begin = time.perf_counter()
        run(self.python, WORKER, name, "cold", 1,
            os.path.join(self.initial(name), "model.safetensors"), *self.data[name][1])
        return time.perf_counter() - begin

    def bare_process(self):
        begin = time.perf_counter()
        run("true")
        return time.perf_counter() - begin

    def row13(self):
        """13: all-reduce between processes of this machine, against MPI_Allreduce"""
        program = os.path.join(self.bin, "bench-all-reduce")
        if not os.path.exists(program):
            raise Failure("bench-all-reduce is not built: it needs Open MPI (libopenmpi-dev)")
        met = True
        for ranks in (2, 4):
            lines = run("mpirun", "--allow-run-as-root", "--oversubscribe", "-np", ranks, program,
                        max(9, self.rounds), capture_output=True, text=True).stdout.splitlines()
            print("  %d ranks   %10s %-18s %12s %8s" % (ranks, "bytes", "", "us", "ratio"))
            worst = {}
            for line in lines:
                _, size, name, median, ratio, *raw = line.split("\t")
                print("            %10s %-18s %12s %8s   raw %s"
                      % (size, name, median, ratio, " ".join(raw)))
                large = int(size) >= 256 << 10
                key = (name, large)
                worst[key] = min(worst.get(key, float("inf")), float(ratio))
            met &= verdict("shm, arena: 3 times as fast from 256 KB on",
                           worst["shm, arena", True] >= 3)
            met &= verdict("shm: never slower", worst["shm, arena", False] >= 1 and
                           min(worst["shm, own memory", large] for large in (False, True)) >= 1)
            met &= verdict("mpi: 0.95 of MPI_Allreduce",
                           min(worst["mpi", large] for large in (False, True)) >= 0.95)
        return met

    def deep_program(self, width=480, layers=8):
        """An MLP, all of whose gradients are of a size but the last."""
        path = os.path.join(self.work, "deep.mlir")
        sizes = [(width, width)] * layers + [(width, 10)]
        with open(path, "w") as file:
            file.write("module @deep {\n")
            for i, (rows, columns) in enumerate(sizes):
                file.write("optim.parameter @w%d : tensor<%dx%dxf32> init = "
                           "#optim.xavier_uniform\n" % (i, rows, columns))
                file.write("optim.parameter @b%d : tensor<%dxf32> init = #optim.zeros\n"
                           % (i, columns))
            file.write("func.func @main(%%h0: tensor<?x%dxf32>, %%y: tensor<?x1xi64>) -> "
                       "tensor<f32> {\n" % width)
            for i, (rows, columns) in enumerate(sizes):
                w, b = "tensor<%dx%dxf32>" % (rows, columns), "tensor<%dxf32>" % columns
                z = "tensor<?x%dxf32>" % columns
                file.write("%%w%d = optim.read @w%d : %s\n" % (i, i, w))
                file.write("%%b%d = optim.read @b%d : %s\n" % (i, i, b))
                file.write("%%z%d = nn.linear %%h%d, %%w%d, %%b%d : (tensor<?x%dxf32>, %s, %s) "
                           "-> %s\n" % (i, i, i, i, rows, w, b, z))
                if i < layers:
                    file.write("%%h%d = nn.tanh %%z%d : %s\n" % (i + 1, i, z))
            file.write("%%cost = nn.softmax_cross_entropy %%z%d, %%y : (tensor<?x10xf32>, "
                       "tensor<?x1xi64>) -> tensor<?x1xf32>\n" % layers)
            file.write("%loss = nn.mean %cost : tensor<?x1xf32> -> tensor<f32>\n"
                       "optim.minimize %loss : tensor<f32> with "
                       "#optim.sgd<learning_rate = 1.0e-1>\n"
                       "return %loss : tensor<f32>\n}\n}\n")
        return path

    def deep_data(self, rows, width=480):
        """Random rows for it: two .npy files."""
        numbers = random.Random(1)
        paths = []
        for name, kind, count, values in (
                ("x", "<f4", width, (numbers.uniform(-1, 1) for _ in range(rows * width))),
                ("y", "<i8", 1, (numbers.randrange(10) for _ in range(rows)))):
            paths.append(os.path.join(self.work, "deep-%s.npy" % name))
            header = "{'descr': '%s', 'fortran_order': False, 'shape': (%d, %d), }" % (
                kind, rows, count)
            header += " " * (-(len(header) + 11) % 64) + "\n"
            with open(paths[-1], "wb") as file:
                file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
                           + header.encode("latin1"))
                array.array("f" if kind == "<f4" else "q", values).tofile(file)
        return paths

    def under_mpirun(self, ranks, *command, shaped=False):
        """What the ranks of a program print: lists of numbers, by name. If shaped, in a
        network namespace of their own, in which the loopback is the link."""
        mpirun = ["mpirun", "--allow-run-as-root", "-np", ranks]
        if shaped:
            mpirun = ["unshare", "--map-root-user", "--net", "sh", "-ec",
                      "ip link set lo up; tc qdisc add dev lo root tbf rate %s burst 1mb "
                      'latency 200ms; exec "$@"' % LOOPBACK, "sh"] + mpirun + [
                          "--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "lo"]
        environment = dict(os.environ, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo",
                           TORCH_CPP_LOG_LEVEL="ERROR")  # else: the link has no name server
        lines = run(*mpirun, *command, stdout=subprocess.PIPE, text=True,
                    env=environment).stdout.splitlines()
        cells = [line.split("\t") for line in lines]
        return {name: [float(value) for value in values] for name, *values in cells}

    def collective_step(self, ranks, backend, shaped=False):
        """The same for a round of bench-collective-step, 1024 rows a rank."""
        x, y = self.deep
        return self.under_mpirun(
            ranks, os.path.join(self.bin, "bench-collective-step"),
            os.path.join(self.job("deep-%d" % ranks), "trainer.plan"), backend, 1024, 1,
            "h0=%s,y=%s" % (x, y), self.initial("deep"), shaped=shaped)

    def collective_peer(self, megabytes):
        return self.under_mpirun(
            2, self.python, COLLECTIVE_WORKER, megabytes, 1, 1024,
            os.path.join(self.initial("deep"), "model.safetensors"), *self.deep, shaped=True)

    def prepare_row14(self):
        missing = [name for name in ("mpirun", "unshare", "ip", "tc")
                   if shutil.which(name) is None]
        if missing:
            raise Failure("%s not found: needs Open MPI, util-linux and iproute2"
                          % ", ".join(missing))
        if os.cpu_count() < 2:
            raise Failure("two trainers need two processors")
        os.makedirs(self.work, exist_ok=True)
        self.deep = self.deep_data(2 * 1024)
        strategy = os.path.join(self.work, "deep.textproto")
        with open(strategy, "w") as file:
            file.write("mode: COLLECTIVE\nfuse_grad_size_in_MB: 1\n")  # a layer a call
        for ranks in (1, 2):
            run(os.path.join(self.bin, "fleet-transpile"), self.deep_program(), "-o",
                self.job("deep-%d" % ranks), "--strategy=" + strategy, "--trainers=%d" % ranks)

    def row14(self):
        """14: a step of a collective job: beside the calls, and on two ranks"""
        self.prepare_row14()
        return self.overlap() & self.scaling()

    def overlap(self):
        print("  2 ranks, TCP, %s on the loopback they share" % LOOPBACK)
        contestants = {"fleet": lambda: self.collective_step(2, "mpi", shaped=True)}
        for megabytes in (1, 25):  # as ours, and what it takes by itself
            contestants["torch DDP, %d MB" % megabytes] = (
                lambda megabytes=megabytes: self.collective_peer(megabytes))
        samples, worst = {}, 0
        for _ in range(self.rounds):
            for name, once in contestants.items():
                result = once()
                losses = result.pop("losses")
                if name == "fleet":
                    ours = losses
                for mine, theirs in zip(ours, losses, strict=True):
                    worst = max(worst, abs(mine - theirs) / abs(theirs))
                if not worst <= TOLERANCE:
                    raise Failure("the losses of %s differ by %.1e from ours, more than %.0e"
                                  % (name, worst, TOLERANCE))
                for key, values in result.items():
                    samples.setdefault((name, key), []).append(values[0])
        print("  losses of %d steps: ours and the peer's differ by %.1e at most"
              % (len(ours), worst))
        for (name, key), values in samples.items():
            show("%s, %s" % (name, key), values, "ms")
        median = {key: statistics.median(values) for key, values in samples.items()}
        mine, serial, compute, calls, bound = (
            median["fleet", key] for key in ("overlap", "serial", "compute", "calls", "bound"))
        peer = min(median[name, "overlap"] for name in list(contestants)[1:])
        print("  serial / overlap %.2f; overlap / bound %.2f; %.0f %% of the calls' time "
              "shows; torch / fleet %.2f" % (serial / mine, mine / bound,
                                             100 * max(0, mine - compute) / calls, peer / mine))
        for key in ("compute", "calls"):
            check_drift(samples["fleet", key], "the time of '%s'" % key)
        met = verdict("at most 1.1 times the bound", mine <= 1.1 * bound)
        met &= verdict("overlap 1.3 times as fast as serial", serial >= 1.3 * mine)
        return verdict("not slower than torch", mine <= peer) and met

    def scaling(self):
        print("  1 and 2 ranks of one host, 1024 rows each")
        samples = {"1 rank": [], "2 ranks, shm": [], "2 ranks without calls": []}
        for _ in range(self.rounds):
            samples["1 rank"] += [self.collective_step(1, "auto")["overlap"][0]]
            both = self.collective_step(2, "shm")
            samples["2 ranks, shm"].append(both["overlap"][0])
            samples["2 ranks without calls"].append(both["compute"][0])
        for name, values in samples.items():
            show(name, values, "ms")
        one, two, apart = map(statistics.median, samples.values())
        print("  rows a second: 2 ranks / 1 rank %.2f; without calls, the limit, %.2f"
              % (2 * one / two, 2 * one / apart))
        check_drift(samples["2 ranks without calls"], "a step without calls")
        return verdict("2 ranks: 0.95 of the limit", apart / two >= 0.95)

    def row17(self):
        """17: from nothing to the end of the first step"""
        met = True
        for name in self.data:
            self.ours(name, 1, 1).close()  # writes the initial parameters
            contestants = {"fleet-run": lambda: self.cold(name, 1),
                           "torch": lambda: self.cold_torch(name),
                           "an empty process (the limit)": self.bare_process}
            samples = {key: [] for key in contestants}
            for once in contestants.values():
                once()  # files come into memory
            for _ in range(self.rounds):
                for key, once in contestants.items():
                    samples[key].append(once() * 1e3)
            for key, values in samples.items():
                show("%s, %s" % (name, key), values, "ms")
            mine = statistics.median(samples["fleet-run"])
            print("  torch / fleet %.0f" % (statistics.median(samples["torch"]) / mine))
            met = verdict("%s: at most 100 ms" % name, mine <= 100) and met
        return met


    def row15(self):
        """15: bytes on the wire, examples/ctr on 3 servers"""
        ctr = os.path.join(ROOT, "examples", "ctr")
        os.makedirs(self.work, exist_ok=True)
        clicks = os.path.join(self.work, "clicks.npz")
        run(sys.executable, os.path.join(ctr, "make_data.py"), "-o", clicks, "--rows=2000",
            stdout=subprocess.DEVNULL)
        sockets = [socket.socket() for _ in range(3)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        endpoints = ["127.0.0.1:%d" % one.getsockname()[1] for one in sockets]
        for one in sockets:
            one.close()
        job, metrics = self.job("ctr"), os.path.join(self.work, "ctr.jsonl")
        # Small enough blocks, that servers can be given equal shares.
        strategy = os.path.join(self.work, "ctr.textproto")
        with open(strategy, "w") as file:
            file.write("mode: PS\nmin_block_size: 1024\n")
        report = subprocess.run(
            [os.path.join(self.bin, "fleet-transpile"), os.path.join(ctr, "ctr.mlir"), "-o",
             job, "--strategy=" + strategy, "--trainers=2",
             "--pservers=" + ",".join(endpoints), "--explain"], check=True, capture_output=True, text=True).stdout
        foretold = int(re.search(r"to the byte: ([0-9]+) each way", report).group(1))
        messages = int(re.search(r"in ([0-9]+) messages? each way", report).group(1))
        imbalance = float(re.search(r"the largest server has ([0-9.]+) times", report).group(1))
        run(os.path.join(self.bin, "fleet-launch"), job, "--", "--data=" + clicks,
            "--batch-size=64", "--steps=20", "--metrics=" + metrics,
            stdout=subprocess.DEVNULL)
        sent = []
        for rank in ("", ".1"):
            with open(metrics + rank) as file:
                sent += [json.loads(line)["sent_bytes"] for line in file]
        overhead = messages * FRAME_BYTES / foretold
        print("  sent in a step: %d to %d bytes, foretold %d; headers %.3f %%; the largest "
              "server has %.2f times the mean"
              % (min(sent), max(sent), foretold, 100 * overhead, imbalance))
        met = verdict("as foretold", set(sent) == {foretold})
        met = verdict("headers: at most 0.1 %", overhead <= 0.001) and met
        return verdict("largest server: at most 1.02 times the mean",
                       imbalance <= 1.02) and met

    def large_program(self, parameters):
        """A program of so many parameters of 256x64, each with its update."""
        path = os.path.join(self.work, "large-%d.mlir" % parameters)
        indices = range(parameters)
        with open(path, "w") as file:
            file.write("module @large {\n")
            file.writelines("optim.parameter @p%d : tensor<256x64xf32> init = #optim.zeros\n" % i
                            for i in indices)
            file.write("func.func @main(%s) {\n"
                       % ", ".join("%%g%d: tensor<256x64xf32>" % i for i in indices))
            file.writelines("optim.sgd @p%d, %%g%d learning_rate = 0.1 : tensor<256x64xf32>\n"
                            % (i, i) for i in indices)
            file.write("return\n}\n}\n")
        return path

    def row16(self):
        """16: 10000 parameters over 1000 servers"""
        opt = os.path.join(self.bin, "fleet-opt")
        peer = ["mlir-opt-22", "--allow-unregistered-dialect", "--canonicalize", "--cse"]

        def distribute(parameters):
            endpoints = ",".join("h%d:1" % i for i in range(parameters // 10))
            return [opt, self.large_program(parameters),
                    "--fleet-distribute-ps=pservers=%s trainers=8" % endpoints,
                    "--fleet-verify-job"]

        def seconds(command):
            begin = time.perf_counter()
            run(*command, "-o", os.devnull)
            return time.perf_counter() - begin

        os.makedirs(self.work, exist_ok=True)
        large, small = distribute(10000), distribute(2000)
        job = os.path.join(self.work, "large-job.mlir")
        run(*large, "--mlir-print-op-generic", "-o", job)
        samples = {"fleet, 10000 over 1000": [], "fleet, 2000 over 200": [],
                   "mlir-opt --canonicalize --cse of the job": [],
                   "mlir-opt, only reading and writing it": []}
        for _ in range(self.rounds):
            for values, command in zip(samples.values(),
                                       (large, small, peer + [job], peer[:2] + [job])):
                values.append(seconds(command) * 1e3)
        for key, values in samples.items():
            show(key, values, "ms")
        mine, less, theirs, _ = [statistics.median(values) for values in samples.values()]
        print("  mlir-opt / fleet %.2f; five times as much takes %.2f times as long"
              % (theirs / mine, mine / less))
        met = verdict("not slower than canonicalize and cse of the job", mine <= theirs)
        return verdict("linear: at most 6 times as long", mine / less <= 6) and met


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"),
                        help="build folder, made if needed (default: build)")
    parser.add_argument("--python", help="a Python with torch (default: made in the build folder)")
    parser.add_argument("--rounds", type=int, default=9, help="at least 7 (default 9)")
    parser.add_argument("--eager-only", action="store_true",
                        help="leave torch.compile out, which takes a minute to start")
    parser.add_argument("--no-build", action="store_true", help="what is built is up to date")
    parser.add_argument("rows", nargs="*", type=int,
                        help="1 2 7 9 11 12 13 14 15 16 17 (default: all)")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    rows = {1: bench.row1, 2: bench.row2, 7: bench.row7, 9: bench.row9, 11: bench.row11, 12: bench.row12,
            13: bench.row13, 14: bench.row14, 15: bench.row15, 16: bench.row16,
            17: bench.row17}
    chosen = arguments.rows or list(rows)
    if arguments.rounds < 7 or not set(chosen) <= set(rows):
        parser.error("rounds are 7 or more, rows of %s" % " ".join(map(str, rows)))
    if not arguments.no_build:
        bench.prepare()
    if not set(chosen) <= {9, 11, 12, 13, 15, 16}:
        bench.prepare_torch()
    if not set(chosen) <= {9, 12, 13, 14, 15, 16}:
        bench.prepare_jobs()
    outcome = {}
    for number in chosen:
        print("\n" + rows[number].__doc__, flush=True)
        try:
            outcome[number] = "met" if rows[number]() else "missed"
        except (Failure, subprocess.CalledProcessError) as failure:
            print("  FAILED: %s" % failure)
            outcome[number] = "failed"
        sys.stdout.flush()
    print("\n" + ", ".join("row %d: %s" % pair for pair in outcome.items()))
    return 0 if set(outcome.values()) == {"met"} else 1


if __name__ == "__main__":
    sys.exit(main())
