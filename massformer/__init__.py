"""MaSSFormer, the network of the MaSS13K paper (not written yet: see the change log)."""
