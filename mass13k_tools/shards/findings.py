"""The table of everything that ``mass13k shards verify`` finds, and one finding."""

from dataclasses import dataclass

# kind -> what it means
KINDS: dict[str, str] = {
    "not-verified": "the check itself failed",
    "damaged-index": "`index.json` is missing, damaged, or says other things than the manifests",
    "missing-shard": "a tar of the index is not there",
    "extra-shard": "a tar or manifest that the index does not list",
    "damaged-manifest": "a shard's manifest is missing, damaged, or differs from the index",
    "wrong-size": "a tar is shorter or longer than its manifest says",
    "wrong-sha256": "a tar has other bytes than were written",
    "damaged-tar": "a tar is cut short, or holds what no shard may hold",
    "missing-member": "a member of the manifest is not in the tar",
    "extra-member": "a member that the manifest does not list",
    "moved-member": "a member lies elsewhere, or is longer or shorter, than the manifest says",
    "damaged-member": "a member with facts or offsets cannot be read",
    "wrong-facts": "a sample's facts differ from its manifest or its label map",
    "damaged-image": "an image cannot be decoded, or has another size",
    "damaged-label": "a label map cannot be decoded, has another size or unknown values",
    "wrong-edges": "an edge map is not that of its label map",
    "wrong-provenance": "a provenance map does not fit its record or its label map",
    "wrong-region": "a rectangle read alone differs from the whole picture",
    "duplicate-key": "one key is in a split twice",
    "wrong-list": "an index file for DALI or Energon does not fit its shard",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a shard."""

    kind: str
    """Row of ``KINDS``."""
    file: str
    """Name in the folder of shards."""
    found: str
    expected: str = ""
    key: str = ""
    """Empty where it is not about one sample."""

    def text(self) -> str:
        """Write it as one line."""
        place = f"{self.file}: {self.key}" if self.key else self.file
        expected = f", expected {self.expected}" if self.expected else ""
        return f"{self.kind}: {place}: {self.found}{expected}"
