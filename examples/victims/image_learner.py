#!/usr/bin/env python3
"""A learner of images for `crosstalk verify --victim`, to be replaced by your own.

    crosstalk verify photos --protected out --victim 'python3 examples/victims/image_learner.py {train} {test} {predictions}'

It trains on the images and labels.csv of the first folder, answers the images of the second, and writes the answers as
CSV. With PyTorch (Debian: python3-torch) it is a residual network with random crops, mirror images and other colours;
without it, a logistic regression on pixels and gradients (python3-sklearn). Both need python3-pil and python3-numpy.

    --no-flip     mirror images would change a label
    --grey        learn and answer grey copies
    --epochs N    passes over the images; 60
"""

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from PIL import Image


def read_images(folder, files, grey):
    pictures = [Image.open(Path(folder) / file).convert("RGB") for file in files]
    if grey:
        pictures = [picture.convert("L").convert("RGB") for picture in pictures]
    return np.stack([np.asarray(picture, dtype=np.float32) / 255 for picture in pictures]).transpose(0, 3, 1, 2)


def read_labels(folder):
    """File names, and of each task its cells and its classes (None for a task of numbers)."""
    with open(Path(folder) / "labels.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    tasks = {}
    for name in rows[0]:
        if name == "file":
            continue
        cells = [row[name] for row in rows]
        values = sorted({cell for cell in cells if cell})
        tasks[name] = (cells, None if len(values) > 100 and all(map(is_number, values)) else values)
    return [row["file"] for row in rows], tasks


def is_number(text):
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False


def targets(cells, classes):
    """Class numbers or standardised numbers, NaN where there is no label; mean and deviation."""
    values = np.array([np.nan if not cell else float(cell) if classes is None else classes.index(cell)
                       for cell in cells], dtype=np.float32)
    if classes is not None:
        return values, 0.0, 1.0
    mean, deviation = np.nanmean(values), max(float(np.nanstd(values)), 1e-6)
    return (values - mean) / deviation, mean, deviation


def answers_of_network(train, test, tasks, options, seed):
    import torch
    from torch import nn
    from torch.nn import functional as F

    torch.manual_seed(seed)
    torch.set_num_threads(1)

    class Block(nn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))
            self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
            self.short = nn.Sequential()
            if stride != 1 or inputs != outputs:
                self.short = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

        def forward(self, x):
            return F.relu(self.second(F.relu(self.first(x))) + self.short(x))

    prepared = {name: (*targets(cells, classes), classes) for name, (cells, classes) in tasks.items()}
    widths = [1 if classes is None else len(classes) for *_, classes in prepared.values()]
    net = nn.Sequential(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
                        Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Dropout(0.2), nn.Linear(64, sum(widths)))
    images = torch.from_numpy(train)
    labels = [torch.from_numpy(values) for values, *_ in prepared.values()]
    batch = 64
    steps = -(-len(images) // batch) * options.epochs
    optimiser = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3, nesterov=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, total_steps=steps)

    def loss_of(output, rows):
        total = 0
        for part, label, (*_, classes) in zip(output.split(widths, 1), labels, prepared.values()):
            label = label[rows]
            known = ~torch.isnan(label)
            if not known.any():
                continue
            if classes is None:
                total = total + F.mse_loss(part[known, 0], label[known])
            else:
                total = total + F.cross_entropy(part[known], label[known].long())
        return total

    def augmented(x):
        pad = max(1, x.shape[-1] // 8)
        wide = F.pad(x, (pad,) * 4, mode="reflect")
        out = torch.empty_like(x)
        for i in range(len(x)):
            top, left = torch.randint(0, 2 * pad + 1, (2,)).tolist()
            out[i] = wide[i, :, top:top + x.shape[-2], left:left + x.shape[-1]]
            if not options.no_flip and torch.rand(()) < 0.5:
                out[i] = out[i].flip(-1)
        bright, contrast, colour = (1 + 0.4 * (torch.rand(len(x), 1, 1, 1) - 0.5) for _ in range(3))
        out = out * bright
        out = out.mean((1, 2, 3), keepdim=True) * (1 - contrast) + out * contrast
        return (out.mean(1, keepdim=True) * (1 - colour) + out * colour).clamp(0, 1)

    for _ in range(options.epochs):
        net.train()
        for rows in torch.randperm(len(images)).split(batch):
            if len(rows) < 2:
                continue
            optimiser.zero_grad()
            loss_of(net((augmented(images[rows]) - 0.5) / 0.25), rows).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        output = torch.cat([net((part - 0.5) / 0.25) for part in torch.from_numpy(test).split(256)])
    answers = {}
    for part, (name, (_, mean, deviation, classes)) in zip(output.split(widths, 1), prepared.items()):
        answers[name] = ([repr(float(value * deviation + mean)) for value in part[:, 0]] if classes is None
                         else [classes[c] for c in part.argmax(1)])
    return answers


def answers_of_regression(train, test, tasks, options, seed):
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def features(images):
        """Means of 4 x 4 pixels, and in each cell of 8 x 8 how strong gradients are in eight directions."""
        n, _, height, width = images.shape
        luma = images.mean(1)
        dy, dx = np.gradient(luma, axis=(1, 2))
        strength, direction = np.hypot(dx, dy), (np.arctan2(dy, dx) / (2 * np.pi) * 8).astype(int) % 8
        cells = [images[:, :, y:y + 4, x:x + 4].mean((2, 3)) for y in range(0, height, 4) for x in range(0, width, 4)]
        for d in range(8):
            weight = strength * (direction == d)
            cells += [weight[:, y:y + 8, x:x + 8].sum((1, 2))[:, None]
                      for y in range(0, height, 8) for x in range(0, width, 8)]
        return np.concatenate(cells, 1)

    seen, asked = features(train), features(test)
    answers = {}
    for name, (cells, classes) in tasks.items():
        values, mean, deviation = targets(cells, classes)
        known = ~np.isnan(values)
        model = Ridge(10.0) if classes is None else LogisticRegression(C=0.05, max_iter=1000)
        parts = min(100, known.sum() - 1, seen.shape[1])
        learner = make_pipeline(StandardScaler(), PCA(parts, random_state=seed), StandardScaler(), model)
        learner.fit(seen[known], values[known])
        told = learner.predict(asked)
        answers[name] = ([repr(float(value * deviation + mean)) for value in told] if classes is None
                         else [classes[int(c)] for c in told])
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train")
    parser.add_argument("test")
    parser.add_argument("predictions")
    parser.add_argument("--no-flip", action="store_true")
    parser.add_argument("--grey", action="store_true")
    parser.add_argument("--epochs", type=int, default=60)
    options = parser.parse_args()
    seed = int(os.environ.get("CROSSTALK_SEED", "1"))
    files, tasks = read_labels(options.train)
    asked = sorted(file.name for file in Path(options.test).iterdir() if file.suffix == ".png")
    train, test = read_images(options.train, files, options.grey), read_images(options.test, asked, options.grey)
    try:
        import torch  # noqa: F401
        learn = answers_of_network
    except ImportError:
        learn = answers_of_regression
    answers = learn(train, test, tasks, options, seed)
    with open(options.predictions, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", *answers])
        table.writerows(zip(asked, *answers.values()))


if __name__ == "__main__":
    main()
