#!/usr/bin/env python3
"""A folder of photographs of mixed size, orientation, profile and format through `protect` and `verify`.

    CROSSTALK_DATA=DIR experiments/photo_folder.py build/release/crosstalk FOLDER [--photos 300] [--large 4]

writes experiments/results/photo_folder.csv. The photographs are those of the pets sample, written anew as JPEG, PNG and
WebP: grey, with opaque alpha, with 16 bits, lying on their side with an EXIF orientation and a place, with a colour
profile, and some (--large) enlarged to twelve megapixels. `protect` (LSP) and `verify` take the folder with one command
each. Pillow, which shares no code with the command, reads what was published and says how large the largest change is,
whether the photo stands upright, and what is kept beside it. FOLDER keeps the photographs and the copy.
"""

import argparse
import csv
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps

RESULT = Path(__file__).resolve().parent / "results" / "photo_folder.csv"
KINDS = ["JPEG", "PNG", "WebP", "JPEG on its side, with a place", "PNG with a profile", "grey JPEG", "PNG, opaque alpha",
         "PNG, 16 bits grey", "JPEG with a profile", "grey PNG, palette"]
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def place():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0)})
    return exif


def write(photo, kind, path):
    """Writes the photo in its own way; returns the path."""
    name = path.with_suffix(".jpg" if "JPEG" in kind else ".webp" if kind == "WebP" else ".png")
    if kind == "JPEG on its side, with a place":
        photo.transpose(Image.Transpose.ROTATE_90).save(name, quality=92, exif=place())
    elif "16 bits" in kind:
        Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257).save(name)
    elif "alpha" in kind:
        photo.convert("RGBA").save(name)
    elif "palette" in kind:
        photo.convert("P", palette=Image.Palette.ADAPTIVE).save(name)
    elif "grey" in kind:
        photo.convert("L").save(name, quality=92)
    elif "profile" in kind:
        photo.save(name, icc_profile=PROFILE, quality=92)
    else:
        photo.save(name, quality=92)
    return name


def upright(path):
    """What a viewer shows, as bytes of RGB."""
    with Image.open(path) as image:
        if image.mode.startswith("I"):
            return np.repeat((np.asarray(image, dtype=np.int64) * 255 + 32767)[..., None] // 65535, 3, 2)
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), dtype=np.int64)


def make_folder(photos, count, large):
    photos.mkdir(parents=True)
    rows, kinds = [], {}
    with tarfile.open(Path(os.environ["CROSSTALK_DATA"]) / "oxford_pets_sample" / "oxford_pets_sample.tar") as tar:
        species = {}
        for line in tar.extractfile("oxford_pets_sample/annotations/list.txt").read().decode().splitlines():
            if not line.startswith("#"):
                name, breed, kind, _ = line.split()
                species[name] = (breed, kind)
        members = sorted((m for m in tar.getmembers() if m.name.endswith(".jpg")), key=lambda m: m.name)
        members = (members[:: max(1, len(members) // count)] + members)[:count]
        for number, member in enumerate(members):
            name = Path(member.name).stem
            with Image.open(io.BytesIO(tar.extractfile(member).read())) as image:
                photo = image.convert("RGB")
            if number < large:
                photo = photo.resize((4000, 3000), Image.Resampling.BICUBIC)
            kind = KINDS[number % len(KINDS)]
            path = write(photo, kind, photos / f"{number:03d}_{name}")
            kinds[path.name] = kind
            rows.append([path.name, *species[name]])
    (photos / ".hidden.jpg").write_bytes(b"no picture")
    Image.new("RGB", (40, 30)).save(photos / "unlisted.png")
    with open(photos / "labels.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "breed", "species"], *rows])
    (photos.parent / "kinds.json").write_text(json.dumps(kinds))


def run(*words):
    result = subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True)
    print(result.stdout + result.stderr, end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("crosstalk", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--large", type=int, default=4)
    options = parser.parse_args()
    crosstalk, folder = options.crosstalk.resolve(), options.folder.resolve()
    photos, out = folder / "photos", folder / "protect"
    if not (folder / "kinds.json").exists():
        make_folder(photos, options.photos, options.large)
    kinds = json.loads((folder / "kinds.json").read_text())
    if not (out / "run.json").exists():
        run(crosstalk, "protect", photos, "--merge-rare", "5", "--method", "lsp", "--out", out, "--quiet")
    seen = {kind: [] for kind in KINDS}
    for path in sorted((out / "images").iterdir()):
        if path.suffix == ".csv":
            continue
        source = next(name for name in kinds if Path(name).stem == path.stem)
        before, after = upright(photos / source), upright(path)
        with Image.open(path) as image:
            profile = image.info.get("icc_profile") is not None
            place_kept = bool(image.getexif())
        change = int(np.abs(before - after).max()) if before.shape == after.shape else -1
        seen[kinds[source]].append((change, before.shape == after.shape, profile, place_kept))
    rows = [[kind, len(parts), max(part[0] for part in parts), sum(part[1] for part in parts),
             sum(part[2] for part in parts), sum(part[3] for part in parts)] for kind, parts in seen.items() if parts]
    with open(RESULT, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [["kind", "photos", "largest_change", "upright", "with_profile", "with_exif"], *rows])
    for row in rows:
        print(*row)
    run(crosstalk, "verify", photos, "--protected", out, "--victims", "mtl", "--learners", "usual,grey", "--epochs", "4",
        "--flip", "--threads", "1", "--out", folder / "verify", "--quiet")


if __name__ == "__main__":
    main()
