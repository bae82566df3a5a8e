"""From a photo of any size to a label map, in bounded memory.

``strips`` reads scores from a network, some rows at a time; ``views`` averages them over sizes and
mirror images; ``tiling`` blends those of overlapping tiles; ``budget`` says how much memory all of
this takes and how large tiles may be; ``predictor`` puts them together. ``photos`` finds images,
``products`` names and encodes what is written for each, ``pipeline`` reads, predicts and writes at
the same time, and ``report`` says what became of them.
"""
