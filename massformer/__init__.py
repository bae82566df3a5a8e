"""MaSSFormer, the network of the MaSS13K paper, in plain PyTorch."""
