"""Looks at the provenance map of a sample: is it there, and does it fit its label map?"""

from collections.abc import Iterator
from functools import partial

from mass13k_tools.checks.problems import Problem, reason
from mass13k_tools.classes import Taxonomy
from mass13k_tools.errors import DatasetError
from mass13k_tools.images import read_label_map
from mass13k_tools.layouts import Sample
from mass13k_tools.provenance import provenance_faults, read_provenance


def provenance_problems(sample: Sample, taxonomy: Taxonomy) -> Iterator[Problem]:
    """Report what is wrong with the provenance map of a sample of a merged data set.

    Args:
        sample: Of a data set that has provenance maps.
        taxonomy: Of its label map.
    """
    fault = partial(Problem, split=sample.split, key=sample.key)
    again = "merge again, with --overwrite: 'mass13k pseudo merge'"
    path = sample.provenance_path
    if path is None:
        yield fault(
            kind="missing-provenance",
            path=sample.label_path,
            found="no provenance map",
            expected="one for every label map, as other samples have",
            hint=again,
        )
        return
    wrong = partial(fault, kind="wrong-provenance", path=path, hint=again)
    try:
        provenance, record = read_provenance(sample)
    except DatasetError as error:
        yield wrong(found=reason(error, path), expected="a map and its record")
        return
    try:
        label_map = read_label_map(sample.label_path, taxonomy)
    except DatasetError:  # which is reported already
        return
    for found, expected in provenance_faults(provenance, label_map, record):
        yield wrong(found=found, expected=expected)
