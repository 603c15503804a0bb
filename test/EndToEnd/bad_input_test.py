"""Bad input: exit status, one line of error, nothing written or left running."""
import os
import random
import socket
import unittest

from fleet_test import (FIT_A_LINE, HOUSING, HOUSING_DATA, FleetTest, free_endpoints,
                        read_checkpoint, tool, write_checkpoint)

PROGRAM = """module @m {
  optim.parameter @w : tensor<4x1xf32> init = #optim.zeros
  func.func @main(%%x: tensor<?x4xf32>, %%y: tensor<?x1xf32>) -> %s {
    %%w = optim.read @w : tensor<4x1xf32>
    %%p = nn.matmul %%x, %%w : (tensor<?x4xf32>, tensor<4x1xf32>) -> tensor<?x1xf32>
    %%d = nn.square_error %%p, %%y : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %%loss = nn.mean %%d : tensor<?x1xf32> -> tensor<f32>
    %%z = nn.mean %%y : tensor<?x1xf32> -> tensor<f32>
%s
  }
}
"""


class Programs(FleetTest):
    def refuse(self, text, *words, flags=(), status=1, mode="w"):
        source = self.write("bad.mlir", text, mode)
        out = self.path("out")
        result = self.run_tool(tool("fleet-transpile"), source, "-o", out, *flags)
        self.assert_fails(result, status, *words)
        self.assertFalse(os.path.exists(out))

    def test_does_not_parse(self):
        self.refuse("module @m { func.func @main( }", "bad.mlir:1:")

    def test_does_not_verify(self):
        body = "    %q = nn.matmul %x, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>\n    return"
        self.refuse(PROGRAM % ("()", body), "bad.mlir:9:", "nn.matmul")

    def test_empty(self):
        self.refuse("", "empty")
        self.refuse("\n  \n", "empty")

    def test_binary(self):
        self.refuse(random.Random(1).randbytes(4096), "bad.mlir", mode="wb")

    def test_nested_ten_thousand_deep(self):
        self.refuse("module @m attributes {a = " + "[" * 10000 + "]" * 10000 + "} {}",
                    "nested more than 256 deep")
        self.refuse("module {" * 10000 + "}" * 10000, "nested more than 256 deep")

    def test_no_such_file(self):
        result = self.run_tool(tool("fleet-transpile"), self.path("nope.mlir"), "-o",
                               self.path("out"))
        self.assert_fails(result, 1, "nope.mlir", "No such file")

    def test_unknown_attribute(self):
        body = "    %q = nn.mean %x {distributed} : tensor<?x4xf32> -> tensor<f32>\n    return"
        self.refuse(PROGRAM % ("()", body), "bad.mlir:9:", "'nn.mean' op",
                    "has no attribute 'distributed'")

    def test_minimize_of_a_tensor(self):
        self.refuse(PROGRAM % ("()", "    optim.minimize %d : tensor<?x1xf32> with "
                               "#optim.sgd<learning_rate = 0.1>\n    return"),
                    "bad.mlir:9:", "scalar")

    def test_minimize_of_what_no_parameter_reaches(self):
        self.refuse(PROGRAM % ("()", "    optim.minimize %z : tensor<f32> with "
                               "#optim.sgd<learning_rate = 0.1>\n    return"),
                    "bad.mlir:9:", "parameter")

    def test_a_result_that_is_no_scalar(self):
        self.refuse(PROGRAM % ("tensor<?x1xf32>", "    optim.minimize %loss : tensor<f32> "
                               "with #optim.sgd<learning_rate = 0.1>\n"
                               "    return %p : tensor<?x1xf32>"), "bad.mlir", "scalars")


