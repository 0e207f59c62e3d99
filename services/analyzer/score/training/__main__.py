"""`make train`: fits the head of the words' model to the graded lines and dialogues, and writes it."""

from services.analyzer.score.training.fit import fit
from services.analyzer.score.words.encoder import load_encoder
from services.analyzer.score.words.head import HEAD_FILE, save_head

if __name__ == "__main__":
    head = fit(load_encoder())
    save_head(head)
    print(f"{len(head.landmarks)} landmarks, {HEAD_FILE.stat().st_size // 1024} KiB in {HEAD_FILE}")  # noqa: T201
