"""Checks a whole data set: every file once, in parallel, then the samples against each other."""

from collections.abc import Iterator
from functools import partial

from mass13k_tools.checks.copies import equal_images, repeated_keys, similar_images
from mass13k_tools.checks.image_file import Fingerprint
from mass13k_tools.checks.pair import inspect_sample
from mass13k_tools.checks.problems import Problem
from mass13k_tools.layouts import Dataset, Sample
from mass13k_tools.pool import Workers, run


def check_dataset(dataset: Dataset, *, duplicates: bool, workers: Workers) -> list[Problem]:
    """List everything that is wrong with the files of a data set.

    Args:
        dataset: Samples, taxonomy and what pairing found already.
        duplicates: Also look for images that occur twice.
        workers: Who reads the files.

    Returns:
        Problems in the order of split, key, kind and file, equal for any number of workers.
    """
    problems = list(_pairing_problems(dataset))
    fingerprints: dict[Sample, Fingerprint] = {}
    merged = any(sample.provenance_path for sample in dataset.samples)
    inspect = partial(
        inspect_sample, taxonomy=dataset.taxonomy, fingerprints=duplicates, merged=merged
    )
    for done in run(inspect, dataset.samples, workers=workers, title="check"):
        if done.result is None:
            problems.append(_not_checked(done.item, str(done.failure)))
        else:
            problems += done.result.problems
            if done.result.fingerprint:
                fingerprints[done.item] = done.result.fingerprint
    # Workers finish in any order
    in_order = {
        sample: fingerprints[sample] for sample in dataset.samples if sample in fingerprints
    }
    problems += repeated_keys(dataset.samples, dataset.root)
    problems += equal_images(in_order, dataset.root)
    problems += similar_images(in_order, dataset.root)
    return sorted(problems, key=lambda problem: problem.order)


def _pairing_problems(dataset: Dataset) -> Iterator[Problem]:
    for fault in dataset.faults:
        yield Problem(
            kind=fault.kind,
            split=fault.split,
            key=fault.key,
            path=fault.path,
            found=fault.found,
            expected=fault.expected,
            hint=fault.hint,
        )


def _not_checked(sample: Sample, failure: str) -> Problem:
    return Problem(
        kind="not-checked",
        split=sample.split,
        key=sample.key,
        path=sample.image_path,
        found=failure,
        expected="a sample that can be checked",
        hint="run again with --jobs 1; if it stays, report it with this message",
    )
