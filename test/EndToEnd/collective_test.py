"""Collective jobs of real processes: over shared memory, and under mpirun."""
import json
import os
import re
import shutil
import signal
import struct
import time
import unittest

from fleet_test import (FIT_A_LINE, HOUSING_DATA, SOURCE, FleetTest, floats, free_endpoints,
                        read_checkpoint, tool)

MPIRUN = shutil.which("mpirun")
MODULES = os.path.join(os.path.dirname(tool("x")), "../lib")
DATA = (HOUSING_DATA, "--batch-size=10")
TRAIN = DATA + ("--epochs=3", "--seed=1")


class Collective(FleetTest):
    def setUp(self):
        super().setUp()
        self.job = self.transpile(FIT_A_LINE, "job", "--mode=collective", "--trainers=2")

    def ranks(self, *flags, seeds=("1", "1"), epochs=3):
        """Both trainers, started by hand."""
        endpoint = free_endpoints(1)[0]
        return [self.start(tool("fleet-run"), self.job, *DATA, "--epochs=%d" % epochs,
                           "--seed=" + seeds[rank], *flags, env={"FLEET_RANK": str(rank), "FLEET_TRAINERS": "2",
                                        "FLEET_COORDINATOR": endpoint})
                for rank in range(2)]

    def assert_like_one_machine(self, folder):
        """Two trainers with 10 rows each are one machine with 20, up to rounding."""
        local = self.transpile(FIT_A_LINE, "local", "--mode=local")
        result = self.run_tool(tool("fleet-run"), local, HOUSING_DATA, "--batch-size=20",
                               "--epochs=3", "--seed=1", "--save=" + self.path("one"))
        self.assertEqual(result.returncode, 0, result.stderr)
        one, other = read_checkpoint(self.path("one")), read_checkpoint(folder)
        self.assertEqual(one.keys(), other.keys())
        for name in one:
            for a, b in zip(floats(one[name]), floats(other[name])):
                self.assertAlmostEqual(a, b, delta=1e-4 * max(1, abs(a)))

    def test_two_processes_share_memory(self):
        for child in self.ranks("--save=" + self.path("two")):
            status, out, err = self.finish(child)
            self.assertEqual(status, 0, out + err)
        self.assert_like_one_machine(self.path("two"))

    def test_tables_like_one_machine(self):
        with open(os.path.join(SOURCE, "examples/ctr/ctr_tables.mlir")) as file:
            text = file.read().replace("1000000000000", "20000")
        program = self.write("sparse.mlir", text.replace("rows = distributed", "rows = sparse"))
        data, entropy = self.make_clicks(4000)
        losses, saved = [], []
        for name, batch, *flags in (("one", 128), ("two", 64, "--mode=collective",
                                                   "--trainers=2")):
            job = self.transpile(program, name, *flags)
            result = self.run_tool(tool("fleet-launch"), job, "--", data, "--seed=1",
                                   "--batch-size=%d" % batch, "--epochs=4", "--shuffle",
                                   "--threads=1", "--save=" + self.path("save_" + name))
            self.assertEqual(result.returncode, 0, result.stderr)
            losses.append(float(re.search(r"final loss ([0-9.]+)", result.stdout).group(1)))
            saved.append(read_checkpoint(self.path("save_" + name)))
            self.assert_nothing_left(job)
        self.assertLess(losses[0], entropy - 0.05)
        self.assertAlmostEqual(losses[0], losses[1], delta=1e-3)
        self.assertEqual(saved[0].keys(), saved[1].keys())
        for name in saved[0]:
            one, two = floats(saved[0][name]), floats(saved[1][name])
            worst = max(abs(a - b) for a, b in zip(one, two))
            self.assertLessEqual(worst, 1e-2 * max(map(abs, one)), name)

    def test_explain_foretells_what_is_given(self):
        result = self.run_tool(tool("fleet-transpile"), FIT_A_LINE, "-o", self.path("told"),
                               "--mode=collective", "--trainers=2", "--explain")
        self.assertEqual(result.returncode, 0, result.stderr)
        foretold = int(re.search(r"each gives .* \(([0-9]+) bytes\)", result.stdout).group(1))
        for child in self.ranks("--metrics=" + self.path("metrics")):
            status, out, err = self.finish(child)
            self.assertEqual(status, 0, out + err)
        for rank in ("", ".1"):
            with open(self.path("metrics") + rank) as file:
                sent = [json.loads(line)["sent_bytes"] for line in file]
            self.assertEqual(set(sent), {foretold})

    def test_a_trainer_that_is_killed_is_named_at_once(self):
        metrics = self.path("metrics")
        first, second = self.ranks("--metrics=" + metrics, epochs=1000000)
        until = time.monotonic() + 60
        while not (os.path.exists(metrics + ".1") and os.path.getsize(metrics + ".1")):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.05)
        self.assertIsNone(first.poll())
        second.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        status, _, err = self.finish(first)
        self.assertEqual(status, 1, err)
        self.assertIn("rank 1 (", err)
        self.assertIn("ended without a word", err)
        self.assertLess(time.monotonic() - killed, 10)

    def test_parts_are_whole_in_a_checkpoint(self):
        """Trainers that update parts, or add between neighbours first, are like others."""
        program = self.program_with(FIT_A_LINE, "#optim.adam<learning_rate = 1.0e-2>")
        saved = {}
        for name, trainers, strategy in (
                ("all", 3, ""), ("parts", 3, "sharding: true"),
                ("levels", 4, "use_hierarchical_allreduce: true "
                              "hierarchical_allreduce_inter_nranks: 2")):
            file = self.write(name + ".textproto",
                              "mode: COLLECTIVE trainers: %d %s\n" % (trainers, strategy))
            job = self.transpile(program, name, "--strategy=" + file)
            result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA,
                                   "--batch-size=%d" % (24 // trainers), "--steps=60",
                                   "--seed=1", "--save=" + self.path(name + "_saved"),
                                   "--save-every=25", "--resume")
            self.assertEqual(result.returncode, 0, result.stderr)
            saved[name] = read_checkpoint(self.path(name + "_saved"))
        for name in ("parts", "levels"):
            self.assertEqual(saved["all"].keys(), saved[name].keys())
            for tensor, value in saved["all"].items():
                for a, b in zip(floats(value), floats(saved[name][tensor])):
                    self.assertAlmostEqual(a, b, delta=1e-4 * max(1, abs(a)))

    def test_steps_that_share_an_update_are_one_step(self):
        """5 steps of 2 trainers with 2 rows each are one step with 20."""
        job = self.transpile(FIT_A_LINE, "merged", "--strategy=" + os.path.join(
            os.path.dirname(FIT_A_LINE), "merge.textproto"))
        local = self.transpile(FIT_A_LINE, "local", "--mode=local")
        for folder, batch, steps, save in ((job, 2, 125, "two"), (local, 20, 25, "one")):
            result = self.run_tool(tool("fleet-launch"), folder, "--", HOUSING_DATA,
                                   "--batch-size=%d" % batch, "--steps=%d" % steps,
                                   "--seed=1", "--save=" + self.path(save))
            self.assertEqual(result.returncode, 0, result.stderr)
        one, two = read_checkpoint(self.path("one")), read_checkpoint(self.path("two"))
        self.assertEqual(one.keys(), two.keys())
        for name in one:
            for a, b in zip(floats(one[name]), floats(two[name])):
                self.assertAlmostEqual(a, b, delta=1e-4 * max(1, abs(a)))

    def test_local_steps_restart_where_trainers_were_equal(self):
        job = self.transpile(FIT_A_LINE, "alone", "--strategy=" + os.path.join(
            os.path.dirname(FIT_A_LINE), "local_sgd.textproto"))

        def launch(steps, save, *flags):
            return self.run_tool(tool("fleet-launch"), job, "--", *DATA, "--seed=1", "--shuffle",
                                 "--steps=%d" % steps, "--save=" + self.path(save), *flags)
        result = launch(520, "whole")
        self.assertEqual(result.returncode, 0, result.stderr)
        loss = float(re.search("final loss ([0-9.]+)", result.stdout).group(1))
        self.assertLess(loss, 25)
        for steps in (205, 520):
            result = launch(steps, "parts", "--save-every=15", "--resume")
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(read_checkpoint(self.path("whole")),
                         read_checkpoint(self.path("parts")))
        result = launch(20, "no", "--save-every=7")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--save-every: 'average' of", result.stderr)
        self.assertIn("expected a multiple of 5", result.stderr)

    def test_a_restart_goes_on_as_if_nothing_had_happened(self):
        flags = ("--shuffle", "--save=" + self.path("parts"), "--save-every=7", "--resume")
        first, second = self.ranks(*flags, epochs=1000000)
        checkpoint = os.path.join(self.path("parts"), "model.safetensors")
        until = time.monotonic() + 60
        while not os.path.exists(checkpoint):
            self.assertLess(time.monotonic(), until)
            time.sleep(0.01)
        second.send_signal(signal.SIGKILL)
        status, _, err = self.finish(first)
        self.assertEqual(status, 1, err)
        # More steps than those that were done, whatever time it was killed at
        with open(checkpoint, "rb") as file:
            size = struct.unpack("<Q", file.read(8))[0]
            step = int(json.loads(file.read(size))["__metadata__"]["step"])
        self.assertEqual(step % 7, 0)
        epochs = step // 26 + 2  # of 26 steps each
        for child in self.ranks("--shuffle", "--save=" + self.path("whole"),
                                epochs=epochs):
            status, out, err = self.finish(child)
            self.assertEqual(status, 0, out + err)
        for child in self.ranks(*flags, epochs=epochs):
            status, out, err = self.finish(child)
            self.assertEqual(status, 0, out + err)
        self.assertEqual(read_checkpoint(self.path("whole")),
                         read_checkpoint(self.path("parts")))
        # Other seeds are other rows.
        first, _ = self.ranks(*flags, seeds=("2", "2"), epochs=epochs)
        status, _, err = self.finish(first)
        self.assertEqual(status, 1, err)
        self.assertIn("was written with seed 1, this run has 2", err)

    def test_trainers_that_do_not_fit_are_refused(self):
        first, second = self.ranks("--deadline=5", seeds=("1", "2"))
        status, _, err = self.finish(second)
        self.assertEqual(status, 1, err)
        self.assertIn("rank 1 has --seed=2, rank 0 has --seed=1", err)
        status, _, err = self.finish(first)
        self.assertEqual(status, 1, err)
        self.assertIn("rank 1 did not connect to", err)

    def test_backends_that_are_not_there(self):
        for backend, reason in (("gloo", "there are auto, shm, mpi and nccl"),
                                ("mpi", "mpirun -np 2")):
            for child in self.ranks("--collective=" + backend):
                status, _, err = self.finish(child)
                self.assertEqual(status, 1, err)
                self.assertIn(reason, err)

    @unittest.skipUnless(MPIRUN and os.path.exists(os.path.join(MODULES, "libFleetMpi.so")),
                         "built without MPI, or no mpirun")
    def test_mpirun_gives_the_same_bits_by_mpi_and_by_shared_memory(self):
        def train(job, ranks, backend, folder):
            result = self.run_tool(MPIRUN, "--allow-run-as-root", "--oversubscribe", "-np", ranks,
                                   tool("fleet-run"), job, *TRAIN,
                                   "--collective=" + backend, "--save=" + self.path(folder))
            self.assertEqual(result.returncode, 0, result.stderr)
            return read_checkpoint(self.path(folder))
        self.assertEqual(train(self.job, 2, "auto", "auto"), train(self.job, 2, "mpi", "mpi"))
        self.assert_like_one_machine(self.path("mpi"))
        # Calls on parts, and in groups that are split off.
        for ranks, strategy in ((2, "sharding: true"),
                                (4, "use_hierarchical_allreduce: true "
                                    "hierarchical_allreduce_inter_nranks: 2")):
            job = self.transpile(FIT_A_LINE, "job%d" % ranks, "--strategy=" + self.write(
                "some.textproto", "mode: COLLECTIVE trainers: %d %s" % (ranks, strategy)))
            self.assertEqual(train(job, ranks, "auto", "auto%d" % ranks),
                             train(job, ranks, "mpi", "mpi%d" % ranks))


if __name__ == "__main__":
    unittest.main()
