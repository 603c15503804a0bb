"""fleet-launch: whatever happens, one cause is named and nobody stays behind."""
import os
import pty
import select
import signal
import socket
import subprocess
import time
import unittest

from fleet_test import FIT_A_LINE, HOUSING_DATA, FleetTest, free_endpoints, tool


class Launch(FleetTest):
    def setUp(self):
        super().setUp()
        self.endpoints = free_endpoints(2)
        self.job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                                  "--pservers=" + ",".join(self.endpoints))

    def members(self):
        """{"trainer 0": pid, ...} of the job's processes."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as file:
                    command = file.read().split(b"\0")
                with open("/proc/%s/environ" % pid, "rb") as file:
                    env = dict(v.split(b"=", 1) for v in file.read().split(b"\0") if b"=" in v)
            except OSError:
                continue
            if os.path.basename(command[0]) != b"fleet-run" or self.job.encode() not in command:
                continue
            if env[b"TRAINING_ROLE"] == b"TRAINER":
                found["trainer " + env[b"PADDLE_TRAINER_ID"].decode()] = int(pid)
            else:
                endpoint = (env[b"POD_IP"] + b":" + env[b"PADDLE_PORT"]).decode()
                found["pserver %d" % self.endpoints.index(endpoint)] = int(pid)
        return found

    def start_endless(self, *flags):
        """A job that trains until somebody ends it, seen to make steps."""
        metrics = self.path("metrics.jsonl")
        launch = self.start(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                            "--batch-size=10", "--epochs=100000000",
                            "--metrics=" + metrics, *flags)
        self.await_that(lambda: os.path.exists(metrics) and os.path.getsize(metrics) > 0,
                        launch)
        return launch

    def await_that(self, condition, launch=None):
        end = time.monotonic() + 30
        while not condition():
            if launch and launch.poll() is not None:
                self.fail("the job ended: " + launch.communicate()[1])
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)

    def ports_are_free(self):
        for endpoint in self.endpoints:
            host, port = endpoint.split(":")
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    s.bind((host, int(port)))
                    s.listen()
                except OSError:
                    return False
        return True

    def assert_ports_free(self):
        # The kernel closes files after a process has lost its command line, by
        # which members() finds it.
        self.await_that(self.ports_are_free)

    def assert_all_gone(self):
        self.assertEqual(self.members(), {})
        self.assert_ports_free()

    def test_output_names_its_process(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--workers=2", "--servers=2",
                               "--", HOUSING_DATA, "--batch-size=10", "--steps=5")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        for rank, endpoint in enumerate(self.endpoints):
            self.assertIn("[pserver %d] Server listening on %s" % (rank, endpoint), lines)
        self.assertTrue([l for l in lines if l.startswith("[trainer 0] ") and "loss" in l],
                        result.stdout)
        self.assert_all_gone()

    def test_threads_share_the_cores_and_a_stale_environment_is_replaced(self):
        launch = self.start(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                            "--batch-size=10", "--epochs=100000000",
                            env={"TRAINING_ROLE": "PSERVER", "PADDLE_TRAINER_ID": "7",
                                 "PADDLE_TRAINERS_NUM": "9", "http_proxy": "http://none:1"})
        self.await_that(lambda: len(self.members()) == 4, launch)
        threads = max(1, len(os.sched_getaffinity(0)) // 4)
        for name, pid in self.members().items():
            with open("/proc/%d/cmdline" % pid) as file:
                self.assertIn("--threads=%d" % threads, file.read().split("\0"))
            with open("/proc/%d/environ" % pid) as file:
                variables = file.read().split("\0")
            self.assertIn("PADDLE_TRAINERS_NUM=2", variables)
            self.assertFalse([v for v in variables if v.startswith("http_proxy=")])
            self.assertEqual(name.startswith("pserver"), "TRAINING_ROLE=PSERVER" in variables)
        launch.send_signal(signal.SIGINT)
        status, _, err = self.finish(launch)
        self.assertEqual(status, 1)
        self.assertIn("SIGINT", err.splitlines()[-1])
        self.assert_all_gone()

    def kill_one(self, name):
        launch = self.start_endless("--deadline=10")
        os.kill(self.members()[name], signal.SIGKILL)
        status, _, err = self.finish(launch, timeout=10)
        self.assertEqual(status, 1, err)
        self.assertIn("fleet-launch: error: %s was killed by signal 9" % name,
                      err.splitlines()[-1])
        self.assert_all_gone()
        return err

    def test_a_killed_trainer_is_named_by_all(self):
        err = self.kill_one("trainer 1")
        for other in ("pserver 0", "pserver 1", "trainer 0"):
            self.assertTrue([l for l in err.splitlines()
                             if l.startswith("[%s] " % other) and "error:" in l
                             and "trainer 1" in l], other + " in:\n" + err)

    def test_a_killed_server_is_named(self):
        err = self.kill_one("pserver 1")
        self.assertIn(self.endpoints[1], err)

    def test_nobody_survives_a_killed_launcher(self):
        launch = self.start_endless()
        self.assertEqual(len(self.members()), 4)
        launch.kill()
        launch.wait()
        self.await_that(lambda: not self.members())
        self.assert_ports_free()

    def test_a_port_in_use_is_named(self):
        host, port = self.endpoints[1].split(":")
        with socket.socket() as busy:
            busy.bind((host, int(port)))
            busy.listen()
            result = self.run_tool(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                                   "--batch-size=10", "--steps=5", timeout=20)
        self.assertEqual(result.returncode, 1, result.stderr)
        last = result.stderr.splitlines()[-1]
        self.assertTrue(last.startswith("fleet-launch: error: pserver 1 "), last)
        self.assertIn(self.endpoints[1], last)
        self.assertIn("in use", last)
        self.assert_nothing_left(self.job)

    def test_servers_elsewhere_are_refused(self):
        # TEST-NET-1 is nobody's.
        job = self.transpile(FIT_A_LINE, "far", "--mode=ps", "--pservers=192.0.2.1:6170")
        result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA)
        self.assert_fails(result, 1, "192.0.2.1:6170", "this machine")

    def test_wrong_usage(self):
        launch = tool("fleet-launch")
        self.assert_fails(self.run_tool(launch), 2, "JOB_DIR")
        self.assert_fails(self.run_tool(launch, self.job, "--what"), 2, "--what")
        self.assert_fails(self.run_tool(launch, self.job, "--workers=x"), 2, "--workers")
        self.assert_fails(self.run_tool(launch, self.job, "--", "--trainer-id=0"), 2,
                          "--trainer-id")
        self.assert_fails(self.run_tool(launch, self.path("none")), 1, self.path("none"))
        result = self.run_tool(launch, self.job, "--", "--what")
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("--what", result.stderr.splitlines()[-1])
        self.assert_nothing_left(self.job)

    def test_a_part_of_a_job_is_refused(self):
        job = self.transpile(FIT_A_LINE, "part", "--mode=ps", "--role=trainer",
                             "--pservers=" + self.endpoints[0])
        result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA)
        self.assert_fails(result, 1, "pserver 0", "transpile")

    def test_logs_and_events(self):
        logs = self.path("logs/of a job")
        result = self.run_tool(tool("fleet-launch"), self.job, "--log-dir=" + logs, "--",
                               HOUSING_DATA, "--batch-size=10", "--steps=5")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(sorted(os.listdir(logs)), ["pserver-0.log", "pserver-1.log",
                                                    "trainer-0.log", "trainer-1.log"])
        with open(os.path.join(logs, "pserver-1.log")) as file:
            self.assertIn("Server listening on " + self.endpoints[1], file.read())
        # Results are the first trainer's; everything else on the terminal is events.
        self.assertTrue(result.stdout.startswith("[trainer 0] final loss"), result.stdout)
        self.assertEqual(len(result.stdout.splitlines()), 1)
        events = result.stderr.splitlines()
        self.assertTrue(all(e.startswith("fleet-launch: ") for e in events), result.stderr)
        for event in ("trainer 1 started", "pserver 1 listens", "trainer 1 ended"):
            self.assertEqual(len([e for e in events if event in e]), 1, result.stderr)

        result = self.run_tool(tool("fleet-launch"), self.job, "--log-dir=" + logs, "--",
                               HOUSING_DATA, "--batch-size=1000", "--steps=5")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--batch-size=1000", result.stderr.splitlines()[-1])
        self.assertIn("  | fleet-run: error: --batch-size=1000", result.stderr)
        with open(os.path.join(logs, "trainer-1.log")) as file:
            self.assertIn("--batch-size=1000", file.read())

    def test_dry_run_prints_commands_that_work_by_hand(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--dry-run", "--",
                               HOUSING_DATA, "--batch-size=10", "--steps=5")
        self.assertEqual(result.returncode, 0, result.stderr)
        children = [self.start("/bin/sh", "-c", line) for line in result.stdout.splitlines()]
        self.assertEqual(len(children), 4)
        outputs = [self.finish(child) for child in children]
        self.assertEqual([o[0] for o in outputs], [0] * 4, outputs)
        self.assertIn("final loss", outputs[2][1])

    def test_help_teaches_by_an_example(self):
        result = self.run_tool(tool("fleet-launch"), "--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("fleet-launch out/fit_a_line -- --data=", result.stdout)

    def test_a_terminal_shows_progress(self):
        master, slave = pty.openpty()
        launch = None
        try:
            launch = subprocess.Popen(
                [tool("fleet-launch"), self.job, "--", HOUSING_DATA, "--batch-size=10",
                 "--epochs=20"], stdout=slave, stderr=slave, stdin=slave)
            os.close(slave)
            shown = b""
            end = time.monotonic() + 30
            while time.monotonic() < end:
                if not select.select([master], [], [], 1)[0]:
                    continue
                try:
                    chunk = os.read(master, 65536)
                except OSError:  # the other side is closed
                    break
                shown += chunk
            self.assertEqual(launch.wait(timeout=10), 0, shown)
            self.assertIn(b"\r", shown.replace(b"\r\n", b""))
            self.assertIn(b"520/520", shown)  # 20 epochs of 26 steps
            self.assertIn(b"[trainer 0] ", shown)
        finally:
            os.close(master)
            if launch and launch.poll() is None:
                launch.kill()
        self.assert_all_gone()


class LaunchTrainers(FleetTest):
    """Jobs of trainers that exchange among themselves."""

    def setUp(self):
        super().setUp()
        self.job = self.transpile(FIT_A_LINE, "job", "--mode=collective", "--trainers=2")
        self.train = (HOUSING_DATA, "--batch-size=10", "--epochs=3", "--seed=1")

    def test_trainers_find_each_other(self):
        logs = self.path("logs")
        result = self.run_tool(tool("fleet-launch"), self.job, "--workers=2",
                               "--log-dir=" + logs, "--", *self.train,
                               env={"FLEET_COORDINATOR": "192.0.2.1:1", "RANK": "7"})
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertTrue(result.stdout.startswith("[trainer 0] final loss"), result.stdout)
        self.assertEqual(sorted(os.listdir(logs)), ["trainer-0.log", "trainer-1.log"])
        self.assert_nothing_left(self.job)

    def test_two_jobs_at_once_do_not_meet(self):
        jobs = [self.start(tool("fleet-launch"), self.job, "--", *self.train)
                for _ in range(2)]
        for job in jobs:
            status, out, err = self.finish(job)
            self.assertEqual(status, 0, err)
            self.assertIn("final loss", out)

    def test_the_number_of_workers_is_checked(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--workers=3", "--",
                               *self.train)
        self.assert_fails(result, 2, "--workers=3", "with 2 trainers",
                          "--mode=collective --trainers=3")

    def test_a_failure_is_told_and_nobody_stays(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                               "--batch-size=1000", "--epochs=1")
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("--batch-size=1000", result.stderr.splitlines()[-1])
        self.assert_nothing_left(self.job)

    def test_sigterm_ends_all(self):
        metrics = self.path("metrics.jsonl")
        launch = self.start(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                            "--batch-size=10", "--epochs=100000000", "--metrics=" + metrics)
        end = time.monotonic() + 30
        while not (os.path.exists(metrics) and os.path.getsize(metrics)):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)
        launch.send_signal(signal.SIGTERM)
        status, _, err = self.finish(launch, timeout=30)
        self.assertEqual(status, 1)
        self.assertIn("SIGTERM", err.splitlines()[-1])
        self.assert_nothing_left(self.job)


if __name__ == "__main__":
    unittest.main(verbosity=2)
