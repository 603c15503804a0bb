"""Makes all jobs of one program that ContractTest compares.

transpile_jobs.py FLEET_TRANSPILE PROGRAM PREFIX [few] [servers-only] [local-sgd] [shardable]
    [unmerged] [without-servers]

The jobs are PREFIX_local, PREFIX_half_1x3, and PREFIX_ps_NxS_whole and, of several
servers, PREFIX_ps_NxS_sliced for N trainers and S servers (sliced: even the smallest
parameter is cut, where its update can be; without-servers: none of these but the local
one). And, except with servers-only, for N trainers without servers: PREFIX_all_N, of
which those of all_2 send each gradient by itself; PREFIX_levels_4, which adds between
neighbours first; PREFIX_f16_2 and PREFIX_bf16_4, which add in half precision; and, except
with unmerged, PREFIX_merge_local, PREFIX_merge_N and PREFIX_bf16_merge_4, which update
every two steps. With shardable, also PREFIX_shard_N, of trainers that update a part of each
parameter, and PREFIX_shard_merge_2. With local-sgd, also PREFIX_each_N, of trainers that
average after each step, and PREFIX_adaptive_2.
"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

TOOL, PROGRAM, PREFIX = sys.argv[1:4]
FEW = "few" in sys.argv[4:]
SERVERS_ONLY = "servers-only" in sys.argv[4:]
LOCAL_SGD = "local-sgd" in sys.argv[4:]
SHARDABLE = "shardable" in sys.argv[4:]
UNMERGED = "unmerged" in sys.argv[4:]
WITHOUT_SERVERS = "without-servers" in sys.argv[4:]


def transpile(name, *flags):
    result = subprocess.run([TOOL, PROGRAM, "-o", PREFIX + "_" + name,
                             "--emit=plan", *flags],
                            capture_output=True, text=True)
    return result.stderr if result.returncode != 0 else ""


def pservers(count):
    return "--pservers=" + ",".join("h:%d" % (i + 1) for i in range(count))


def main():
    os.makedirs(os.path.dirname(PREFIX), exist_ok=True)
    settings = {"whole": "mode: PS slice_var_up: false",
                "sliced": "mode: PS min_block_size: 1",
                "alone": "mode: COLLECTIVE fuse_all_reduce_ops: false",
                "f16": "mode: COLLECTIVE fp16_allreduce: true",
                "bf16": "mode: COLLECTIVE bf16_allreduce: true",
                "bf16_merge": "mode: COLLECTIVE bf16_allreduce: true gradient_merge: true "
                              "gradient_merge_configs { k_steps: 2 } "
                              "use_hierarchical_allreduce: true "
                              "hierarchical_allreduce_inter_nranks: 2",
                "merge_local": "gradient_merge: true gradient_merge_configs { k_steps: 2 }",
                "merge": "mode: COLLECTIVE gradient_merge: true "
                         "gradient_merge_configs { k_steps: 2 }",
                "shard": "mode: COLLECTIVE sharding: true sharding_configs { stage: 2 }",
                "shard_merge": "mode: COLLECTIVE sharding: true gradient_merge: true "
                               "gradient_merge_configs { k_steps: 2 }",
                "levels": "mode: COLLECTIVE fuse_all_reduce_ops: false "
                          "use_hierarchical_allreduce: true "
                          "hierarchical_allreduce_inter_nranks: 2",
                "each": "mode: COLLECTIVE localsgd: true",
                "adaptive": "mode: COLLECTIVE adaptive_localsgd: true "
                            "adaptive_localsgd_configs { init_k_steps: 4 }"}
    for name, text in settings.items():
        settings[name] = "%s_%s.textproto" % (PREFIX, name)
        with open(settings[name], "w") as file:
            file.write(text + "\n")
    jobs = [("local",),
            ("ps_3x1_whole", "--strategy=" + settings["whole"], "--trainers=3", pservers(1)),
            ("half_1x3", "--strategy=" + settings["sliced"], "--sync-mode=half-async",
             pservers(3))]
    if not SERVERS_ONLY:
        jobs += [("all_1", "--mode=collective", "--trainers=1"),
                 ("all_2", "--strategy=" + settings["alone"], "--trainers=2"),
                 ("all_4", "--mode=collective", "--trainers=4"),
                 ("f16_2", "--strategy=" + settings["f16"], "--trainers=2"),
                 ("bf16_4", "--strategy=" + settings["bf16"], "--trainers=4"),
                 ("levels_4", "--strategy=" + settings["levels"], "--trainers=4")]
    if not SERVERS_ONLY and not UNMERGED:
        jobs += [("merge_local", "--strategy=" + settings["merge_local"]),
                 ("merge_2", "--strategy=" + settings["merge"], "--trainers=2"),
                 ("merge_4", "--strategy=" + settings["merge"], "--trainers=4"),
                 ("bf16_merge_4", "--strategy=" + settings["bf16_merge"], "--trainers=4")]
    if SHARDABLE:
        jobs += [("shard_1", "--strategy=" + settings["shard"], "--trainers=1"),
                 ("shard_2", "--strategy=" + settings["shard"], "--trainers=2"),
                 ("shard_4", "--strategy=" + settings["shard"], "--trainers=4"),
                 ("shard_merge_2", "--strategy=" + settings["shard_merge"], "--trainers=2")]
    if LOCAL_SGD:
        jobs += [("each_2", "--strategy=" + settings["each"], "--trainers=2"),
                 ("each_4", "--strategy=" + settings["each"], "--trainers=4"),
                 ("adaptive_2", "--strategy=" + settings["adaptive"], "--trainers=2")]
    combinations = [(trainers, servers, cut) for cut in ("whole", "sliced") for servers in (1, 2, 3)
                    for trainers in (1, 2, 4) if servers > 1 or cut == "whole"]
    if FEW:
        combinations = [(1, 1, "whole"), (1, 2, "sliced"), (1, 3, "sliced"),
                        (2, 2, "sliced"), (4, 3, "sliced")]
    for trainers, servers, cut in combinations:
        jobs.append(("ps_%dx%d_%s" % (trainers, servers, cut),
                     "--strategy=" + settings[cut], "--trainers=%d" % trainers,
                     pservers(servers)))
    if WITHOUT_SERVERS:
        jobs = [job for job in jobs if not job[0].startswith(("ps_", "half_"))]
    with ThreadPoolExecutor(2) as pool:
        errors = [e for e in pool.map(lambda job: transpile(*job), jobs) if e]
    sys.exit("\n".join(errors) or None)


main()
