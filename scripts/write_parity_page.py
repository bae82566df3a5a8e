"""Write docs/parity.md: how far our network is from the released one, output by output.

Usage: python scripts/write_parity_page.py FOLDER_OF_THE_STORED_OUTPUTS
"""

import sys
from pathlib import Path

import torch
from reference_model import (
    ARRAYS,
    REFERENCE,
    ROOT,
    VARIANTS,
    deviation,
    reference_arrays,
    reference_model,
    stored_arrays,
    tolerance,
)
from reference_parts import (
    DEFORM_TOLERANCE,
    ENCODINGS,
    KERNELS,
    SINE_TOLERANCE,
    deform_deviations,
    sine_deviation,
)

PAGE = ROOT / "docs" / "parity.md"
DTYPES = (torch.float64, torch.float32)
NETWORKS = {"r50": "ResNet-50", "r18": "ResNet-18", "lite_r18": "Lite"}

HEAD = """# Equal to the released network

The released code was run once (PyTorch 2.13 on a CPU, float64) on three networks whose weights
follow a rule, and its outputs were kept; ours gets the same weights by the same names and is
compared with them. The tests do it on every run: with all stored values where they are at hand,
else with those in `tests/reference_digest.json`. `scripts/write_parity_page.py` writes this page.

ResNet-50 is the release, Lite the paper's MaSSFormer-Lite, ResNet-18 the release with the smaller
backbone. The input is 256x512: the released network takes multiples of 256 only.

"""

COUNTS = """## Parameters

| network | all | trained |
|---|---|---|
"""

OUTPUTS = """
## Outputs

The largest difference in any value; of the label map (`sem_argmax`), the share of pixels that
differ. In float32 the released network itself is up to 5e-5 from its float64 self. Where a mask
logit lies next to 0, one pixel more or less that a query looks at moves later predictions by a
thousandth; hence the wider tolerance of what comes after the first attention mask.

"""

PARTS = """
## Parts

Deformable convolution and its gradients against the official kernel, in float64; and the sine
encoding, which is computed in float32.

| part | tolerance | found |
|---|---|---|
"""


def parity_page(folder: Path = REFERENCE) -> str:
    """Compare everything and write what was found."""
    return HEAD + COUNTS + _counts() + OUTPUTS + _outputs(folder) + PARTS + _parts(folder)


def _counts() -> str:
    lines = []
    for variant, name in NETWORKS.items():
        parameters = list(reference_model(variant).parameters())
        trained = sum(each.numel() for each in parameters if each.requires_grad)
        lines.append(f"| {name} | {sum(each.numel() for each in parameters):,} | {trained:,} |\n")
    return "".join(lines)


def _outputs(folder: Path) -> str:
    found: dict[tuple[str, torch.dtype, str], float] = {}
    for variant in VARIANTS:
        released = stored_arrays(variant, folder)
        for dtype in DTYPES:
            arrays = reference_arrays(variant, dtype)
            for name in ARRAYS:
                found[variant, dtype, name] = deviation(name, arrays[name], released[name])
    kinds = [str(dtype).removeprefix("torch.") for dtype in DTYPES]
    columns = ["stored as", "part"]
    for kind in kinds:
        columns += [f"{kind}: tolerance", *NETWORKS.values()]
    lines = [_row(columns), "|" + "---|" * len(columns) + "\n"]
    for name, stored in ARRAYS.items():
        cells = [f"`{name}`", f"`{stored.part}`"]
        for dtype in DTYPES:
            cells.append(_number(tolerance(name, dtype)))
            cells += [_number(found[variant, dtype, name]) for variant in NETWORKS]
        lines.append(_row(cells))
    return "".join(lines)


def _parts(folder: Path) -> str:
    lines = []
    for kernel in KERNELS:
        for name, far in deform_deviations(kernel, folder).items():
            part = f"{kernel}x{kernel} taps, `{name}`"
            lines.append(_row([part, _number(DEFORM_TOLERANCE), _number(far)]))
    for name, (height, width, channels) in ENCODINGS.items():
        part = f"sine encoding {channels} x {height} x {width}"
        lines.append(_row([part, _number(SINE_TOLERANCE), _number(sine_deviation(name, folder))]))
    return "".join(lines)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _number(value: float) -> str:
    return f"{value:.0e}" if value else "0"


if __name__ == "__main__":
    PAGE.write_text(parity_page(Path(sys.argv[1])), encoding="utf-8")
