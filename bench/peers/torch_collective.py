"""The MLP of row 14 under DistributedDataParallel over gloo, one process a rank
with one thread, started by mpirun: torch_collective.py BUCKET_MB ROUNDS BATCH
CHECKPOINT X Y. Rank 0 prints its losses of the first steps and then, as
bench-collective-step does, the milliseconds of a step, and of one without calls.
"""
import contextlib
import os
import sys
import time

import torch
import torch.distributed as dist

from torch_worker import read_npy, read_safetensors

LOSSES = 10
SAMPLE_SECONDS = 0.25


class Deep(torch.nn.Module):
    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            self.register_parameter(name, torch.nn.Parameter(tensor.detach()))
        self.layers = len(tensors) // 2

    def forward(self, x):
        for i in range(self.layers):
            x = torch.addmm(getattr(self, "b%d" % i), x, getattr(self, "w%d" % i))
            if i + 1 < self.layers:
                x = torch.tanh(x)
        return x


def main():
    megabytes, rounds, batch, checkpoint, x, y = sys.argv[1:]
    rounds, batch = int(rounds), int(batch)
    rank, size = (int(os.environ["OMPI_COMM_WORLD_" + name]) for name in ("RANK", "SIZE"))
    torch.set_num_threads(1)
    # Of a network namespace of its own, so the port is free.
    dist.init_process_group("gloo", init_method="tcp://127.0.0.1:29500", rank=rank,
                            world_size=size)
    x = read_npy(x, torch.float32)[rank * batch:(rank + 1) * batch]
    y = read_npy(y, torch.int64).reshape(-1)[rank * batch:(rank + 1) * batch]
    model = torch.nn.parallel.DistributedDataParallel(
        Deep(read_safetensors(checkpoint)), bucket_cap_mb=float(megabytes),
        gradient_as_bucket_view=True)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-1)

    def step(calls):
        with contextlib.nullcontext() if calls else model.no_sync():
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
        return loss

    def measure(calls, count):
        dist.barrier()
        begin = time.perf_counter()
        for _ in range(count):
            step(calls)
        took = torch.tensor((time.perf_counter() - begin) / count, dtype=torch.float64)
        dist.all_reduce(took, dist.ReduceOp.MAX)
        return took.item()

    losses = [step(True).item() for _ in range(LOSSES)]
    counts = {calls: max(1, int(SAMPLE_SECONDS / measure(calls, 2))) for calls in (True, False)}
    samples = {calls: [] for calls in counts}
    for _ in range(rounds):
        for calls, count in counts.items():
            samples[calls].append(measure(calls, count) * 1e3)
    if rank == 0:
        print("losses", *losses, sep="\t")
        for calls, name in ((True, "overlap"), (False, "compute")):
            print(name, *samples[calls], sep="\t")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
