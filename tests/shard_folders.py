"""Shards for tests, and the commands that look into them."""

import json
import tarfile

from command_runs import mass13k, mass13k_json

from mass13k_tools.shards.tar_writer import TarWriter


def shard(*arguments):
    """Write shards with one process, if nothing else is asked for."""
    return mass13k("shard", "--jobs", 1, *arguments)


def shard_json(*arguments, code=0):
    return mass13k_json("shard", "--jobs", 1, *arguments, code=code)


def shards(command, *arguments, jobs=1):
    workers = () if command in ("ls", "info") else ("--jobs", jobs)
    return mass13k("shards", command, *arguments, *workers)


def shards_json(command, *arguments, jobs=1, exit_code=0):
    result = shards(command, *arguments, "--json", jobs=jobs)
    assert result.exit_code == exit_code, result.output
    return json.loads(result.stdout)


def make(root, out, *options):
    result = shard(root, out, *options)
    assert result.exit_code == 0, result.output
    return out


def kinds(folder, *options):
    """Verify and give what kinds of problems there are, or nothing where all is right."""
    result = shards("verify", folder, "--json", *options)
    report = json.loads(result.stdout)
    assert result.exit_code == (0 if report["ok"] else 1)
    assert report["ok"] == (not report["problems"])
    return {problem["kind"] for problem in report["problems"]}


def make_all(root, out):
    """Write shards with all that can be put in them: two of train, one of val, one of test."""
    size = sum(path.stat().st_size for path in root.glob("*/val/*")) + 1
    return make(root, out, "--with", "edges", "--dali", "--energon", "--size", size)


def tar_of(folder, split="val", number=0):
    return sorted(folder.glob(f"*-{split}-*.tar"))[number]


def edit(path, change):
    """Change a JSON file in place."""
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))


def members_of(folder):
    """Give the content of every member of every tar, by key and suffix."""
    found = {}
    for path in sorted(folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                key, _, suffix = member.name.partition(".")
                found.setdefault(key, {})[suffix] = tar.extractfile(member).read()
    return found


def members(path):
    with tarfile.open(path) as tar:
        return {each.name: tar.extractfile(each).read() for each in tar}


def rewrite(path, contents):
    """Write a tar anew, its manifest and index left as they are."""
    with path.open("wb") as file:
        tar = TarWriter(file)
        spans = {name: tar.add(name, content) for name, content in contents.items()}
        return spans, tar.close(), tar.bytes
