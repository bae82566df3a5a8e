"""The network as one graph for other programs: from photos to label maps, for images of any size.

The graph takes uint8 RGB images of shape (B, 3, H, W), each side 64 or more, and normalises them
itself. It gives

- ``label_map``, shape (B, H, W), uint8 class ids;
- ``edges``, shape (B, H, W), float32, the probability of an edge, unless the network has no edge
  head;
- on request ``scores``, shape (B, K, H, W), float32, 0 or more: the sum over queries of class times
  mask, of which ``label_map`` is the largest.
"""

import importlib.util
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from mass13k_tools.errors import DatasetError
from mass13k_tools.loader.torch_photometric import MEAN, STD
from mass13k_tools.taxonomy_file import taxonomy_toml
from massformer.blocks import doubled
from massformer.checkpoint import CLASSES, FORMAT, SETTINGS, LoadedModel
from massformer.config import model_table, settings_toml
from massformer.model import semantic_scores
from massformer.peers import only_ours

INPUT = "images"
AXES = {0: "batch", 2: "height", 3: "width"}
QUERIES_AT_ONCE = 10  # in full size; all 100 masks of a 4K photo would take 5 GB
# Odd at every stride and wider than two windows, so that nothing in the graph is whole by chance
EXAMPLE_SHAPE = (2, 3, 289, 545)
ERRORS_ONLY = 3  # what onnxruntime tells
OPSET = 18  # later ones call the mode of GridSample by a name that runtimes refuse


Graph = Callable[[Tensor], list[Tensor]]
"""From uint8 images (B, 3, H, W) to what :attr:`Deployed.output_names` says."""


class Difference(NamedTuple):
    """How far a graph is from its network."""

    label_share: float
    """Share of the pixels with another class, 0..1."""
    apart: float | None
    """Largest difference of edges and scores; None if the graph gives neither."""


