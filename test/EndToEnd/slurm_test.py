"""Jobs under Slurm, on a node of our own."""
import os
import shutil
import tempfile
import unittest

import slurm
from fleet_test import FIT_A_LINE, HOUSING, HOUSING_DATA, FleetTest, free_endpoints, tool

TRAIN = (HOUSING_DATA, "--batch-size=10", "--epochs=3", "--seed=1")


@unittest.skipIf(slurm.missing(), slurm.missing())
class SlurmJobs(FleetTest):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="fleet-slurm-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.slurm = slurm.Slurm(cls.folder)
        cls.addClassCleanup(cls.slurm.stop)

    def setUp(self):
        super().setUp()
        # Where the servers will be is not known yet.
        self.job = self.transpile(FIT_A_LINE, "it's a job", "--mode=ps", "--trainers=2",
                                  "--pservers=192.0.2.1:6170,192.0.2.1:6171")

    def submit(self, script):
        result = self.slurm.run("sbatch", "--wait", script, cwd=self.dir)
        output = ""
        for name in os.listdir(self.dir):
            if name.endswith(".log"):
                with open(self.path(name)) as file:
                    output += file.read()
        return result.returncode, output

    def test_a_script_for_sbatch(self):
        data = self.path("$(id) 'x'.csv")
        shutil.copy(HOUSING, data)
        script = self.path("job.sh")
        result = self.run_tool(tool("fleet-launch"), self.job, "--launcher=slurm",
                               "--output=" + script, "--", "--data=%s#x=0..12,y=13" % data,
                               *TRAIN[1:], "--save=" + self.path("slurm"))
        self.assertEqual(result.returncode, 0, result.stderr)
        status, output = self.submit(script)
        self.assertEqual(status, 0, output + self.slurm.logs())
        self.assertIn("final loss", output)
        here = self.transpile(FIT_A_LINE, "here", "--mode=ps", "--trainers=2",
                              "--pservers=" + ",".join(free_endpoints(2)))
        local = self.run_tool(tool("fleet-launch"), here, "--", *TRAIN,
                              "--save=" + self.path("local"))
        self.assertEqual(local.returncode, 0, local.stderr)
        with open(self.path("slurm/model.safetensors"), "rb") as one, \
                open(self.path("local/model.safetensors"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_trainers_without_servers(self):
        job = self.transpile(FIT_A_LINE, "trainers", "--mode=collective", "--trainers=2")
        script = self.path("job.sh")
        result = self.run_tool(tool("fleet-launch"), job, "--launcher=slurm",
                               "--output=" + script, "--", *TRAIN)
        self.assertEqual(result.returncode, 0, result.stderr)
        status, output = self.submit(script)
        self.assertEqual(status, 0, output + self.slurm.logs())
        self.assertIn("final loss", output)

    def test_a_failure_is_slurms_too(self):
        script = self.path("job.sh")
        result = self.run_tool(tool("fleet-launch"), self.job, "--launcher=slurm",
                               "--output=" + script, "--", HOUSING_DATA,
                               "--batch-size=1000", "--epochs=1")
        self.assertEqual(result.returncode, 0, result.stderr)
        status, output = self.submit(script)
        self.assertNotEqual(status, 0)
        self.assertIn("--batch-size=1000", output)

    def test_srun_tells_the_place(self):
        result = self.slurm.run("srun", "--ntasks=4", "--label", tool("fleet-run"), self.job,
                                "--print-env")
        self.assertEqual(result.returncode, 0, result.stderr)
        for rank, name in enumerate(("pserver 0", "trainer 0", "pserver 1", "trainer 1")):
            self.assertIn("%d: %s\n" % (rank, name), result.stdout)
            self.assertIn("%d:   role by SLURM_PROCID=%d\n" % (rank, rank), result.stdout)

    def test_fleet_launch_submits(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--launcher=slurm", "--",
                               *TRAIN, env=self.slurm.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Submitted batch job ", result.stdout)
        number = result.stdout.split()[-1]
        self.slurm.wait(lambda: number not in self.slurm.run("squeue", "-h", "-o", "%i").stdout)
        log = "fit_a_line-%s.log" % number
        self.addCleanup(os.unlink, log)
        with open(log) as file:
            self.assertIn("final loss", file.read())


if __name__ == "__main__":
    unittest.main(verbosity=2)
