"""Jobs whose processes find their place in what mpirun tells them."""
import os
import shutil
import signal
import time
import unittest

from fleet_test import FIT_A_LINE, HOUSING, HOUSING_DATA, FleetTest, free_endpoints, tool

MPIRUN = shutil.which("mpirun")
HAS_MPI_TRANSPORT = os.path.exists(tool("../lib/libFleetTransportMpi.so"))
TRAIN = (HOUSING_DATA, "--batch-size=10", "--epochs=3", "--seed=1")


@unittest.skipUnless(MPIRUN, "mpirun is not installed (package openmpi-bin)")
class MpiRun(FleetTest):
    def setUp(self):
        super().setUp()
        self.endpoints = free_endpoints(2)
        self.job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                                  "--pservers=" + ",".join(self.endpoints))

    def mpirun(self, *args, env=None):
        return self.run_tool(MPIRUN, "--allow-run-as-root", "--oversubscribe", *args,
                             timeout=60, env=env)

    def test_four_processes_are_two_servers_and_two_trainers(self):
        result = self.mpirun("-np", 4, tool("fleet-run"), self.job, *TRAIN,
                             "--save=" + self.path("mpi"))
        self.assertEqual(result.returncode, 0, result.stderr)
        for endpoint in self.endpoints:
            self.assertIn("Server listening on " + endpoint, result.stdout)
        local = self.run_tool(tool("fleet-launch"), self.job, "--", *TRAIN,
                              "--save=" + self.path("local"))
        self.assertEqual(local.returncode, 0, local.stderr)
        with open(self.path("mpi/model.safetensors"), "rb") as one, \
                open(self.path("local/model.safetensors"), "rb") as other:
            self.assertEqual(one.read(), other.read())

    def test_every_process_says_what_decided(self):
        # A file each: mpirun mixes what comes together.
        result = self.mpirun("-np", 4, "--output-filename", self.path("out"),
                             tool("fleet-run"), self.job, "--print-env")
        self.assertEqual(result.returncode, 0, result.stderr)
        for rank, name in enumerate(("pserver 0", "trainer 0", "pserver 1", "trainer 1")):
            with open(self.path("out/1/rank.%d/stdout" % rank)) as file:
                own = file.read().splitlines()
            self.assertEqual(own[0], name)
            self.assertEqual(own[1], "  role by OMPI_COMM_WORLD_RANK=%d" % rank)
            self.assertTrue([l for l in own if l.startswith("  OMPI_COMM_WORLD_RANK ")
                             and l.endswith("%d  <- role and rank" % rank)], own)

    def test_the_number_of_processes_has_to_fit(self):
        result = self.mpirun("-np", 3, tool("fleet-run"), self.job, *TRAIN)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("OMPI_COMM_WORLD_SIZE=3: the job has 2 servers and 2 trainers; "
                      "start 4 processes", result.stderr)

    def test_two_worlds_of_one_role_each(self):
        servers = self.start(MPIRUN, "--allow-run-as-root", "--oversubscribe", "-np", 2,
                             tool("fleet-run"), self.job, "--role=pserver", "--seed=1")
        result = self.mpirun("-np", 2, tool("fleet-run"), self.job, *TRAIN,
                             env={"FLEET_ROLE": "trainer"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("final loss", result.stdout)
        self.assertEqual(self.finish(servers)[0], 0)

    def test_another_launchers_environment_is_overruled_by_fleet_launch(self):
        result = self.mpirun("-np", 1, tool("fleet-launch"), self.job, "--", *TRAIN,
                             env={"FLEET_ROLE": "pserver", "RANK": "1", "WORLD_SIZE": "7"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("final loss", result.stdout)

    @unittest.skipUnless(HAS_MPI_TRANSPORT, "built without MPI")
    def test_servers_over_mpi(self):
        # Endpoints are names: nobody is at this address.
        job = self.transpile(FIT_A_LINE, "names", "--mode=ps", "--trainers=2",
                             "--pservers=192.0.2.1:1,192.0.2.1:2")
        result = self.mpirun("-np", 4, tool("fleet-run"), job, "--transport=mpi", *TRAIN,
                             "--save=" + self.path("mpi"))
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("Server listening on 192.0.2.1:2", result.stdout)
        local = self.run_tool(tool("fleet-launch"), self.job, "--", *TRAIN,
                              "--save=" + self.path("local"))
        self.assertEqual(local.returncode, 0, local.stderr)
        with open(self.path("mpi/model.safetensors"), "rb") as one, \
                open(self.path("local/model.safetensors"), "rb") as other:
            self.assertEqual(one.read(), other.read())

        result = self.mpirun("-np", 4, tool("fleet-run"), job, "--transport=mpi",
                             HOUSING_DATA, "--batch-size=1000", "--epochs=1")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--batch-size=1000", result.stderr)
        self.assert_nothing_left(job)

        result = self.run_tool(tool("fleet-run"), job, "--role=trainer", "--trainer-id=0",
                               "--transport=mpi", *TRAIN)
        self.assert_fails(result, 2, "--transport=mpi", "the job has 4 processes")

    @unittest.skipUnless(HAS_MPI_TRANSPORT, "built without MPI")
    def test_a_killed_process_ends_the_job_over_mpi(self):
        metrics = self.path("metrics.jsonl")
        job = self.start(MPIRUN, "--allow-run-as-root", "--oversubscribe", "-np", 4,
                         tool("fleet-run"), self.job, "--transport=mpi", HOUSING_DATA,
                         "--batch-size=10", "--epochs=100000000", "--metrics=" + metrics)
        self.await_that(lambda: os.path.exists(metrics) and os.path.getsize(metrics))
        ranks = self.processes_of(self.job)
        self.assertEqual(sorted(ranks), ["0", "1", "2", "3"])
        os.kill(ranks["2"], signal.SIGKILL)
        status, _, err = self.finish(job, timeout=30)
        self.assertNotEqual(status, 0)
        self.await_that(lambda: not self.processes_of(self.job))

    def await_that(self, condition):
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)

    def processes_of(self, job):
        """{rank: pid} of the fleet-runs of `job`."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    command = file.read().split(b"\0")
                with open("/proc/%s/environ" % pid, "rb") as file:
                    env = dict(v.split(b"=", 1) for v in file.read().split(b"\0") if b"=" in v)
            except OSError:
                continue
            if os.path.basename(command[0]) == b"fleet-run" and job.encode() in command:
                found[env.get(b"OMPI_COMM_WORLD_RANK", b"?").decode()] = int(pid)
        return found

    def test_fleet_launch_runs_mpirun(self):
        job = self.transpile(FIT_A_LINE, "it's a $HOME job", "--mode=ps", "--trainers=2",
                             "--pservers=192.0.2.1:6170,192.0.2.1:" +
                             self.endpoints[0].split(":")[1])
        data = self.path("$(id) 'x'.csv")
        shutil.copy(HOUSING, data)
        # Servers move to where mpirun puts them.
        result = self.run_tool(tool("fleet-launch"), job, "--launcher=mpirun",
                               "--hosts=localhost:4", "--", "--data=%s#x=0..12,y=13" % data,
                               *TRAIN[1:])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("[mpirun] final loss", result.stdout)
        self.assertIn("Server listening on localhost:", result.stdout)

    def test_fleet_launch_runs_mpirun_without_servers(self):
        job = self.transpile(FIT_A_LINE, "trainers", "--mode=collective", "--trainers=2")
        result = self.run_tool(tool("fleet-launch"), job, "--launcher=mpirun",
                               "--hosts=localhost:2", "--", *TRAIN)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("[mpirun] final loss", result.stdout)

    def test_a_failure_under_mpirun_is_told(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--launcher=mpirun", "--",
                               HOUSING_DATA, "--batch-size=1000", "--epochs=1")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--batch-size=1000", result.stderr)
        self.assertTrue(result.stderr.splitlines()[-1].startswith(
            "fleet-launch: error: mpirun ended with status 1"), result.stderr)
        self.assert_nothing_left(self.job)

    def test_sigterm_reaches_everybody(self):
        metrics = self.path("metrics.jsonl")
        launch = self.start(tool("fleet-launch"), self.job, "--launcher=mpirun", "--",
                            HOUSING_DATA, "--batch-size=10", "--epochs=100000000",
                            "--metrics=" + metrics)
        self.await_that(lambda: os.path.exists(metrics) and os.path.getsize(metrics))
        launch.send_signal(signal.SIGTERM)
        status, _, err = self.finish(launch, timeout=20)
        self.assertEqual(status, 1)
        self.assertIn("SIGTERM", err.splitlines()[-1])
        # mpirun's children end after it.
        self.await_that(lambda: not self.processes_of(self.job))


if __name__ == "__main__":
    unittest.main(verbosity=2)
