"""A data set far away is found as its copy here is, by few requests; no name is trusted."""

import functools
import http.server
import pickle
import threading
import uuid
from contextlib import contextmanager

import pytest
from far_folders import upload
from layout_trees import TREES, write, write_tree

from mass13k_tools.errors import DatasetError
from mass13k_tools.inputs import read_bytes
from mass13k_tools.layouts import find_dataset
from mass13k_tools.shards.places import Place
from mass13k_tools.shards.remote_root import root_at

fsspec = pytest.importorskip("fsspec", reason="the extra 'cloud' is not installed")


@pytest.fixture(params=["memory", "file", "s3"])
def address(request, tmp_path):
    """An address at which there is nothing yet, of every kind."""
    if request.param == "s3":
        return f"{request.getfixturevalue('s3_address')}/{uuid.uuid4()}/set"
    return {"memory": f"memory://{uuid.uuid4()}/set", "file": f"file://{tmp_path}/far/set"}[
        request.param
    ]


def described(dataset):
    """Tell all that is known of a data set but where it lies."""

    def inner(path):
        return str(path.relative_to(dataset.root))

    return (
        (dataset.root.name, dataset.layout, dataset.taxonomy.name),
        [
            (each.key, each.split, each.group, inner(each.image_path), inner(each.label_path))
            for each in dataset.samples
        ],
        [(*vars_of(fault), inner(fault.path)) for fault in dataset.faults],
        {inner(path) for path in dataset.files},
    )


def vars_of(fault):
    return fault.kind, fault.split, fault.key, fault.found, fault.expected, fault.hint


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_every_layout_is_found_far_away_as_it_is_here(tmp_path, tree):
    near = write_tree(tmp_path / "set", tree)
    far = find_dataset(root_at(upload(near, f"memory://{uuid.uuid4()}/set")))
    assert described(far) == described(find_dataset(near))
    assert [read_bytes(sample.label_path) for sample in far.samples] == [
        read_bytes(sample.label_path) for sample in find_dataset(near).samples
    ]


def test_faults_hidden_files_and_folders_among_the_files_are_seen_alike(
    tiny_dataset, tmp_path, address
):
    near = tiny_dataset.rename(tmp_path / "set")
    for name in ("images/train/alone.jpg", "images/train/deep/a.jpg", "images/val/.hidden.jpg"):
        write(near / name)
    write(near / "annotations/val/alone.png", 3)
    write(near / "images/test/two.jpg")
    write(near / "images/test/two.png")
    (near / "images/val/old.tif").write_bytes(b"")
    here, far = find_dataset(near), find_dataset(root_at(upload(near, f"{address}/")))
    assert described(far) == described(here)
    assert len(here.faults) == 6
    assert str(far.faults[0].path).startswith(f"{address}/images/")
    chosen = find_dataset(root_at(address), layout="mass13k", images="images")
    assert described(chosen) == described(find_dataset(near, layout="mass13k", images="images"))


def test_what_is_no_data_set_is_refused_as_here(tiny_dataset, address):
    with pytest.raises(DatasetError, match=f"found nothing at '{address}/none', expected"):
        find_dataset(root_at(f"{address}/none"))
    upload(tiny_dataset, address)
    with pytest.raises(DatasetError, match=f"'{address}/images' is no known .* test, train, val;"):
        find_dataset(root_at(f"{address}/images"))
    photo = find_dataset(root_at(address)).samples[0].image_path
    with pytest.raises(DatasetError, match=f"found a file at '{photo}', expected the folder"):
        find_dataset(root_at(str(photo)))


def count_requests(driver, monkeypatch):
    """Note every request to a driver: its kind, and the path."""
    asked = []
    for name in ("ls", "info", "exists", "isfile", "isdir", "size", "cat_file", "find", "glob"):
        monkeypatch.setattr(driver, name, noting(name, getattr(driver, name), asked))
    return asked


def noting(name, request, asked):
    def noted(self, path, *others, **more):
        asked.append((name, path))
        return request(self, path, *others, **more)

    return noted


def test_every_folder_is_listed_once_and_nothing_else_is_asked(tiny_dataset, monkeypatch):
    address = upload(tiny_dataset, f"memory://{uuid.uuid4()}/set")
    folders_in = [path for path in tiny_dataset.rglob("*") if path.is_dir()]
    asked = count_requests(type(fsspec.filesystem("memory")), monkeypatch)
    dataset = find_dataset(root_at(address))
    sizes = [sample.image_path.stat().st_size for sample in dataset.samples]
    folders = [address, *(f"{address}/{path.relative_to(tiny_dataset)}" for path in folders_in)]
    assert sorted(asked) == sorted(("ls", folder.removeprefix("memory:/")) for folder in folders)
    assert sizes == [each.image_path.stat().st_size for each in find_dataset(tiny_dataset).samples]
    asked.clear()
    sent = pickle.loads(pickle.dumps(dataset.samples[0].image_path))  # as to a worker
    assert len(read_bytes(sent)) == sizes[0]
    assert sent == dataset.samples[0].image_path
    assert [name for name, _ in asked] == ["cat_file"]


