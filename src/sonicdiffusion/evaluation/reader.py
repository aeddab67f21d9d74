"""What the judge makes of texts: a bag of words and letter groups, put where the pictures are that it describes.

Sources: Joulin et al. 2017, "Bag of Tricks for Efficient Text Classification", arXiv 1607.01759, and Bojanowski et al.
2017, "Enriching Word Vectors with Subword Information", arXiv 1607.04606: words and groups of letters share hashed
rows of one table. So words that the world does not know, and other forms of known ones, are read as well.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

_LETTERS = 3  # in a group


@dataclass(frozen=True)
class ReaderConfig:
    """The shape of a reader.

    Args:
        rows: of the table of words and letter groups.
        width: numbers in a row.
        hidden_width: width of the layer between the table and the embedding.
        embedding_width: numbers in an embedding: those of the judge's pictures.
    """

    rows: int = 4096
    width: int = 64
    hidden_width: int = 256
    embedding_width: int = 256


class Reader(nn.Module):
    """From texts to embeddings in the space of the judge's pictures."""

    def __init__(self, config: ReaderConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.EmbeddingBag(config.rows, config.width, mode="mean")
        self.embed = nn.Sequential(
            nn.Linear(config.width, config.hidden_width),
            nn.GELU(),
            nn.Linear(config.hidden_width, config.hidden_width),
            nn.GELU(),
            nn.Linear(config.hidden_width, config.embedding_width),
        )

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Map texts to unit embeddings (texts, embedding width); an empty text is a text, too."""
        bags = [pieces(text, self.config.rows) for text in texts]
        starts = torch.tensor([0, *(len(bag) for bag in bags)]).cumsum(0)[:-1]
        device = self.table.weight.device
        rows = torch.tensor([row for bag in bags for row in bag])
        return normalize(self.embed(self.table(rows.to(device), starts.to(device))).float(), dim=-1)


def pieces(text: str, num_rows: int) -> list[int]:
    """Return the rows of a text's words and of their groups of three letters, in order; never none."""
    found = []
    for word in re.findall(r"\w+", text.lower()):
        marked = f"<{word}>"
        groups = [marked[i : i + _LETTERS] for i in range(len(marked) - _LETTERS + 1)]
        found += [zlib.crc32(piece.encode()) % num_rows for piece in (marked, *groups)]
    return found or [0]
