"""The same computations in PyTorch, as a worker: torch_worker.py WORKLOAD MODE
THREADS CHECKPOINT DATA... Prints the losses of the first steps (or "ready"),
then for every number of steps on standard input the nanoseconds a step took.

Workloads: fit_a_line, mlp, add (of 4 floats), cold (one step, then ends).
Modes: eager, compile.
"""
import json
import sys
import time

import torch

LOSSES = 200


def read_safetensors(path):
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = bytearray(file.read())
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        assert entry["dtype"] == "F32", "%s is not f32" % name
        begin, end = entry["data_offsets"]
        flat = torch.frombuffer(body[begin:end], dtype=torch.float32)
        tensors[name] = flat.clone().reshape(entry["shape"]).requires_grad_()
    return tensors


def read_npy(path, dtype):
    with open(path, "rb") as file:
        assert file.read(8) == b"\x93NUMPY\x01\x00"
        header = file.read(int.from_bytes(file.read(2), "little")).decode()
        flat = torch.frombuffer(bytearray(file.read()), dtype=dtype)
    shape = header[header.index("(") + 1:header.index(")")]
    return flat.reshape([int(part) for part in shape.split(",") if part.strip()])


def batches(tensors, size):
    rows = tensors[0].shape[0] // size * size
    return list(zip(*(tensor[:rows].split(size) for tensor in tensors)))


MEAN = [3.6135236, 11.363636, 11.136779, 0.06916996, 0.55469506, 6.2846344,
        68.574901, 3.7950427, 9.5494071, 408.23715, 18.455534, 356.67403, 12.653063]
SCALE = [0.11637323, 0.042919568, 0.14590935, 3.9409964, 8.6383301, 1.4246587,
         0.035560572, 0.47536914, 0.11496035, 0.0059392829, 0.46236249,
         0.010964358, 0.14017378]


def fit_a_line(parameters, data):
    mean, scale = torch.tensor(MEAN), torch.tensor(SCALE)
    w, q, b = (parameters[name] for name in ("w", "q", "b"))

    def loss(x, y):
        z = (x - mean) * scale
        prediction = z @ w + (z * z * 0.25) @ q + b
        return torch.square(prediction - y).mean()

    with open(data[0]) as file:
        rows = [[float(cell) for cell in line.split(",")] for line in file
                if line.strip() and not line[0].isalpha() and line[0] not in '"#']
    table = torch.tensor(rows, dtype=torch.float32)
    x, y = table[:, :13].contiguous(), table[:, 13:14].contiguous()
    return loss, 1e-2, batches([x, y], 20)


def mlp(parameters, data):
    p = parameters

    def loss(x, y):
        hidden = torch.tanh(torch.addmm(p["fc1_b"], x, p["fc1_w"]))
        hidden = torch.tanh(torch.addmm(p["fc2_b"], hidden, p["fc2_w"]))
        logits = torch.addmm(p["fc3_b"], hidden, p["fc3_w"])
        return torch.nn.functional.cross_entropy(logits, y)

    x = read_npy(data[0], torch.float32)
    y = read_npy(data[1], torch.int64).reshape(-1)
    return loss, 1e-1, batches([x, y], 128)


def add():
    a, b = torch.rand(4), torch.rand(4)

    def step():
        torch.add(a, b)

    return step


def trainer(workload, mode, checkpoint, data):
    parameters = read_safetensors(checkpoint)
    loss, rate, rows = {"fit_a_line": fit_a_line, "mlp": mlp}[workload](parameters, data)
    optimizer = torch.optim.SGD(parameters.values(), lr=rate)
    if mode == "compile":
        loss = torch.compile(loss)
    state = {"next": 0}

    def step():
        x, y = rows[state["next"]]
        state["next"] = (state["next"] + 1) % len(rows)
        optimizer.zero_grad(set_to_none=True)
        value = loss(x, y)
        value.backward()
        optimizer.step()
        return value

    return step


def main():
    workload, mode, threads, checkpoint, *data = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.manual_seed(1)
    if mode == "cold":
        trainer(workload, "eager", checkpoint, data)().item()
        return
    if workload == "add":
        torch.set_grad_enabled(False)
        step = add()
        print("ready", flush=True)
    else:
        step = trainer(workload, mode, checkpoint, data)
        print(*(step().item() for _ in range(LOSSES)), flush=True)
    for line in sys.stdin:
        count = int(line)
        begin = time.perf_counter_ns()
        for _ in range(count):
            step()
        print((time.perf_counter_ns() - begin) / count, flush=True)


if __name__ == "__main__":
    main()
