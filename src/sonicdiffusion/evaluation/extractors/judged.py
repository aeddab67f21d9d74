"""The judge as an extractor: pictures, sounds and texts of Soundscapes, offline. Its numbers compare with no others."""

from collections.abc import Sequence

import numpy as np

from sonicdiffusion.evaluation.bench import Pictures
from sonicdiffusion.evaluation.extractors.extractor import Embeddings, ExtractorFacts, weights_version
from sonicdiffusion.evaluation.judge import Judge
from sonicdiffusion.values import Waveform


class JudgeExtractor:
    """A judge's three embeddings.

    Args:
        judge: whose.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        width = judge.network.config.embedding_width
        self.facts = ExtractorFacts("judge of Soundscapes", weights_version(judge.network), width, is_published=False)

    def pictures(self, pictures: Pictures) -> Embeddings:
        """Return embeddings of length sqrt(width), (pictures, width): with length 1, KID's kernel is all but linear."""
        embeddings = self._judge.look(pictures).embeddings
        return embeddings * np.float32(embeddings.shape[1] ** 0.5)

    def sounds(self, sounds: Sequence[Waveform]) -> Embeddings:
        """Return unit embeddings, (sounds, width)."""
        return self._judge.listen(list(sounds))

    def texts(self, texts: Sequence[str]) -> Embeddings:
        """Return unit embeddings, (texts, width).

        Raises:
            ModelError: if the judge has not learnt to read.
        """
        return self._judge.read(list(texts))
