"""Step 3 of the base's recipe: a CLIP tokenizer for the captions, and a text encoder that has learnt to read them.

    python recipes/base/text.py --out state/text --steps 1500

Before it sees a picture the encoder learns to tell, from the end token and from a padding token, which words and word
pairs describe each object from left to right, and the background. It then binds colours to objects from the start.
"""

import argparse
import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import torch
from render import TRAINING_SEED
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from tqdm import trange
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from zeroconv.scenes import Scene, sample_scene

LENGTH = 48  # tokens of a prompt, start and end included
WIDTH = 128
START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
WORD = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")  # how CLIP cuts a text into words


def train_tokenizer(captions: list[str], folder: Path) -> CLIPTokenizer:
    """A byte-pair encoding of the captions in CLIP's layout; every other text is spelt in pieces, none is unknown."""
    bpe = Tokenizer(models.BPE(end_of_word_suffix=WORD_END))
    bpe.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(WORD, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.train_from_iterator(captions, trainers.BpeTrainer(vocab_size=1200, end_of_word_suffix=WORD_END))
    merges = [tuple(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*letters, *(letter + WORD_END for letter in letters), *("".join(pair) for pair in merges), START, END]
    vocabulary = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False))
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=LENGTH, pad_token=END
    ).save_pretrained(folder)
    return CLIPTokenizer.from_pretrained(folder)


def build_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder: 3 layers of width 128."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=3 * WIDTH,
            projection_dim=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def facts(scene: Scene) -> set[str]:
    """What a caption tells: words and pairs of words of each object by its place, background and wall."""
    told = {f"background {scene.background.name}", f"wall {scene.wall}", f"objects {len(scene.objects)}"}
    for place, thing in enumerate(scene.objects):
        words = thing.description.split()
        told |= {f"{place} {word}" for word in words}
        told |= {f"{place} {first} {second}" for first, second in pairwise(words)}
    return told


def tokenize(tokenizer: CLIPTokenizer, captions: list[str]) -> Tensor:
    """Token ids (B, 48), padded with the end token as Stable Diffusion does."""
    return tokenizer(captions, padding="max_length", truncation=True, return_tensors="pt").input_ids


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24000, help="scenes whose captions are read")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    scenes = [sample_scene(TRAINING_SEED, index) for index in range(arguments.count)]
    tokenizer = train_tokenizer([s.caption for s in scenes], arguments.out / "tokenizer")
    ids = tokenize(tokenizer, [s.caption for s in scenes])
    longest = (ids != tokenizer.eos_token_id).sum(1).max().item() + 1
    told = [facts(s) for s in scenes]
    known = sorted(fact for fact, count in Counter(f for t in told for f in t).items() if count >= 20)
    truth = torch.tensor([[fact in t for fact in known] for t in told], dtype=torch.float32)
    encoder, head = build_encoder(tokenizer), nn.Linear(WIDTH, len(known))
    optimiser = torch.optim.AdamW([*encoder.parameters(), *head.parameters()], 2e-3, weight_decay=1e-2, fused=True)
    training = len(ids) - 1000

    def logits(rows: Tensor, pad: Tensor) -> tuple[Tensor, Tensor]:
        states = encoder(ids[rows]).last_hidden_state
        end = (ids[rows] == tokenizer.eos_token_id).int().argmax(1)
        place = torch.arange(len(rows))
        return head(states[place, end]), head(states[place, (end + 1 + pad).clamp(max=LENGTH - 1)])

    for step in trange(arguments.steps, desc="reading captions"):
        for group in optimiser.param_groups:
            cosine = 0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / arguments.steps))
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 50) * cosine
        rows = torch.randint(0, training, (64,))
        loss = sum(
            binary_cross_entropy_with_logits(guess, truth[rows], reduction="sum") / len(rows)
            for guess in logits(rows, torch.randint(0, 8, (64,)))
        )
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(encoder.parameters(), 1.0)
        optimiser.step()
    encoder.eval()
    with torch.no_grad():
        rows = torch.arange(training, len(ids))
        right = (
            ((logits(rows, torch.zeros(1000, dtype=torch.int64))[0] > 0) == (truth[rows] > 0.5)).all(1).float().mean()
        )
    encoder.save_pretrained(arguments.out / "text_encoder")
    print(f"{len(tokenizer)} tokens, longest caption {longest}; {len(known)} facts; all right: {right:.3f}")


if __name__ == "__main__":
    main()
