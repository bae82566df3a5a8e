"""Procedural 4K scenes with exact label maps: the sample data set that comes with the project."""

from mass13k_tools.scenes.compose import Scene, scene
from mass13k_tools.scenes.listing import SceneName, scene_name

__all__ = ["Scene", "SceneName", "scene", "scene_name"]
