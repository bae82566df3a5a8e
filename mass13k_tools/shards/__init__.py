"""Shards: ordinary tar files of JPEG, PNG and JSON of which a crop is read and decoded alone.

JPEG files: ``jpeg_layout`` reads what stands before the pixels and ``jpeg_huffman`` its code
tables, ``jpeg_walk`` follows the coded pixels, ``jpeg_bits`` takes them out of the file and puts
them back, ``jpeg_restart`` so adds restart markers, ``jpeg_region`` cuts a rectangle out,
``jpeg_decode`` makes pixels of it.
"""
