"""The viewer as a server: what it answers, and what it keeps to itself."""

import json
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote
from urllib.request import urlopen

import pytest
from command_runs import files, mass13k
from viewed import answered, answers_of, predictions_of, running

pytest.importorskip("starlette", reason="the extra 'web' is not installed")
from starlette.testclient import TestClient

from mass13k_tools.errors import DatasetError
from mass13k_tools.layouts import find_dataset
from mass13k_tools.viewer.export import export_site, file_of
from mass13k_tools.viewer.server import HEADERS, application
from mass13k_tools.viewer.serving import serve


def client_of(root, *, token=None, **options):
    app = application(answers_of(root, measured=True, **options), token=token)
    return TestClient(app, base_url="http://127.0.0.1:8013", follow_redirects=False)


@pytest.fixture
def place(tiny_dataset):
    """Where the first photo's answers lie."""
    sample = find_dataset(tiny_dataset).samples[0]
    return f"{sample.split}/{sample.key}"


def test_pages_and_answers_are_there_with_headers_that_keep_others_out(tiny_dataset, place):
    client = client_of(tiny_dataset)
    page = client.get("/")
    assert page.status_code == 200 and "<main" in page.text
    names = re.findall(r'(?:src|href)="/(static/[^"]+)"', page.text)
    addresses = [
        *names,
        *("api/dataset.json", "api/samples.json", "api/measured.json", f"api/sample/{place}.json"),
        *(
            f"thumb/{place}/image.jpg",
            f"thumb/{place}/overlay.jpg",
            f"tile/{place}/image/0/0_0.jpg",
        ),
        f"crop/{place}/image.png?x=3&y=4&w=20&h=10",
    ]
    assert len(names) > 5
    for address in addresses:
        answer = client.get(f"/{address}")
        assert answer.status_code == 200, address
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in HEADERS["Content-Security-Policy"]
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


def test_text_is_packed_and_pictures_are_not_packed_again(tiny_dataset, place):
    client = client_of(tiny_dataset)
    packed = [
        client.get(f"/{address}").headers.get("content-encoding")
        for address in ("static/style.css", f"tile/{place}/image/0/0_0.jpg")
    ]
    assert packed == ["gzip", None]


def test_pages_ask_nothing_of_other_places(tiny_dataset):
    client = client_of(tiny_dataset)
    page = client.get("/").text
    for name in re.findall(r'"/(static/[^"]+)"', page):
        page += client.get(f"/{name}").text
    assert set(re.findall(r"https?://[^\s\"']+", page)) <= {"http://www.w3.org/2000/svg"}
    assert "style=" not in page and "eval(" not in page and "innerHTML" not in page


@pytest.mark.parametrize(
    "address",
    [
        *("static/../server.py", "static/%2e%2e/server.py", "static/..%2fserver.py", "static/"),
        *("api/../../etc/passwd", "api/sample/train/..%2f..%2fetc%2fpasswd.json"),
        *("tile/train/x/labels/0/0_0.png", "tile/{place}/labels/9/0_0.png"),
        *("tile/{place}/labels/0/-1_0.png", "tile/{place}/labels/0/0_0.jpg"),
        *("tile/{place}/labels/0/0_" + "9" * 40 + ".png", "tile/{place}/prediction0/0/0_0.png"),
        *("tile/{place}/__class__/0/0_0.png", "thumb/{place}/weights.jpg", "thumb/{place}/%00.jpg"),
        *("api/sample/%ff%fe/x.json", "crop/{place}/image.png?w=1", "crop/{place}/nothing.png"),
        *("crop/{place}/image.png?x=a&w=1&h=1", "nothing", "api/dataset.json/more"),
    ],
)
def test_what_is_not_listed_is_not_there(tiny_dataset, place, address):
    answer = client_of(tiny_dataset).get("/" + address.replace("{place}", place))
    assert answer.status_code in (404, 422)
    assert "passwd" not in answer.text or "no photo" in answer.text
    assert "Traceback" not in answer.text


def test_nothing_can_be_written(tiny_dataset):
    client = client_of(tiny_dataset)
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/api/dataset.json").status_code == 405


def test_pages_of_other_sites_cannot_pose_as_ours(tiny_dataset):
    client = client_of(tiny_dataset)
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:8013"):
        assert client.get("/api/dataset.json", headers={"host": host}).status_code == 400
    for host in ("localhost:8013", "127.0.0.1", "[::1]:8013"):
        assert client.get("/api/dataset.json", headers={"host": host}).status_code == 200


def test_a_token_is_asked_for_once_and_then_kept_in_a_cookie(tiny_dataset):
    client = client_of(tiny_dataset, token="secret")
    for address in ("/", "/api/dataset.json", "/?token=other", "/static/style.css"):
        refused = client.get(address)
        assert refused.status_code == 403 and "mass13k view" in refused.text
    welcome = client.get("/?token=secret")
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/")
    cookie = welcome.headers["set-cookie"]
    assert "HttpOnly" in cookie and "samesite=strict" in cookie.lower()
    assert client.get("/api/dataset.json").status_code == 200


