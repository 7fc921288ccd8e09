"""The plain user's script: torchvision, transforms, a `DataLoader`, an Optuna objective, all by default.

    python plain.py ROOT STEPS ARCHITECTURE ...

Written as such scripts are written; it knows nothing of vggsearch but how to read a net's text, so that both
train the same nets. Prints the seconds that `optimize` took.
"""

import itertools
import sys
import time

import optuna
import torch
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

from vggsearch.arch import Architecture

BATCH = 64


def vgg(architecture: Architecture) -> nn.Module:
    layers: list[nn.Module] = []
    in_channels = 1
    for block in architecture.blocks:
        for kernel_size in block.kernel_sizes:
            layers.append(nn.Conv2d(in_channels, block.channels, kernel_size, padding=kernel_size // 2))
            layers.append(nn.BatchNorm2d(block.channels))
            layers.append(nn.ReLU())
            in_channels = block.channels
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(in_channels, 10))


def study(root: str, steps: int, nets: list[str]) -> float:
    """Train each of the nets for `steps` batches; returns the seconds of it."""
    normalize = transforms.Normalize((0.286,), (0.353,))
    augment = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor(), normalize])
    train_set = datasets.FashionMNIST(root, train=True, transform=augment)
    train_set, val_set = random_split(train_set, [54_000, 6_000])
    train_loader = DataLoader(train_set, batch_size=BATCH, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=BATCH)

    def objective(trial: optuna.Trial) -> float:
        model = vgg(Architecture.parse(trial.suggest_categorical("net", nets)))
        optimizer = torch.optim.SGD(
            model.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=5e-4
        )
        scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=steps)
        criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
        model.train()
        batches = itertools.chain.from_iterable(itertools.repeat(train_loader))
        for x, y in itertools.islice(batches, steps):
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for x, y in val_loader:
                correct += (model(x).argmax(1) == y).sum().item()
        return correct / len(val_set)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    begun = time.perf_counter()
    sampler = optuna.samplers.GridSampler({"net": nets})
    optuna.create_study(direction="maximize", sampler=sampler).optimize(objective, n_trials=len(nets))
    return time.perf_counter() - begun


if __name__ == "__main__":
    root, steps, *nets = sys.argv[1:]
    print(study(root, int(steps), nets))
