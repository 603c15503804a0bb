"""Manifests for Kubernetes, against the documented fields of their kinds.

There is no cluster here. The shapes below are written by hand after the API
references of JobSet v1alpha2, TrainJob and TrainingRuntime v1alpha1, MPIJob v2beta1
and the core types that they contain: every field that fleet-launch writes, its type,
and which fields are required. A field that is not in them is an error, as it is for
a strict API server.
"""
import re
import subprocess
import unittest

from fleet_test import FIT_A_LINE, FleetTest, tool

try:
    import yaml
except ImportError:
    yaml = None


class Shape:
    """A mapping: `required` and `optional` name fields and their shapes."""

    def __init__(self, required=None, **optional):
        self.required = required or {}
        self.optional = optional

    def check(self, value, where):
        assert isinstance(value, dict), "%s: not a mapping" % where
        for field in self.required:
            assert field in value, "%s: no %s" % (where, field)
        for field, item in value.items():
            shape = self.required.get(field, self.optional.get(field))
            assert shape is not None, "%s: unknown field %s" % (where, field)
            check(shape, item, where + "." + field)


def check(shape, value, where):
    if isinstance(shape, Shape):
        shape.check(value, where)
    elif isinstance(shape, list):  # of one kind of element
        assert isinstance(value, list) and value, "%s: not a list" % where
        for i, item in enumerate(value):
            check(shape[0], item, "%s[%d]" % (where, i))
    elif isinstance(shape, set):  # one of some words
        assert value in shape, "%s: %r is none of %s" % (where, value, shape)
    elif isinstance(shape, re.Pattern):
        assert isinstance(value, str) and shape.fullmatch(value), "%s: %r" % (where, value)
    else:
        assert type(value) is shape, "%s: %r is no %s" % (where, value, shape.__name__)


LABEL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
META = Shape({"name": LABEL}, namespace=LABEL)
ENV = [Shape({"name": re.compile("[A-Za-z_][A-Za-z0-9_]*")}, value=str)]
POD = Shape(
    {"containers": [Shape({"name": LABEL, "image": str}, command=[str], args=[str], env=ENV,
                          volumeMounts=[Shape({"name": LABEL,
                                               "mountPath": re.compile("/.*")})])]},
    restartPolicy={"Never", "OnFailure"},
    volumes=[Shape({"name": LABEL,
                    "persistentVolumeClaim": Shape({"claimName": LABEL})})])
JOB = Shape({"template": Shape({"spec": POD}, metadata=Shape(labels=dict))},
            completionMode={"Indexed", "NonIndexed"}, parallelism=int, completions=int,
            backoffLimit=int)
JOBSET_SPEC = Shape(
    {"replicatedJobs": [Shape({"name": LABEL, "template": Shape(
        {"spec": JOB}, metadata=Shape(labels=dict))},
        replicas=int, dependsOn=[Shape({"name": LABEL, "status": {"Ready", "Complete"}})])]},
    network=Shape(enableDNSHostnames=bool, subdomain=str),
    successPolicy=Shape({"operator": {"All", "Any"}}, targetReplicatedJobs=[LABEL]),
    failurePolicy=Shape(maxRestarts=int))
REPLICAS = Shape({"template": Shape({"spec": POD})}, replicas=int,
                 restartPolicy={"Never", "OnFailure"})
KINDS = {
    ("jobset.x-k8s.io/v1alpha2", "JobSet"): JOBSET_SPEC,
    ("trainer.kubeflow.org/v1alpha1", "TrainingRuntime"): Shape(
        mlPolicy=Shape(numNodes=int), template=Shape({"spec": JOBSET_SPEC})),
    ("trainer.kubeflow.org/v1alpha1", "TrainJob"): Shape(
        {"runtimeRef": Shape({"name": LABEL}, apiGroup={"trainer.kubeflow.org"},
                             kind={"TrainingRuntime", "ClusterTrainingRuntime"})},
        trainer=Shape(image=str, command=[str], args=[str], env=ENV, numNodes=int)),
    ("kubeflow.org/v2beta1", "MPIJob"): Shape(
        {"mpiReplicaSpecs": Shape({"Worker": REPLICAS}, Launcher=REPLICAS)},
        slotsPerWorker=int, launcherCreationPolicy={"AtStartup", "WaitForWorkersReady"},
        runPolicy=Shape(cleanPodPolicy={"None", "Running", "All"}, backoffLimit=int)),
}


