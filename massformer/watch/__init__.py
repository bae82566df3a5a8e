"""What a person sees of a run while it trains, and afterwards.

``progress`` makes a line of the log; ``seam`` says what watchers are told. ``tables`` prints and
keeps numbers, ``tensorboard`` and ``weights_and_biases`` pass them on, ``panels`` and ``curves``
draw, ``pictures`` keeps what they draw, ``model_card`` sums up, ``watchers`` puts all together.
"""