class Deployed(nn.Module):
    """A network with all that is before and behind it."""

    channel_mean: Tensor
    channel_deviation: Tensor
    ids: Tensor

    def __init__(self, loaded: LoadedModel, *, scores: bool = False) -> None:
        super().__init__()
        self.model = only_ours(loaded.model, "export").eval().requires_grad_(False)
        self.scores = scores
        edges = ("edges",) if loaded.config.egf else ()
        self.output_names = ("label_map", *edges, *(("scores",) if scores else ()))
        self.register_buffer("channel_mean", torch.tensor(MEAN)[:, None, None])
        self.register_buffer("channel_deviation", torch.tensor(STD)[:, None, None])
        self.register_buffer("ids", torch.tensor(loaded.taxonomy.ids, dtype=torch.uint8))
        self.notes = {
            "format": FORMAT,
            SETTINGS: settings_toml(model_table(loaded.config)),
            CLASSES: taxonomy_toml(loaded.taxonomy),
        }

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Give what :attr:`output_names` says of images (B, 3, H, W), uint8, RGB."""
        predictions = self.model((images.float() - self.channel_mean) / self.channel_deviation)
        classes = predictions["class_logits"][-1].split(QUERIES_AT_ONCE, dim=1)
        masks = predictions["mask_logits"][-1].split(QUERIES_AT_ONCE, dim=1)
        size_hw = images.shape[2], images.shape[3]
        scores = semantic_scores(classes[0], masks[0], size_hw)
        for some_classes, some_masks in zip(classes[1:], masks[1:], strict=True):
            scores = scores + semantic_scores(some_classes, some_masks, size_hw)
        outputs = [self.ids[scores.argmax(1)]]
        if (edge_logits := predictions["edge_logits"]) is not None:
            outputs.append(doubled(edge_logits, like=images).sigmoid()[:, 0])
        return (*outputs, scores) if self.scores else tuple(outputs)


def traced(deployed: Deployed) -> ExportedProgram:
    """Record what a network does, for any number, height and width of images.

    A traced size is a formula of height and width. Where two of them are not the same for the
    example, as in a slice that is not the whole map, the tracer wants them to be different for all
    images. They need not: what it recorded is right for whole maps, too. So these demands are taken
    out; all others stay.
    """
    example = torch.zeros(EXAMPLE_SHAPE, dtype=torch.uint8)
    with _quiet():
        program = torch.export.export(
            deployed,
            (example,),
            dynamic_shapes={INPUT: dict.fromkeys(AXES, Dim.DYNAMIC)},
            prefer_deferred_runtime_asserts_over_guards=True,
        )
    for node in list(program.graph.nodes):
        if node.target is torch.ops.aten._assert_scalar.default:
            if node.args[0].target is torch.sym_not:
                program.graph.erase_node(node)
    program.graph.eliminate_dead_code()
    program.graph_module.recompile()
    return program


def pt2_bytes(program: ExportedProgram, deployed: Deployed) -> bytes:
    """Write a graph as ``torch.export.load`` reads it."""
    content = BytesIO()
    with _quiet():
        torch.export.save(program, content, extra_files=deployed.notes)
    return content.getvalue()


def onnx_bytes(program: ExportedProgram, deployed: Deployed) -> bytes:
    """Write a graph as ONNX; its metadata hold settings and classes."""
    with _quiet():
        converted = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=deployed.output_names,
            optimize=False,  # takes minutes, and runtimes do it themselves
            verbose=False,
        )
    assert converted is not None, "with dynamo the program comes back"
    proto = converted.model_proto
    _name_axes(proto.graph)
    for name, text in deployed.notes.items():
        proto.metadata_props.add(key=name, value=text)
    content: bytes = proto.SerializeToString()
    return content


def pt2_graph(content: bytes) -> Graph:
    """Make a function of what :func:`pt2_bytes` wrote."""
    with _quiet():
        module = torch.export.load(BytesIO(content)).module()
    return lambda images: list(module(images))


def onnx_graph(content: bytes) -> Graph:
    """Make a function of what :func:`onnx_bytes` wrote, run by onnxruntime on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def graph(images: Tensor) -> list[Tensor]:
        return [torch.from_numpy(each) for each in session.run(None, {INPUT: images.numpy()})]

    return graph


FORMATS = {".onnx": (onnx_bytes, onnx_graph), ".pt2": (pt2_bytes, pt2_graph)}


def check_installed(suffix: str) -> None:
    """Make sure that a format can be written here.

    Raises:
        DatasetError: A package for it is not installed.
    """
    packages = ("onnx", "onnxscript", "onnxruntime") if suffix == ".onnx" else ()
    if missing := [each for each in packages if importlib.util.find_spec(each) is None]:
        raise DatasetError(
            f"ONNX needs {missing[0]}, which is not installed: pip install 'mass13k[export]'"
        )


@torch.no_grad()
def difference(graph: Graph, deployed: Deployed, size_hw: tuple[int, int]) -> Difference:
    """Compare a graph with its network on an image of noise, the same one every time."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (1, 3, *size_hw), dtype=torch.uint8, generator=generator)
    (label_map, *others), (expected, *wanted) = graph(images), deployed(images)
    apart = [float((a - b).abs().max()) for a, b in zip(others, wanted, strict=True)]
    return Difference(float((label_map != expected).float().mean()), max(apart, default=None))


def _name_axes(graph: Any) -> None:
    """Call the axes of the images by their names, and so what follows from them."""
    dims = graph.input[0].type.tensor_type.shape.dim
    names = {dims[axis].dim_param: name for axis, name in AXES.items()}
    symbol = re.compile("|".join(rf"\b{each}\b" for each in names))
    for value in (*graph.input, *graph.output, *graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = symbol.sub(lambda found: names[found[0]], dim.dim_param)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what tracers and converters say of themselves."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript")]
    levels = [each.level for each in loggers]
    try:
        for each in loggers:
            each.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
