"""The plain user's search: the space of studies/quickstart.yaml by Optuna's TPE, Adam, one epoch a net.

    python plain_search.py ROOT SECONDS SEED

As `plain.py`: torchvision, transforms, a `DataLoader`, all by default. No net is begun after SECONDS. Prints
one JSON object for each net that was the best on validation when it was done: seconds since the start, how
many nets were done, accuracy on validation and on the test images. The test images are looked at when the
clock has stopped.
"""

import json
import sys
import time

import optuna
import torch
from plain import BATCH, vgg
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from vggsearch.arch import Architecture


def suggested(trial: optuna.Trial) -> Architecture:
    blocks = trial.suggest_categorical("num_blocks", [2, 3, 4])
    convs = trial.suggest_categorical("convs_per_block", [1, 2])
    ratio = trial.suggest_categorical("ratio", [8, 16, 32])
    sizes = [trial.suggest_categorical(f"kernel_size_{i}", [3, 5]) for i in range(blocks)]
    widths = [64 * 2**i // ratio for i in range(blocks)]
    parts = [f"{convs}x{width}k{size}" for width, size in zip(widths, sizes, strict=True)]
    return Architecture.parse("-".join(parts) + "+bn+gap")


def accuracy(model: nn.Module, loader: DataLoader, size: int) -> float:
    model.eval()
    with torch.no_grad():
        return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / size


def main(root: str, seconds: float, seed: int) -> None:
    begun = time.perf_counter()
    torch.manual_seed(seed)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.286,), (0.353,))])
    train_set = datasets.FashionMNIST(root, train=True, transform=transform)
    train_set, val_set = random_split(train_set, [54_000, 6_000])
    train_loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=BATCH)
    incumbents: list[tuple[float, int, float, nn.Module]] = []

    def objective(trial: optuna.Trial) -> float:
        model = vgg(suggested(trial))
        optimizer = torch.optim.Adam(model.parameters())
        criterion = nn.CrossEntropyLoss()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        found = accuracy(model, val_loader, len(val_set))
        if not incumbents or found > incumbents[-1][2]:
            incumbents.append((time.perf_counter() - begun, trial.number + 1, found, model))
        return found

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, timeout=seconds)
    took = time.perf_counter() - begun
    test_set = datasets.FashionMNIST(root, train=False, transform=transform)
    test_loader = DataLoader(test_set, batch_size=BATCH)
    for at, nets, on_val, model in incumbents:
        on_test = accuracy(model, test_loader, len(test_set))
        found = {"s": at, "nets": nets, "val": on_val, "test": on_test}
        print(json.dumps(found | {"all_s": took, "all_nets": len(study.trials)}))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