def test_a_broken_photo_gives_its_reason_and_the_others_are_shown(tiny_dataset):
    first, second = find_dataset(tiny_dataset).samples[:2]
    first.label_path.write_bytes(b"no png")
    second.image_path.write_bytes(b"no jpeg")
    client = client_of(tiny_dataset)
    broken = client.get(f"/api/sample/{first.split}/{first.key}.json")
    assert broken.status_code == 422 and first.key in broken.json()["error"]
    half = client.get(f"/api/sample/{second.split}/{second.key}.json").json()
    assert second.key in half["errors"]["image"] and "labels" in half["layers"]
    rows = client.get("/api/measured.json").json()["rows"]
    assert [row[-1] is None for row in rows] == [False] + [True] * 5
    assert client.get(f"/thumb/{second.split}/{second.key}/image.jpg").status_code == 422


@pytest.mark.parametrize(
    "key", ["a b", "ü#?%41", "a+b&c", "'\"><img src=x>", "%2e%2e", "a..b", "a;b"]
)
def test_names_with_odd_signs_are_found(tiny_dataset, key):
    sample = find_dataset(tiny_dataset).samples[0]
    for path in (sample.image_path, sample.label_path):
        path.rename(path.with_name(f"{key}{path.suffix}"))
    address = f"/api/sample/{sample.split}/{quote(key, safe='')}.json"
    answer = client_of(tiny_dataset).get(address)
    assert answer.status_code == 200
    assert answer.json()["key"] == key


def test_many_ask_at_a_time_and_all_get_the_same(tiny_dataset, place):
    answers = answers_of(tiny_dataset)
    expected = answers.answer(f"tile/{place}/labels/0/0_0.png", {}).content
    with running(answers) as home, ThreadPoolExecutor(8) as pool:

        def fetched(_):
            with urlopen(f"{home}/tile/{place}/labels/0/0_0.png", timeout=20) as answer:
                return answer.read()

        assert set(pool.map(fetched, range(200))) == {expected}


def test_measuring_goes_on_where_a_page_left_off(tiny_dataset):
    answers = answers_of(tiny_dataset, measured=True)
    every = answered(answers, "api/measured.json")
    assert every["complete"] and len(every["rows"]) == 6
    assert answered(answers, "api/measured.json", after="4")["rows"] == every["rows"][4:]
    assert answered(answers, "api/measured.json", after="400")["rows"] == []


def test_a_port_that_is_taken_is_one_line(tiny_dataset):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(DatasetError, match="--port 0 takes a free one"):
            serve(
                answers_of(tiny_dataset), host="127.0.0.1", port=taken.getsockname()[1], decoders=1
            )


def delivered(site, address):
    """Read what a script of an exported site delivers."""
    call = (site / file_of(address)).read_text().strip()
    arguments = call.removeprefix("mass13k.deliver(").removesuffix(");")
    found, content = json.loads(f"[{arguments}]")
    assert found == address
    return content


def test_an_exported_site_has_all_that_its_pages_ask_for(tiny_dataset, tmp_path, place):
    folder = predictions_of(tiny_dataset, tmp_path / "pred")
    bad = find_dataset(tiny_dataset).samples[1]
    bad.label_path.write_bytes(b"no png")
    result = mass13k("view", tiny_dataset, "--pred", folder, "--export", tmp_path / "site")
    assert result.exit_code == 0, result.output
    site = tmp_path / "site"
    assert 'data-static="yes"' in (site / "index.html").read_text()
    assert '"/static' not in (site / "index.html").read_text()
    assert delivered(site, "api/measured.json")["complete"]
    facts = delivered(site, f"api/sample/{place}.json")
    for layer in facts["layers"]:
        ending = "jpg" if layer == "image" else "png"
        picture = delivered(site, f"tile/{place}/{layer}/0/0_0.{ending}")
        assert picture.startswith("data:image/")
    assert bad.key in delivered(site, f"api/sample/{bad.split}/{bad.key}.json")["error"]
    again = mass13k("view", tiny_dataset, "--export", site)
    assert again.exit_code == 1 and "is there already" in again.stderr
    assert not list(tmp_path.glob(".site*"))


def test_only_serving_needs_the_extra(tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.delitem(sys.modules, "mass13k_tools.viewer.serving")
    refused = mass13k("view", tiny_dataset, "--port", 0)
    assert refused.exit_code == 1 and "pip install 'mass13k[web]'" in refused.stderr
    assert mass13k("view", tiny_dataset, "--export", tmp_path / "site").exit_code == 0


def test_no_name_leads_out_of_an_exported_site(tiny_dataset, tmp_path):
    sample = find_dataset(tiny_dataset).samples[0]
    for path in (sample.image_path, sample.label_path):
        path.rename(path.with_name(f"..%2f..%2fout{path.suffix}"))
    before = set(files(tmp_path))
    export_site(answers_of(tiny_dataset), tmp_path / "deep" / "site")
    new = {name for name in set(files(tmp_path)) - before if "sqlite" not in name}
    assert new and all(name.startswith("deep/site/") for name in new)
    with pytest.raises(DatasetError, match="cannot be the name"):
        file_of("tile/../x")
