"""A program on the installed API: built as a user builds it, run as processes."""
import os
import re
import shutil
import unittest

from fleet_test import (FIT_A_LINE, HOUSING, SOURCE, FleetTest, floats, free_endpoints,
                        read_checkpoint, tool)

CMAKE = os.environ["FLEET_CMAKE"]
EXAMPLE = os.path.join(SOURCE, "examples/api")
MPIRUN = shutil.which("mpirun")


class Api(FleetTest):
    def setUp(self):
        super().setUp()
        prefix, build = self.path("prefix"), self.path("build")
        for command in (
                (CMAKE, "--install", os.path.dirname(tool("").rstrip("/")), "--prefix", prefix),
                (CMAKE, "-S", EXAMPLE, "-B", build, "-DCMAKE_PREFIX_PATH=" + prefix,
                 "-G", os.environ["FLEET_GENERATOR"],
                 "-DCMAKE_CXX_COMPILER=" + os.environ["FLEET_CXX"]),
                (CMAKE, "--build", build)):
            result = self.run_tool(*command, timeout=120)
            self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.train = os.path.join(build, "train")

    def workers(self, count, folder, environments):
        children = [self.start(self.train, FIT_A_LINE, HOUSING, self.path(folder),
                               env=environments(rank)) for rank in range(count)]
        results = [self.finish(child) for child in children]
        for status, out, err in results:
            self.assertEqual(status, 0, err)
        return results

    def loss(self, out, workers):
        found = re.fullmatch(r"loss ([0-9.]+) over 506 houses, by %d workers\n" % workers, out)
        self.assertTrue(found, out)
        return float(found[1])

    def assert_same(self, one, other):
        one, other = read_checkpoint(self.path(one)), read_checkpoint(self.path(other))
        self.assertEqual(one.keys(), other.keys())
        self.assertIn("w/velocity", one)
        for name in one:
            for a, b in zip(floats(one[name]), floats(other[name])):
                self.assertLess(abs(a - b), 1e-3 * max(1, abs(a)), name)

    def test_program_trains_alike_by_itself_and_with_others(self):
        alone = self.workers(1, "alone", lambda rank: {})
        loss = self.loss(alone[0][1], 1)
        self.assertLess(loss, 25)
        endpoints = free_endpoints(2)
        two = self.workers(2, "two", lambda rank: {
            "PADDLE_TRAINER_ID": str(rank), "PADDLE_TRAINERS_NUM": "2",
            "PADDLE_TRAINER_ENDPOINTS": ",".join(endpoints)})
        self.assertAlmostEqual(self.loss(two[0][1], 2), loss, places=2)
        self.assertEqual(two[1][1], "")
        self.assert_same("alone", "two")

        if MPIRUN:
            result = self.run_tool(MPIRUN, "--allow-run-as-root", "--oversubscribe", "-np", "3",
                                   self.train, FIT_A_LINE, HOUSING, self.path("mpi"))
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertAlmostEqual(self.loss(result.stdout, 3), loss, places=2)
            self.assert_same("alone", "mpi")

        # What was trained goes on under fleet-run of the same installation.
        job = self.path("job")
        for command in (("fleet-transpile", self.program_with(
                            FIT_A_LINE, "#optim.momentum<learning_rate = 1.0e-3>"), "-o", job),
                        ("fleet-run", job, "--data=" + HOUSING + "#x=0..12,y=13",
                         "--batch-size=20", "--epochs=1", "--load=" + self.path("two"))):
            result = self.run_tool(os.path.join(self.path("prefix/bin"), command[0]),
                                   *command[1:])
            self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("final loss", result.stdout)

        # Mistakes are said on one line.
        result = self.run_tool(self.train, FIT_A_LINE, HOUSING, self.path("x"),
                               env={"PADDLE_TRAINERS_NUM": "2", "PADDLE_TRAINER_ID": "5"})
        self.assert_fails(result, 1, "init: PADDLE_TRAINER_ID=5", "2 trainers")
        result = self.run_tool(self.train, FIT_A_LINE, HOUSING, self.path("x"),
                               env={"TRAINING_ROLE": "PSERVER"})
        self.assert_fails(result, 1, "init: TRAINING_ROLE=PSERVER")


if __name__ == "__main__":
    unittest.main()
