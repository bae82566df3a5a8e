"""How much boundary weights make pixels count in a loss, remembered without waiting for a GPU."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class WeightRange:
    """Smallest and largest of the factors that were seen since they were last taken."""

    ends: Tensor | None = None
    """Shape (2,), on the device of the factors; None where nothing was seen."""

    def see(self, factors: Tensor) -> None:
        """Remember factors of any shape, at least one."""
        low, high = factors.detach().aminmax()
        if self.ends is not None:
            low, high = torch.minimum(low, self.ends[0]), torch.maximum(high, self.ends[1])
        self.ends = torch.stack([low, high])

    def taken(self) -> tuple[float, float] | None:
        """Give smallest and largest, and begin anew; None where nothing was seen.

        Example:
            >>> seen = WeightRange()
            >>> seen.see(torch.tensor([1.0, 6.0]))
            >>> seen.see(torch.tensor([[0.5]]))
            >>> seen.taken(), seen.taken()
            ((0.5, 6.0), None)
        """
        if self.ends is None:
            return None
        low, high = self.ends.tolist()
        self.ends = None
        return low, high
