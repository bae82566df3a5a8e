"""Pictures of a run, kept in its folder."""

from mass13k_tools.images import png_bytes
from mass13k_tools.outputs import write_file
from massformer.run_folder import RunFolder, read_rows
from massformer.watch.seam import Validation, Watcher


class Pictures(Watcher):
    """Keeps a picture of every validation, and draws the curves anew after each and at the end."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder.path
        self.drawn: list[list[dict[str, str]]] = []

    def validated(self, validation: Validation) -> None:
        """Keep the picture, and draw the curves."""
        if validation.picture is not None:
            path = self.folder / "panels" / f"step-{validation.step:06d}.png"
            write_file(path, png_bytes(validation.picture), overwrite=True)
        self._draw_curves()

    def ended(self) -> None:
        """Draw the curves of the whole run."""
        self._draw_curves()

    def _draw_curves(self) -> None:
        from massformer.watch.curves import curves_png  # loads Matplotlib

        tables = [read_rows(self.folder / f"{name}.csv") for name in ("log", "validation")]
        if tables[0] and tables != self.drawn:  # the last step is often validated, too
            write_file(self.folder / "curves.png", curves_png(*tables), overwrite=True)
            self.drawn = tables