def load(text):
    documents = list(yaml.safe_load_all(text))
    for document in documents:
        spec = KINDS[document["apiVersion"], document["kind"]]
        check(Shape({"apiVersion": str, "kind": str, "metadata": META, "spec": spec}),
              document, document["kind"])
    return documents


def expand(text):
    """What Kubernetes makes of an argument without variables of that name."""
    return text.replace("$$", "$")


@unittest.skipUnless(yaml, "PyYAML is not installed (package python3-yaml)")
class Kubernetes(FleetTest):
    ODD = ("--data=a 'b' \"c\": #d$(HOSTNAME)$$.csv#x=0..12,y=13", "--batch-size=10",
           "yes", "1e3", "- x", "line\nbreak", "é")

    def manifest(self, job, *flags, options=ODD):
        result = self.run_tool(tool("fleet-launch"), job, "--launcher=kubernetes",
                               "--image=registry:5000/team/fleet:1", "--dry-run", *flags,
                               "--", *options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return load(result.stdout)

    def ps_job(self, program=FIT_A_LINE, trainers=3):
        return self.transpile(program, "an odd: #folder", "--mode=ps",
                              "--trainers=%d" % trainers,
                              "--pservers=127.0.0.1:6170,127.0.0.1:6171")

    def test_a_job_set_has_a_replicated_job_a_role(self):
        job = self.ps_job()
        (manifest,) = self.manifest(job, "--claim=data:/mnt/data", "--namespace=team")
        self.assertEqual(manifest["metadata"], {"name": "fit-a-line", "namespace": "team"})
        servers, trainers = manifest["spec"]["replicatedJobs"]
        self.assertEqual(trainers["dependsOn"], [{"name": "pserver", "status": "Ready"}])
        for part, role, pods in ((servers, "pserver", 2), (trainers, "trainer", 3)):
            self.assertEqual(part["name"], role)
            spec = part["template"]["spec"]
            self.assertEqual((spec["parallelism"], spec["completions"]), (pods, pods))
            pod = spec["template"]["spec"]
            self.assertEqual(pod["volumes"][0]["persistentVolumeClaim"]["claimName"], "data")
            container = pod["containers"][0]
            self.assertEqual([expand(a) for a in container["args"]],
                             ["fleet-run", job] + list(self.ODD))
            env = {v["name"]: v["value"] for v in container["env"]}
            self.assertEqual(env["FLEET_ROLE"], role)
            # What a pod gets there leads to its place here.
            for index in range(pods):
                result = self.run_tool(tool("fleet-run"), job, "--print-env",
                                       env=dict(env, JOB_COMPLETION_INDEX=str(index)))
                self.assertEqual(result.stdout.splitlines()[0], "%s %d" % (role, index))

    def test_pods_wait_for_the_names_of_servers(self):
        (manifest,) = self.manifest(self.ps_job())
        pod = manifest["spec"]["replicatedJobs"][1]["template"]["spec"]["template"]
        command = [expand(c) for c in pod["spec"]["containers"][0]["command"]]
        result = subprocess.run(command + ["printf", "%s,", "a b", "$(x)", ""], timeout=30,
                                env={"FLEET_WAIT_FOR": "localhost 127.0.0.1",
                                     "PATH": "/usr/bin:/bin"},
                                capture_output=True, text=True)
        self.assertEqual(result.stdout, "a b,$(x),,", result.stderr)

    def test_an_mpi_job_runs_mpirun_over_pods(self):
        job = self.ps_job(trainers=2)
        (manifest,) = self.manifest(job, "--manifest=mpijob")
        specs = manifest["spec"]["mpiReplicaSpecs"]
        self.assertEqual(specs["Worker"]["replicas"], 4)
        args = specs["Launcher"]["template"]["spec"]["containers"][0]["args"]
        self.assertEqual(args[args.index("-np") + 1], "4")
        # Servers are ranks 0 and 2, and rank and pod are the same.
        self.assertIn("FLEET_PSERVERS=fit-a-line-worker-0.fit-a-line:29400,"
                      "fit-a-line-worker-2.fit-a-line:29400", args)

    def test_a_train_job_has_trainers_only(self):
        job = self.transpile(FIT_A_LINE, "trainers", "--mode=collective", "--trainers=3")
        runtime, train = self.manifest(job, "--claim=data:/mnt/data")
        self.assertEqual((runtime["kind"], train["kind"]), ("TrainingRuntime", "TrainJob"))
        self.assertEqual(train["spec"]["runtimeRef"]["name"], runtime["metadata"]["name"])
        (node,) = runtime["spec"]["template"]["spec"]["replicatedJobs"]
        self.assertEqual(node["template"]["metadata"]["labels"],
                         {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"})
        trainer = train["spec"]["trainer"]
        self.assertEqual(trainer["numNodes"], 3)
        env = {v["name"]: v["value"] for v in trainer["env"]}
        for index in range(3):
            result = self.run_tool(tool("fleet-run"), job, "--print-env",
                                   env=dict(env, JOB_COMPLETION_INDEX=str(index)))
            lines = result.stdout.splitlines()
            self.assertEqual(lines[0], "trainer %d" % index)
            self.assertIn("  meets the other trainers at fit-a-line-node-0-0.fit-a-line:29400",
                          lines)
        for kind, count in (("jobset", 1), ("mpijob", 1)):
            self.assertEqual(len(self.manifest(job, "--manifest=" + kind)), count)

    def test_a_local_job_is_one_pod(self):
        (manifest,) = self.manifest(self.transpile(FIT_A_LINE, "local"))
        (only,) = manifest["spec"]["replicatedJobs"]
        self.assertEqual(only["template"]["spec"]["completions"], 1)

    def test_odd_job_names(self):
        with open(FIT_A_LINE) as file:
            text = file.read()
        for name, expected in (('@"Fit: #1\'s 50% - yes"', "fit-1-s-50-yes"),
                               ('@"123"', "job-123"), ("@" + "x" * 100, "x" * 40)):
            program = self.write("odd.mlir", re.sub("@fit_a_line", lambda _: name, text, 1))
            (manifest,) = self.manifest(self.ps_job(program))
            self.assertEqual(manifest["metadata"]["name"], expected)
            for launcher in ("mpirun", "slurm"):
                result = self.run_tool(tool("fleet-launch"), self.path("an odd: #folder"),
                                       "--launcher=" + launcher, "--dry-run", "--", *self.ODD)
                self.assertEqual(result.returncode, 0, result.stderr)
                parsed = subprocess.run(["bash", "-n"], input=result.stdout, text=True,
                                        capture_output=True)
                self.assertEqual(parsed.returncode, 0, parsed.stderr)

    def test_wrong_usage(self):
        launch, job = tool("fleet-launch"), self.ps_job()
        for flags, words in (
                (["--launcher=ray"], ["--launcher=ray", "kubernetes"]),
                (["--launcher=kubernetes", "--image=x"], ["--output=FILE", "--dry-run"]),
                (["--launcher=kubernetes", "--dry-run"], ["--image"]),
                (["--launcher=kubernetes", "--dry-run", "--image=x", "--name=A"],
                 ["--name=A"]),
                (["--launcher=kubernetes", "--dry-run", "--image=x", "--manifest=pod"],
                 ["--manifest=pod", "jobset"]),
                (["--launcher=kubernetes", "--dry-run", "--image=x",
                  "--manifest=trainjob"], ["trainjob", "mpijob"]),
                (["--launcher=kubernetes", "--dry-run", "--hosts=a"],
                 ["--hosts", "mpirun slurm"]),
                (["--launcher=mpirun", "--log-dir=x"], ["--log-dir", "local"]),
                (["--launcher=mpirun", "--hosts=a:b"], ["--hosts", "a:b"]),
                (["--launcher=slurm", "--output=x", "--dry-run"], ["--dry-run", "--output"]),
                (["--image=x"], ["--image", "kubernetes"])):
            self.assert_fails(self.run_tool(launch, job, *flags), 2, *words)
        self.assert_fails(self.run_tool(launch, job, "--launcher=mpirun", "--dry-run", "--",
                                        "--trainer-id=0"), 2, "--trainer-id")


if __name__ == "__main__":
    unittest.main(verbosity=2)
