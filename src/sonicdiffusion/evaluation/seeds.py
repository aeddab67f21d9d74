"""Which scenes are whose: training, judge and evaluation never share a seed."""

TRAINING = range(10_000_000)
"""Scenes that the steps of a bundled model may learn from."""

JUDGE_TRAINING = range(20_000_000, 25_000_000)
"""Scenes that the judge learns from."""

JUDGE_VALIDATION = range(25_000_000, 30_000_000)
"""Scenes on which the judge itself is measured."""

HEARD = range(30_000_000, 31_000_000)
"""Scenes whose sounds a model is measured with."""

SEEN = range(31_000_000, 32_000_000)
"""Scenes whose true pictures the generated ones are compared with."""

CLASS_MEANS = range(32_000_000, 33_000_000)
"""Scenes whose sounds stand for their class when an encoder is measured alone."""

WORLD_CHECK = range(33_000_000, 34_000_000)
"""Scenes on which the thumbnail test is trained and measured."""

EDITED = range(35_000_000, 36_000_000)
"""Scenes whose pictures without their event are edited by their sounds."""