def test_s3_is_asked_for_lists_and_then_for_files(tiny_dataset, s3_address, monkeypatch):
    from s3fs import S3FileSystem

    address = upload(tiny_dataset, f"{s3_address}/{uuid.uuid4()}")
    asked, plain = [], S3FileSystem._call_s3

    async def counted(self, method, *others, **more):
        asked.append(method)
        return await plain(self, method, *others, **more)

    monkeypatch.setattr(S3FileSystem, "_call_s3", counted)
    dataset = find_dataset(root_at(address))
    assert asked == ["list_objects_v2"] * 9
    asked.clear()
    for path in (dataset.samples[0].image_path, dataset.samples[0].label_path):
        near = tiny_dataset / path.relative_to(dataset.root)
        assert read_bytes(path) == near.read_bytes()
    assert asked == ["get_object"] * 2


def test_names_that_would_lead_out_of_their_folder_are_no_names(tiny_dataset, s3_address):
    address = upload(tiny_dataset, f"{s3_address}/{uuid.uuid4()}/set")
    expected = described(find_dataset(root_at(address)))
    inner = address.removeprefix("s3://")
    system = fsspec.filesystem("s3")
    for name in ("../../evil.jpg", "..", "/double.jpg", "./dot.jpg", "", "../train/x.jpg"):
        system.pipe_file(f"{inner}/images/train/{name}", b"x")
    system.pipe_file(f"{inner}/images", b"a file of a folder's name")
    root = root_at(address)
    train = root / "images" / "train"
    assert described(find_dataset(root)) == expected
    assert all(path.parent == train and path.name[0] == "0" for path in train.iterdir())
    assert not (train / "..").is_dir()
    assert (root / "images").is_dir()


@contextmanager
def web_server(folder):
    """Serve a folder as a web server that lists it, and give its address and what it was asked."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_request(self, code="-", size="-"):
            asked.append((self.command, self.path))

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def test_a_web_server_that_lists_its_folders_is_enough(tiny_dataset):
    pytest.importorskip("aiohttp", reason="fsspec's driver for http is not installed")
    for folder, ending in (("images", "jpg"), ("annotations", "png")):
        path = next((tiny_dataset / folder / "val").iterdir())
        path.rename(path.with_name(f"ä b#1%2F&c.{ending}"))
    with web_server(tiny_dataset.parent) as (address, asked):
        far = find_dataset(root_at(f"{address}/tiny/"))
        assert described(far) == described(find_dataset(tiny_dataset))
        for sample in far.samples:
            near = tiny_dataset / sample.image_path.relative_to(far.root)
            for _ in range(2):
                assert sample.image_path.stat().st_size == near.stat().st_size
            assert read_bytes(sample.image_path) == near.read_bytes()
            assert sample.image_path.version  # the time, which the list of a folder does not tell
        assert len(asked) == len(set(asked))  # no file and no folder twice
        with pytest.raises(DatasetError, match="found nothing at"):
            find_dataset(root_at(f"{address}/none"))


def test_a_file_that_changes_or_goes_is_no_sample(tiny_dataset, address):
    upload(tiny_dataset, address)
    first, second, third = find_dataset(root_at(address)).samples[:3]
    Place.of(str(first.image_path)).write(read_bytes(first.image_path) + b"more")
    Place.of(str(second.image_path)).write(read_bytes(second.image_path)[:-1])
    for sample in (first, second):
        with pytest.raises(
            DatasetError, match="it is not of .* bytes as it was when it was listed"
        ):
            read_bytes(sample.image_path)
    Place.of(str(third.image_path)).remove()
    with pytest.raises(DatasetError, match="there is no such file"):
        read_bytes(third.image_path)
    with pytest.raises(DatasetError, match=r"cannot read '.*/images/none': No such file"):
        read_bytes(root_at(address) / "images" / "none")
    with pytest.raises(DatasetError, match="it is no ordinary file"):
        read_bytes(root_at(address) / "images")


def test_an_empty_file_is_read_as_one(address):
    Place.of(f"{address}/empty").write(b"")
    assert read_bytes(root_at(address) / "empty") == b""


@pytest.mark.parametrize("address", ["s3://", "s3:///", "memory://"])
def test_an_address_of_nothing_is_refused(address):
    with pytest.raises(DatasetError, match="names no bucket or folder"):
        root_at(address)
