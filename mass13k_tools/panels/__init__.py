"""A sample as pictures: layers side by side with a legend, a grid, or one file a layer.

``look`` says what is wanted, ``part`` reads it, ``layers`` draws each layer, ``legends`` explains
them, ``sheets`` puts them together.
"""