class TranspileFlags(FleetTest):
    def refuse(self, *flags, words, status=2, output=None):
        out = output or self.path("out")
        result = self.run_tool(tool("fleet-transpile"), FIT_A_LINE, "-o", out, *flags)
        self.assert_fails(result, status, *words)
        self.assertFalse(os.path.exists(out))

    def test_no_pservers(self):
        self.refuse("--mode=ps", words=["--pservers"])

    def test_duplicate_pservers(self):
        self.refuse("--mode=ps", "--pservers=a:1,a:1", words=["--pservers", "a:1", "twice"])

    def test_malformed_endpoints(self):
        for endpoint in ("localhost", "localhost:", "localhost:0x10", "h:70000", ":1",
                         "::1:6170", "h:0"):
            self.refuse("--mode=ps", "--pservers=" + endpoint,
                        words=["--pservers", endpoint])

    def test_zero_trainers(self):
        for trainers in ("0", "-1", "many"):
            self.refuse("--mode=ps", "--pservers=a:1", "--trainers=" + trainers,
                        words=["--trainers=" + trainers])

    def test_trainer_id_out_of_range(self):
        self.refuse("--mode=ps", "--pservers=a:1", "--trainers=2", "--trainer-id=2",
                    words=["--trainer-id=2", "0..1"])

    def test_unknown_mode_flag_and_cpu(self):
        self.refuse("--mode=magic", words=["--mode=magic"])
        self.refuse("--mode=collective", "--pservers=a:1", words=["--pservers", "collective"])
        self.refuse("--sync-mode=async", words=["async"])
        self.refuse("--target=cuda", words=["cuda"])
        self.refuse("--target-cpu=abacus", words=["abacus"])
        self.refuse("--nonsense", words=["--nonsense"])

    def test_unwritable_output(self):
        blocker = self.write("file", "")
        self.refuse(words=[blocker], status=1, output=os.path.join(blocker, "job"))
        self.refuse(words=["/proc/nope"], status=1, output="/proc/nope")


