"""Sets the level of heat: takes off what the fit leaves on calm talk, and gives back what it takes off anger."""

import numpy as np

from services.analyzer.score.words.head import Floats

# A ridge regression draws what it is unsure of to the mean. The three numbers were chosen on the training dialogues,
# each rated by a fit to other topics: the order of conversations stays as it was (docs/evaluation/graded-lines.md).
_CALM_SHARE, _CALM_REACH = 0.9, 0.2
_HOT_SHARE = 0.3


def at_level(heats: Floats) -> Floats:
    """Return heats from 0 to 1 with their level set, each hotter one still the hotter: 0.1 to 0.03, 0.7 to 0.74."""
    calm = 1 - _CALM_SHARE * np.exp(-((heats / _CALM_REACH) ** 2))
    levelled: Floats = heats * calm + _HOT_SHARE * heats**2 * (1 - heats)
    return levelled
