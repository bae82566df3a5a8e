"""Files of boundary weights that are none."""

import zipfile

import numpy as np
import pytest

from mass13k_tools.boundaries.weights import read_weights
from mass13k_tools.errors import DatasetError

LABEL_MAP = np.zeros((2, 3), np.uint8)
SOUND = {
    "mode": "abs",
    "kernel_px": 5,
    "class_ids": np.array([0], np.uint8),
    "label_map": LABEL_MAP,
    "steps": LABEL_MAP[None],
}


def test_a_file_that_holds_no_weights_is_one_clear_line(tmp_path):
    np.savez(tmp_path / "sound.npz", **SOUND)
    assert read_weights(tmp_path / "sound.npz").weights.shape == (1, 2, 3)
    for name, changed in {
        "steps": np.zeros((1, 3, 3), np.uint8),
        "label_map": np.zeros((1, 1), np.uint8),
        "kernel_px": 4,
        "mode": "other",
        "class_ids": np.array([0, 1], np.uint8),
    }.items():
        np.savez(tmp_path / f"{name}.npz", **(SOUND | {name: changed}))
    np.savez(tmp_path / "large.npz", **(SOUND | {"steps": LABEL_MAP[None] + np.uint8(26)}))
    np.savez(tmp_path / "float.npz", **(SOUND | {"steps": LABEL_MAP[None].astype(np.float32)}))
    np.savez(tmp_path / "nothing.npz", other=LABEL_MAP)
    np.save(tmp_path / "one.npy", LABEL_MAP)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "sound.npz").read_bytes()[:-30])
    (tmp_path / "empty.npz").write_bytes(b"")
    paths = set(tmp_path.iterdir()) - {tmp_path / "sound.npz"}
    assert len(paths) == 11
    for path in paths:
        with pytest.raises(DatasetError, match=f"'{path}' holds no boundary weights: "):
            read_weights(path)
    with pytest.raises(DatasetError, match="No such file"):
        read_weights(tmp_path / "absent.npz")


def test_odd_archives_are_one_clear_line(tmp_path):
    for name, changed in {
        "class_ids": np.array(0, np.uint8),
        "kernel_px": np.array([5, 5]),
        "steps": np.zeros((1, 2, 3), complex),
    }.items():
        np.savez(tmp_path / f"{name}.npz", **(SOUND | {name: changed}))
    np.savez(tmp_path / "twice.npz", **(SOUND | {"class_ids": np.array([0, 0])}))
    np.savez(tmp_path / "nested.npz", **(SOUND | {"class_ids": np.array([[0]])}))
    np.savez(tmp_path / "float.npz", **(SOUND | {"kernel_px": np.inf}))
    np.savez(tmp_path / "sound.npz", **SOUND)
    whole = (tmp_path / "sound.npz").read_bytes()
    (tmp_path / "encrypted.npz").write_bytes(_with_every(whole, flag=1))
    (tmp_path / "imploded.npz").write_bytes(_with_every(whole, method=6))
    (tmp_path / "lzma.npz").write_bytes(_with_every(whole, method=14))
    with zipfile.ZipFile(tmp_path / "bytes.npz", "w") as archive:
        for name in ("mode", "kernel_px", "class_ids", "label_map", "steps"):
            archive.writestr(name, b"123")
    paths = set(tmp_path.iterdir()) - {tmp_path / "sound.npz"}
    assert len(paths) == 10
    for path in paths:
        with pytest.raises(DatasetError, match=f"'{path}' holds no boundary weights: "):
            read_weights(path)


def _with_every(archive, *, flag=0, method=0):
    """Change flags and compression method of every member, here and in the list at the end."""
    changed = bytearray(archive)
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = archive.find(signature)
        while start >= 0:
            changed[start + at] |= flag
            changed[start + at + 2] |= method
            start = archive.find(signature, start + 1)
    return bytes(changed)
