"""Jobs that work: the main job, by hand, and the contract with real processes."""
import os
import re
import signal
import sys
import time
import unittest

from fleet_test import (CTR, FIT_A_LINE, HOUSING_DATA, MLP, SOURCE, FleetTest, floats,
                        free_endpoints, read_checkpoint, tool)


class Jobs(FleetTest):
    def test_main_job(self):
        endpoints = free_endpoints(2)
        job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                             "--pservers=" + ",".join(endpoints))
        for name in ("trainer.mlir", "trainer.plan", "pserver-0.mlir", "pserver-0.plan",
                     "pserver-1.mlir", "pserver-1.plan", "job.textproto"):
            self.assertTrue(os.path.exists(os.path.join(job, name)), name)
        result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA,
                               "--batch-size=10", "--epochs=100", "--seed=1",
                               "--metrics=" + self.path("metrics.jsonl"))
        self.assertEqual(result.returncode, 0, result.stderr)
        loss = float(re.search(r"final loss ([0-9.]+)", result.stdout).group(1))
        self.assertLess(loss, 18)
        with open(self.path("metrics.jsonl")) as file:
            first = file.readline()
        self.assertGreater(float(re.search(r'"loss":([0-9.]+)', first).group(1)), 500)
        self.assert_nothing_left(job)

    # At the start of fit_a_line a squared gradient is near 2000: a trainer that the
    # scheduler holds up for long would be corrected beyond all bounds by the
    # default factor.
    MODES = (("half-async",), ("async",), ("geo", "--geo-steps=5"),
             ("half-async", "--dc-asgd=0.004"), ("async", "--dc-asgd=0.004"))

    def test_modes_reach_the_loss_of_sync(self):
        endpoints = free_endpoints(2)
        for mode, *flags in self.MODES:
            job = self.transpile(FIT_A_LINE, mode, "--mode=ps", "--trainers=2",
                                 "--sync-mode=" + mode, *flags,
                                 "--pservers=" + ",".join(endpoints))
            result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA,
                                   "--batch-size=10", "--epochs=100", "--seed=1",
                                   "--save=" + self.path("save"),
                                   "--metrics=" + self.path("metrics.jsonl"))
            self.assertEqual(result.returncode, 0, result.stderr)
            # Within a tenth of what the synchronous job reaches (under 15).
            loss = float(re.search(r"final loss ([0-9.]+)", result.stdout).group(1))
            self.assertLess(loss, 16.5, mode)
            self.assertEqual(sorted(read_checkpoint(self.path("save"))), ["b", "q", "w"])
            self.assert_nothing_left(job)
            with open(self.path("metrics.jsonl")) as file:
                lags = [int(value) for value in
                        re.findall(r'"staleness":([0-9]+)', file.read())]
            if mode == "async":
                self.assertRegex(result.stdout, r"2600 steps in [0-9]+ pushes; .*\(bound 4\)")
                self.assertEqual(len(lags), 2600)
                self.assertLessEqual(max(lags), 4)
            else:
                self.assertEqual(lags, [])

    def test_explain_foretells_the_wire(self):
        endpoints = free_endpoints(2)
        job = self.path("job")
        result = self.run_tool(tool("fleet-transpile"), FIT_A_LINE, "-o", job, "--mode=ps",
                               "--trainers=2", "--pservers=" + ",".join(endpoints), "--explain")
        self.assertEqual(result.returncode, 0, result.stderr)
        foretold = int(re.search(r"sends ([0-9]+) B and receives", result.stdout).group(1))
        result = self.run_tool(tool("fleet-launch"), job, "--", HOUSING_DATA,
                               "--batch-size=10", "--steps=20",
                               "--metrics=" + self.path("metrics.jsonl"))
        self.assertEqual(result.returncode, 0, result.stderr)
        for rank in ("", ".1"):
            with open(self.path("metrics.jsonl" + rank)) as file:
                sent = [int(n) for n in re.findall(r'"sent_bytes":([0-9]+)', file.read())]
            self.assertEqual(sent, [foretold] * 20)

    def test_geo_starts_from_a_checkpoint(self):
        endpoints = free_endpoints(1)
        program = self.program_with(
            FIT_A_LINE, "#optim.momentum<learning_rate = 1.0e-5, momentum = 0.5>")
        local = self.transpile(program, "local")
        job = self.transpile(program, "job", "--mode=ps", "--trainers=2", "--sync-mode=geo",
                             "--pservers=" + endpoints[0])
        saved = []
        for folder, load, seed in ((local, None, "1"), (job, "save0", "2")):
            target = "save%d" % len(saved)
            result = self.run_tool(tool("fleet-launch"), folder, "--", HOUSING_DATA,
                                   "--batch-size=10", "--steps=1", "--seed=" + seed,
                                   "--save=" + self.path(target),
                                   *(["--load=" + self.path(load)] if load else []))
            self.assertEqual(result.returncode, 0, result.stderr)
            saved.append(read_checkpoint(self.path(target)))
        self.assertEqual(sorted(saved[0]), sorted(saved[1]))
        self.assertIn("w/velocity", saved[1])
        # One more small step from there, not from the values of another seed.
        for before, after in zip(floats(saved[0]["w"]), floats(saved[1]["w"])):
            self.assertLess(abs(before - after), 0.005)
        self.assert_nothing_left(job)

    def start_by_hand(self, job, endpoints, trainers, *flags):
        servers = []
        for endpoint in endpoints:
            host, port = endpoint.split(":")
            servers.append(self.start(tool("fleet-run"), job, "--seed=3", env={
                "TRAINING_ROLE": "PSERVER", "POD_IP": host, "PADDLE_PORT": port,
                "PADDLE_TRAINERS_NUM": str(trainers),
                "PADDLE_PSERVERS_IP_PORT_LIST": ",".join(endpoints)}))
        workers = []
        for rank in range(trainers):
            workers.append(self.start(tool("fleet-run"), job, "--seed=3", *flags, env={
                "TRAINING_ROLE": "TRAINER", "PADDLE_TRAINER_ID": str(rank),
                "PADDLE_TRAINERS_NUM": str(trainers),
                "PADDLE_PSERVERS_IP_PORT_LIST": ",".join(endpoints)}))
        return servers, workers

    def run_by_hand(self, job, endpoints, trainers, *flags):
        servers, workers = self.start_by_hand(job, endpoints, trainers, *flags)
        for child in workers:
            status, _, err = self.finish(child)
            self.assertEqual(status, 0, err)
        for child, endpoint in zip(servers, endpoints):
            status, out, err = self.finish(child)
            self.assertEqual(status, 0, err)
            self.assertIn("Server listening on " + endpoint, out)

    def test_by_hand_in_four_processes(self):
        endpoints = free_endpoints(2)
        job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                             "--pservers=" + ",".join(endpoints))
        self.run_by_hand(job, endpoints, 2, HOUSING_DATA, "--batch-size=10",
                         "--epochs=2")
        self.assert_nothing_left(job)

    def check_contract(self, program, data, optimizer):
        source = self.program_with(program, optimizer)
        one, two = free_endpoints(1), free_endpoints(2)
        flags = [data, "--steps=50", "--save=" + self.path("save")]

        local = self.transpile(source, "local")
        result = self.run_tool(tool("fleet-run"), local, "--seed=3", "--batch-size=20",
                               *flags)
        self.assertEqual(result.returncode, 0, result.stderr)
        expected = read_checkpoint(self.path("save"))

        job = self.transpile(source, "one", "--mode=ps", "--pservers=" + one[0])
        self.run_by_hand(job, one, 1, "--batch-size=20", *flags)
        self.assertEqual(read_checkpoint(self.path("save")), expected)

        job = self.transpile(source, "two", "--mode=ps", "--trainers=2",
                             "--pservers=" + ",".join(two))
        self.run_by_hand(job, two, 2, "--batch-size=10", *flags)
        actual = read_checkpoint(self.path("save"))
        self.assertEqual(actual.keys(), expected.keys())
        for name in expected:
            a, b = floats(expected[name]), floats(actual[name])
            scale = max(max(map(abs, a)), 1e-30)
            worst = max(abs(x - y) for x, y in zip(a, b))
            self.assertLessEqual(worst, 1e-5 * scale + 1e-7, name)

    def test_contract_sgd(self):
        self.check_contract(FIT_A_LINE, HOUSING_DATA,
                            "#optim.sgd<learning_rate = 1.0e-2>")

    def test_contract_momentum(self):
        self.check_contract(FIT_A_LINE, HOUSING_DATA,
                            "#optim.momentum<learning_rate = 1.0e-3, momentum = 9.0e-1>")

    def test_contract_adam(self):
        self.check_contract(FIT_A_LINE, HOUSING_DATA,
                            "#optim.adam<learning_rate = 1.0e-2>")

    def make_mlp_data(self, rows=1024):
        script = os.path.join(SOURCE, "examples/mlp/make_data.py")
        result = self.run_tool(sys.executable, script, "--rows", rows, "-o", self.dir)
        self.assertEqual(result.returncode, 0, result.stderr)
        return "--data=x=%s,y=%s" % (self.path("x.npy"), self.path("y.npy"))

    def test_contract_mlp(self):
        self.check_contract(MLP, self.make_mlp_data(), "#optim.sgd<learning_rate = 1.0e-1>")

    def test_contract_ctr(self):
        data, _ = self.make_clicks(1500)
        self.check_contract(CTR, data, "#optim.sgd<learning_rate = 1.0e-1>")

    def test_ctr_learns(self):
        # Within a quarter of what the synchronous job reaches: a trainer that does not
        # wait merges steps, so that it makes fewer of them.
        self.check_learns(CTR, (("sync",),) + self.MODES, times_sync=1.25)

    def test_ctr_tables_learns(self):
        program = os.path.join(SOURCE, "examples/ctr/ctr_tables.mlir")
        # They learn the examples by heart; how fast depends on how late gradients come.
        self.check_learns(program, [mode for mode in (("sync",),) + self.MODES
                                    if mode[0] != "geo" and len(mode) == 1],
                          times_sync=10)

    def check_learns(self, program, modes, times_sync):
        data, entropy = self.make_clicks(8000)
        endpoints = free_endpoints(2)
        jobs, losses = [self.transpile(program, "local")], {}
        for mode, *flags in modes:
            jobs.append(self.transpile(program, mode, "--mode=ps", "--trainers=2",
                                       "--sync-mode=" + mode, *flags,
                                       "--pservers=" + ",".join(endpoints)))
        for job in jobs:
            result = self.run_tool(tool("fleet-launch"), job, "--", data,
                                   "--batch-size=64", "--epochs=6", "--seed=1",
                                   "--shuffle", "--threads=1")
            self.assertEqual(result.returncode, 0, result.stderr)
            loss = float(re.search(r"final loss ([0-9.]+)", result.stdout).group(1))
            self.assertLess(loss, entropy - 0.05, job)
            losses[os.path.basename(job)] = loss
            self.assertLessEqual(loss, times_sync * losses.get("sync", loss), losses)
            self.assert_nothing_left(job)

    def test_ids_that_are_no_rows(self):
        program = self.write("program.mlir", """module @m {
          optim.parameter @t : tensor<10x1xf32> init = #optim.zeros
          func.func @main(%id: tensor<?x1xi64>, %y: tensor<?x1xf32>) -> tensor<f32> {
            %t = optim.read @t : tensor<10x1xf32>
            %p = nn.embedding %t, %id : (tensor<10x1xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
            %c = nn.square_error %p, %y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
            %loss = nn.mean %c : tensor<?x1xf32> -> tensor<f32>
            optim.minimize %loss : tensor<f32> with #optim.sgd<learning_rate = 1.0e-1>
            return %loss : tensor<f32>
          }
        }""")
        job = self.transpile(program, "job")
        for bad in ("10", "-1"):
            data = self.write("bad.csv", "3,1.0\n%s,2.0\n" % bad)
            result = self.run_tool(tool("fleet-run"), job, "--batch-size=2", "--steps=1",
                                   "--data=" + data + "#id=0,y=1")
            self.assert_fails(result, 1, data, "row 1 of input 'id' holds the id " + bad,
                              "rows 0 to 9")

    def test_mlp_learns(self):
        data = self.make_mlp_data(rows=4096)
        job = self.transpile(MLP, "mlp")
        result = self.run_tool(tool("fleet-launch"), job, "--", data, "--batch-size=128",
                               "--epochs=200", "--seed=1", "--shuffle", "--threads=1")
        self.assertEqual(result.returncode, 0, result.stderr)
        accuracy = float(re.search(r"accuracy ([0-9.]+)", result.stdout).group(1))
        self.assertGreater(accuracy, 0.9)

    def test_load_continues(self):
        source = self.program_with(FIT_A_LINE, "#optim.adam<learning_rate = 1.0e-2>")
        job = self.transpile(source, "local")

        def train(*flags):
            result = self.run_tool(tool("fleet-run"), job, HOUSING_DATA, "--seed=3",
                                   "--batch-size=506", *flags)
            self.assertEqual(result.returncode, 0, result.stderr)

        # Every step sees all rows, so the order of data does not matter.
        train("--steps=50", "--save=" + self.path("whole"))
        train("--steps=20", "--save=" + self.path("half"))
        train("--steps=30", "--load=" + self.path("half"), "--save=" + self.path("rest"))
        self.assertEqual(read_checkpoint(self.path("rest")),
                         read_checkpoint(self.path("whole")))

    def test_servers_load_what_any_mode_saved(self):
        source = self.program_with(FIT_A_LINE, "#optim.adam<learning_rate = 1.0e-2>")
        local = self.transpile(source, "local")
        endpoints = free_endpoints(2)
        job = self.transpile(source, "job", "--mode=ps", "--pservers=" + ",".join(endpoints))
        flags = [HOUSING_DATA, "--batch-size=506"]

        def train_here(*more):
            result = self.run_tool(tool("fleet-run"), local, "--seed=3", *flags, *more)
            self.assertEqual(result.returncode, 0, result.stderr)

        def train_on_servers(*more):
            result = self.run_tool(tool("fleet-launch"), job, "--", "--seed=3", *flags,
                                   *more)
            self.assertEqual(result.returncode, 0, result.stderr)

        train_here("--steps=30", "--save=" + self.path("whole"))
        for first, then in ((train_here, train_on_servers), (train_on_servers, train_here),
                            (train_on_servers, train_on_servers)):
            first("--steps=10", "--save=" + self.path("half"))
            then("--steps=20", "--load=" + self.path("half"), "--save=" + self.path("rest"))
            self.assertEqual(read_checkpoint(self.path("rest")),
                             read_checkpoint(self.path("whole")))

    def test_sigterm_ends_a_job(self):
        endpoints = free_endpoints(2)
        job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                             "--pservers=" + ",".join(endpoints))
        launch = self.start(tool("fleet-launch"), job, "--", HOUSING_DATA,
                            "--batch-size=10", "--epochs=1000000")
        time.sleep(1)
        self.assertIsNone(launch.poll())
        launch.send_signal(signal.SIGTERM)
        status, _, err = self.finish(launch, timeout=20)
        self.assertNotEqual(status, 0)
        self.assertIn("SIGTERM", err)
        self.assert_nothing_left(job)

    def test_a_killed_trainer_is_named(self):
        endpoints = free_endpoints(2)
        job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                             "--pservers=" + ",".join(endpoints))
        servers, workers = self.start_by_hand(
            job, endpoints, 2, HOUSING_DATA, "--batch-size=10", "--epochs=1000000",
            "--deadline=10")
        time.sleep(1)
        self.assertIsNone(workers[1].poll())
        workers[1].kill()
        for child in servers + workers[:1]:
            status, _, err = self.finish(child, timeout=15)
            self.assertEqual(status, 1, err)
            self.assertIn("trainer 1", err)
        self.assert_nothing_left(job)

    def test_a_stopped_trainer_is_named_within_the_deadline(self):
        endpoints = free_endpoints(1)
        job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                             "--pservers=" + endpoints[0])
        server = self.start(tool("fleet-run"), job, "--role=pserver", "--deadline=2")
        workers = [self.start(tool("fleet-run"), job, "--role=trainer",
                              "--trainer-id=%d" % rank, HOUSING_DATA, "--batch-size=10",
                              "--epochs=1000000", "--deadline=20") for rank in range(2)]
        time.sleep(1)
        workers[0].send_signal(signal.SIGSTOP)
        self.addCleanup(workers[0].send_signal, signal.SIGCONT)
        for child in (server, workers[1]):
            status, _, err = self.finish(child, timeout=15)
            self.assertEqual(status, 1, err)
            self.assertIn("trainer 0 did not push step", err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
