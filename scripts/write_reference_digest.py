"""Write tests/reference_digest.json: of each stored output of the released network a few values.

With it the tests compare our network with the released one where the stored outputs are not at
hand. Usage: python scripts/write_reference_digest.py FOLDER_OF_THE_STORED_OUTPUTS
"""

import json
import sys
from pathlib import Path
from typing import Any

from reference_model import ARRAYS, DIGEST, REFERENCE, VARIANTS, digest, stored_arrays


def digest_text(folder: Path = REFERENCE) -> str:
    """Make the file's content of the stored outputs: a line an array."""
    table: dict[str, dict[str, Any]] = {}
    for variant in VARIANTS:
        arrays = stored_arrays(variant, folder)
        table[variant] = {name: digest(arrays[name]) for name in ARRAYS}
    variants = []
    for variant, entries in table.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
        variants.append(f" {json.dumps(variant)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(variants) + "\n}\n"


if __name__ == "__main__":
    DIGEST.write_text(digest_text(Path(sys.argv[1])), encoding="utf-8")