class RunFlags(FleetTest):
    @classmethod
    def setUpClass(cls):
        cls.endpoint = free_endpoints(1)[0]

    def setUp(self):
        super().setUp()
        self.local = self.transpile(FIT_A_LINE, "local")

    def train(self, *flags, job=None):
        return self.run_tool(tool("fleet-run"), job or self.local, *flags)

    def ok_flags(self, data=HOUSING_DATA, batch=20):
        return [data, "--batch-size=%d" % batch, "--steps=2"]

    def csv(self, text):
        return "--data=" + self.write("data.csv", text) + "#x=0..12,y=13"

    def test_missing_flags(self):
        self.assert_fails(self.train("--batch-size=2", "--steps=1"), 2, "--data")
        self.assert_fails(self.train(HOUSING_DATA, "--steps=1"), 2, "--batch-size")
        self.assert_fails(self.train(HOUSING_DATA, "--batch-size=2"), 2, "--epochs")
        self.assert_fails(self.train("--what"), 2)
        self.assert_fails(self.train(*self.ok_flags(), "--device=cuda"), 2, "cuda")

    def test_missing_column(self):
        data = "--data=" + HOUSING + "#x=2..14,y=13"
        self.assert_fails(self.train(*self.ok_flags(data)), 1, "column 14", "14 columns")

    def test_missing_input(self):
        data = "--data=" + HOUSING + "#x=0..12"
        self.assert_fails(self.train(*self.ok_flags(data)), 1, "'y'")

    def test_not_a_number(self):
        row = ",".join(["1"] * 14) + "\n"
        bad = ",".join(["1"] * 6 + ["seven"] + ["1"] * 7) + "\n"
        self.assert_fails(self.train(*self.ok_flags(self.csv(row + row + bad), 1)), 1,
                          "data.csv:3:13", "seven")

    def test_no_rows(self):
        self.assert_fails(self.train(*self.ok_flags(self.csv(""))), 1, "data.csv")
        header = ",".join("c%d" % i for i in range(14)) + "\n"
        self.assert_fails(self.train(*self.ok_flags(self.csv(header))), 1, "data.csv",
                          "no rows")

    def test_batch_larger_than_the_data(self):
        self.assert_fails(self.train(*self.ok_flags(batch=507)), 1, "--batch-size=507",
                          "506")

    def test_no_such_job(self):
        self.assert_fails(self.train(job=self.path("nope")), 1, "nope")

    def test_damaged_plans(self):
        plan = os.path.join(self.local, "local.plan")
        with open(plan, "rb") as file:
            good = file.read()
        rng = random.Random(2)
        sizes = [0, 1, 31, 32, len(good) // 2, len(good) - 1]
        for size in sizes:
            with open(plan, "wb") as file:
                file.write(good[:size])
            self.assert_fails(self.train(*self.ok_flags()), 1, "local.plan")
        for _ in range(20):
            bad = bytearray(good)
            bad[rng.randrange(len(bad))] ^= 1 << rng.randrange(8)
            with open(plan, "wb") as file:
                file.write(bad)
            self.assert_fails(self.train(*self.ok_flags()), 1, "local.plan")

    def test_damaged_tables_of_contents(self):
        path = os.path.join(self.local, "job.textproto")
        with open(path) as file:
            good = file.read()
        for bad in ("", good[:len(good) // 2], good + "nonsense: 1\n", "\0\xff" * 100,
                    good.replace("schema_version: 1", "schema_version: 9"),
                    good.replace("local.plan", "../local.plan"),
                    good.replace("local.plan", "none.plan")):
            self.assertNotEqual(bad, good)
            with open(path, "w", encoding="latin1") as file:
                file.write(bad)
            self.assert_fails(self.train(*self.ok_flags()), 1, self.local)

    def test_wrong_checkpoints(self):
        save = self.path("save")
        result = self.train(*self.ok_flags(), "--save=" + save)
        self.assertEqual(result.returncode, 0, result.stderr)
        good = read_checkpoint(save)
        load = [*self.ok_flags(), "--load=" + save]

        write_checkpoint(save, good)
        self.assertEqual(self.train(*load).returncode, 0)
        write_checkpoint(save, {k: v for k, v in good.items() if k != "q"})
        self.assert_fails(self.train(*load), 1, "model.safetensors", "'q'")
        write_checkpoint(save, {**good, "q": ("F64", [13, 1], bytes(104))})
        self.assert_fails(self.train(*load), 1, "'q'", "f64")
        write_checkpoint(save, {**good, "q": ("F32", [1, 13], bytes(52))})
        self.assert_fails(self.train(*load), 1, "'q'", "13")
        self.assert_fails(self.train(*self.ok_flags(), "--load=" + self.path("none")), 1,
                          "none")

    def test_more_memory_than_there_is(self):
        program = self.write("huge.mlir", """module @huge {
          optim.parameter @w : tensor<70000x40000xf32> init = #optim.zeros
          func.func @main(%g: tensor<70000x40000xf32>) {
            optim.sgd @w, %g learning_rate = 1.0 : tensor<70000x40000xf32>
            return
          }
        }""")
        job = self.transpile(program, "huge", "--mode=ps", "--pservers=127.0.0.1:6170")
        limited = ["sh", "-c", 'ulimit -v 4000000; exec "$0" "$@"', tool("fleet-run")]
        if self.run_tool(*limited, "--version").returncode != 0:
            self.skipTest("programs do not start with 4 GB of address space")
        result = self.run_tool(*limited, job, "--role=pserver",
                               "--current-endpoint=127.0.0.1:6170")
        self.assert_fails(result, 1, "pserver-0.plan", "memory for parameters needs "
                          "11200000", "which cannot be had")

    def test_unwritable_checkpoint_folder(self):
        blocker = self.write("file", "")
        for folder in (blocker + "/x", "/proc/nope"):
            self.assert_fails(self.train(*self.ok_flags(), "--save=" + folder), 1,
                              "--save")


class Servers(FleetTest):
    def setUp(self):
        super().setUp()
        self.endpoint = free_endpoints(1)[0]
        self.job = self.transpile(FIT_A_LINE, "job", "--mode=ps", "--trainers=2",
                                  "--pservers=" + self.endpoint)

    def test_port_in_use(self):
        with socket.socket() as busy:
            host, port = self.endpoint.split(":")
            busy.bind((host, int(port)))
            busy.listen()
            result = self.run_tool(tool("fleet-run"), self.job, "--role=pserver")
        self.assert_fails(result, 1, self.endpoint, "in use")

    def test_server_that_is_not_there(self):
        result = self.run_tool(tool("fleet-run"), self.job, "--role=trainer",
                               "--trainer-id=0", HOUSING_DATA, "--batch-size=2",
                               "--steps=1", "--deadline=0.5", timeout=10)
        self.assert_fails(result, 1, self.endpoint)

    def test_trainer_that_does_not_come(self):
        result = self.run_tool(tool("fleet-run"), self.job, "--role=pserver",
                               "--deadline=0.5", timeout=10)
        self.assert_fails(result, 1, "trainer 0, 1 did not connect")

    def test_trainer_id_out_of_range(self):
        result = self.run_tool(tool("fleet-run"), self.job, "--role=trainer",
                               "--trainer-id=2", HOUSING_DATA, "--batch-size=2",
                               "--steps=1")
        self.assert_fails(result, 2, "--trainer-id=2")

    def test_contradicting_environment(self):
        for name, value in (("PADDLE_TRAINERS_NUM", "3"),
                            ("PADDLE_PSERVERS_IP_PORT_LIST", "elsewhere:1"),
                            ("TRAINING_ROLE", "BOSS")):
            env = {"TRAINING_ROLE": "TRAINER", "PADDLE_TRAINER_ID": "0", name: value}
            result = self.run_tool(tool("fleet-run"), self.job, env=env)
            self.assert_fails(result, 2, name, value)

    def test_no_role(self):
        result = self.run_tool(tool("fleet-run"), self.job)
        self.assert_fails(result, 2, "TRAINING_ROLE", "--role")

    def test_another_program_is_refused(self):
        other = self.program_with(FIT_A_LINE, "#optim.sgd<learning_rate = 2.0e-2>")
        other = self.transpile(other, "other", "--mode=ps", "--trainers=2",
                               "--pservers=" + self.endpoint)
        server = self.start(tool("fleet-run"), self.job, "--role=pserver",
                            "--deadline=5")
        result = self.run_tool(tool("fleet-run"), other, "--role=trainer",
                               "--trainer-id=0", HOUSING_DATA, "--batch-size=2",
                               "--steps=1", "--deadline=5")
        self.assert_fails(result, 1, self.endpoint, "transpile once")
        self.assertIsNone(server.poll())

    def test_another_seed_is_refused(self):
        self.start(tool("fleet-run"), self.job, "--role=pserver", "--deadline=5",
                   "--seed=1")
        result = self.run_tool(tool("fleet-run"), self.job, "--role=trainer",
                               "--trainer-id=0", HOUSING_DATA, "--batch-size=2",
                               "--steps=1", "--deadline=5", "--seed=2")
        self.assert_fails(result, 1, "--seed=2", "--seed=1")

    def test_launch_refuses_other_numbers(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--workers=3")
        self.assert_fails(result, 2, "--workers=3", "--trainers")
        result = self.run_tool(tool("fleet-launch"), self.job, "--servers=2")
        self.assert_fails(result, 2, "--servers=2", "--pservers")

    def test_launch_reports_the_failure(self):
        result = self.run_tool(tool("fleet-launch"), self.job, "--", HOUSING_DATA,
                               "--batch-size=1000", "--steps=1")
        self.assertEqual(result.returncode, 1)
        self.assertIn("--batch-size=1000", result.stderr.splitlines()[-1])
        self.assert_nothing_left(self.job)


if __name__ == "__main__":
    unittest.main(verbosity=2)
