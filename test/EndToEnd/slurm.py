"""A Slurm of one node, on private ports, in a folder of its own."""
import os
import shutil
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "sinfo")

CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=10 State=UP
"""


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def missing():
    """Why there is no Slurm here; empty if there is."""
    absent = [p for p in PROGRAMS if not find(p)]
    if absent:
        return "%s not installed (packages slurmctld slurmd slurm-client munge)" % absent
    return "" if os.getuid() == 0 else "slurmd needs root"


class Slurm:
    """Its daemons run until stop(); `environment` reaches it."""

    def __init__(self, folder):
        self.folder = folder
        self.daemons = []
        sockets = [socket.socket() for _ in range(2)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        ports = [s.getsockname()[1] for s in sockets]
        for s in sockets:
            s.close()
        host = socket.gethostname()
        os.chmod(folder, 0o755)
        for name in ("state", "spool"):
            os.mkdir(os.path.join(folder, name))
        key = os.path.join(folder, "munge.key")
        with open(key, "wb") as file:
            file.write(os.urandom(64))
        os.chmod(key, 0o400)
        configuration = os.path.join(folder, "slurm.conf")
        with open(configuration, "w") as file:
            file.write(CONFIGURATION.format(host=host, ports=ports, folder=folder))
        self.environment = {"SLURM_CONF": configuration}
        try:
            self.start(find("munged"), "-F", "--force", "--key-file=" + key,
                       *("--%s=%s/munge.%s" % (flag, folder, end) for flag, end in
                         (("socket", "socket"), ("pid-file", "pid"), ("log-file", "log"),
                          ("seed-file", "seed"))))
            self.wait(lambda: os.path.exists(os.path.join(folder, "munge.socket")))
            self.start(find("slurmctld"), "-D", "-f", configuration)
            self.start(find("slurmd"), "-D", "-f", configuration, "-N", host)
            self.wait(lambda: "idle" in self.run("sinfo", "-h", "-o", "%T").stdout)
        except BaseException:
            self.stop()
            raise

    def start(self, *command):
        log = open(os.path.join(self.folder, os.path.basename(command[0]) + ".out"), "w")
        with log:
            self.daemons.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, **self.environment)))

    def run(self, *command, timeout=60, cwd=None):
        return subprocess.run([str(c) for c in command], capture_output=True, text=True,
                              env=dict(os.environ, **self.environment), timeout=timeout,
                              cwd=cwd)

    def wait(self, condition):
        end = time.monotonic() + 30
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError("Slurm does not start:\n" + self.logs())
            time.sleep(0.1)

    def logs(self):
        text = ""
        for name in ("munged", "slurmctld", "slurmd"):
            path = os.path.join(self.folder, name + ".out")
            if os.path.exists(path):
                with open(path) as file:
                    text += name + ":\n" + file.read()[-2000:]
        return text

    def stop(self):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
