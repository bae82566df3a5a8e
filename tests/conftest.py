"""A small data set that every test may use."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageDraw
from s3_server import BUCKET, s3_server

os.environ["MPLBACKEND"] = "agg"  # before anything imports matplotlib: no window, no display
if "PYTEST_XDIST_WORKER" in os.environ:  # every core has a worker already; before torch is imported
    os.environ.setdefault("OMP_NUM_THREADS", "1")
# A runner in the background may ignore Ctrl-C, and with it all programs that tests start
signal.signal(signal.SIGINT, signal.default_int_handler)

STEMS = {
    "train": (
        "00001_b01_20230210_tianjin_id0001",
        "00002_b01_20230210_tianjin_id0002",
        "00003_b02_20230318_beijing_id0107",
    ),
    "val": ("00004_b03_20230402_hangzhou_id0211", "00005_b03_20230402_hangzhou_id0212"),
    "test": ("00006_b04_20230511_chengdu_id0300",),
}
# Where each class of MaSS13K is painted, and roughly its colour in the photos
COLOURS = np.array(
    [
        *((120, 110, 100), (200, 150, 120), (150, 70, 60), (50, 110, 40)),
        *((110, 100, 90), (130, 180, 230), (60, 100, 130)),
    ],
    dtype=np.float32,
)


@pytest.fixture
def tiny_dataset(tmp_path: Path) -> Path:
    """Root of a data set in MaSS13K's layout: 3 train, 2 val and 1 test samples of 64x96 pixels."""
    root = tmp_path / "tiny"
    number = 0
    for split, stems in STEMS.items():
        (root / "images" / split).mkdir(parents=True)
        (root / "annotations" / split).mkdir(parents=True)
        for stem in stems:
            label_map = draw_label_map(number)
            image = PillowImage.fromarray(draw_image(label_map, seed=number))
            image.save(root / "images" / split / f"{stem}.jpg", quality=95, subsampling=0)
            PillowImage.fromarray(label_map).save(root / "annotations" / split / f"{stem}.png")
            number += 1
    return root


def draw_label_map(number: int) -> np.ndarray:
    """Draw a street: sky, ground, buildings with windows, a tree, wires, a person, some ignore."""
    canvas = PillowImage.new("L", (96, 64), 5)
    draw = ImageDraw.Draw(canvas)
    shift = 3 * number
    draw.rectangle((0, 44, 95, 63), fill=4)
    draw.rectangle((6 + shift, 14, 30 + shift, 46), fill=2)
    for column in range(9 + shift, 28 + shift, 6):
        draw.rectangle(
            (column, 18, column + 2, 22), fill=0
        )  # windows: holes of one class in another
        draw.point((column, 30), fill=0)
    draw.ellipse((58, 16 + number, 80, 38 + number), fill=3)
    draw.rectangle((66, 34, 67, 50), fill=3)
    draw.ellipse((64, 22 + number, 69, 27 + number), fill=5)  # sky through the crown
    draw.line((0, 8 + number, 95, 4 + number), fill=0)  # wires, one pixel wide
    draw.line((40, 0, 40 + number, 43), fill=0)
    draw.rectangle((48, 38, 51, 52), fill=1)
    draw.ellipse((47, 33, 52, 38), fill=1)
    if number % 2 == 0:
        draw.rectangle((70, 54, 95, 63), fill=6)
    draw.rectangle((0, 60, 4 + number, 62), fill=255)
    return np.asarray(canvas).copy()


def draw_image(label_map: np.ndarray, *, seed: int) -> np.ndarray:
    """Paint a photo for a label map: one colour a class, a gradient and a little noise."""
    rng = np.random.default_rng(seed)
    painted = COLOURS[np.where(label_map == 255, 0, label_map)]  # (H, W, 3)
    gradient = np.linspace(-15, 15, label_map.shape[1], dtype=np.float32)[None, :, None]
    noise = rng.normal(0, 4, painted.shape).astype(np.float32)
    return np.clip(painted + gradient + noise, 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep every test away from the user's own cache of counts."""
    path = tmp_path / "cache" / "counts.sqlite"
    monkeypatch.setenv("MASS13K_CACHE", str(path))
    return path


@pytest.fixture
def cluster_address():
    """Start a real Dask cluster of two workers on loopback, and end it."""
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def s3_address():
    """Start a real S3 server on loopback, and give the address of a bucket."""
    s3fs = pytest.importorskip("s3fs", reason="the extra 'cloud' is not installed")
    pytest.importorskip("moto.server", reason="moto[server] is not installed")
    with s3_server() as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem().mkdir(BUCKET)
        yield f"s3://{BUCKET}"
